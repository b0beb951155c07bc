#!/usr/bin/env bash
# Fuzzes every target, or those that are named, for so many seconds each (default 300), from this
# repository's own files: fuzz/run.sh [--seconds N] [TARGET...]
#
# What was found new stays in corpus/, what fails in artifacts/; neither is committed. Prints a line a
# target; exits 1 if one failed.
set -euo pipefail
cd "$(dirname "$0")"

seconds=300
if [ "${1:-}" = --seconds ]; then
  seconds=$2
  shift 2
fi
targets=("$@")
[ $# -gt 0 ] || targets=(page values output policy)

version=0.13.2
tools="${XDG_CACHE_HOME:-$HOME/.cache}/tts-render-ci"
export PATH="$tools/bin:$PATH"
cargo fuzz --version >/dev/null 2>&1 ||
  cargo install cargo-fuzz --version "$version" --locked --quiet --root "$tools"

# `cargo fuzz` would write a lock file that is out of date anew, and say nothing.
cargo metadata --locked --format-version 1 >/dev/null

# The code is safe Rust, so that a sanitizer, which wants nightly, would find nothing more.
build=(--fuzz-dir . --sanitizer none --codegen-units 16)

# seed TARGET FILE NAME
seed() {
  mkdir -p "corpus/seeds/$1"
  cp "$2" "corpus/seeds/$1/$3"
}

seeds_page() {
  # The metric is called `m` here: a name of 25 letters would have to be guessed again for every line.
  local page
  mkdir -p corpus/seeds/page
  for page in ../gate/tests/fixtures/pages/*.prom; do
    sed 's/gpu_pod_memory_used_bytes/m/g' "$page" >"corpus/seeds/page/$(basename "$page" .prom)"
  done
}

# Without comments, which only cost length.
bare() { sed '/^ *#/d' "$1"; }

seeds_values() {
  local file assignment
  mkdir -p corpus/seeds/values
  bare ../values/tts.yaml >corpus/seeds/values/base
  for file in ../overlays/*.yaml; do
    { bare ../values/tts.yaml && printf '\036' && bare "$file"; } >"corpus/seeds/values/$(basename "$file")"
  done
  for assignment in gate.floor=7Gi 'offPeak.up=0 1 * * *' server.imagePullSecrets=null \
    'server.env["A.B"]={valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}' clients=[] kyverno.mode=none; do
    { bare ../values/tts.yaml && printf '\036=%s' "$assignment"; } >"corpus/seeds/values/${assignment%%=*}"
  done
}

seeds_output() {
  local file
  for file in ../rendered/*/*.yaml ../policies/*.yaml; do
    seed output "$file" "$(basename "$file")"
  done
  # One object a seed: a long text is slow, and changed in the wrong place.
  for file in ../crates/kube-validate/tests/fixtures/pass/*.yaml; do
    awk -v out="corpus/seeds/output/$(basename "$file")" \
      'BEGIN { RS = "\n---\n" } { print > (out "-" NR); close(out "-" NR) }' "$file"
  done
}

seeds_policy() {
  local file
  for file in ../policies/*.yaml ../tests/fixtures/policy/*/*.yaml ../tests/fixtures/siblings/*.yaml; do
    [ ! -f "$file" ] || seed policy "$file" "$(tr / - <<<"${file#../}")"
  done
}

# The keys of the seeds, as libFuzzer has words.
dictionary() {
  if [ -f "$1.dict" ]; then
    cat "$1.dict"
  else
    cat yaml.dict
    grep -ohrE '[A-Za-z][A-Za-z.]{2,30}:' "corpus/seeds/$1" | sort -u | sed 's/.*/"&"/'
  fi
}

figure() { sed -nE "s/^stat::$1: *//p" "$2"; }

cargo fuzz build "${build[@]}"
failed=0
printf '%-8s %-6s %10s %8s %8s %8s\n' target result runs per-s cover corpus
for target in "${targets[@]}"; do
  mkdir -p "corpus/$target"
  "seeds_$target"
  dictionary "$target" >"corpus/$target.dict"
  longest=$(wc -c "corpus/seeds/$target"/* | awk '$2 != "total" && $1 > most { most = $1 } END { print most + 256 }')
  log="corpus/$target.log"
  result=ok
  cargo fuzz run "${build[@]}" "$target" "corpus/$target" "corpus/seeds/$target" -- \
    -dict="corpus/$target.dict" -max_len="$longest" -max_total_time="$seconds" -timeout=20 \
    -print_final_stats=1 >"$log" 2>&1 || result=FAILED
  cover=$(sed -nE 's/.* cov: ([0-9]+) .*/\1/p' "$log" | tail -1)
  printf '%-8s %-6s %10s %8s %8s %8s\n' "$target" "$result" "$(figure number_of_executed_units "$log")" \
    "$(figure average_exec_per_sec "$log")" "$cover" "$(find "corpus/$target" -type f | wc -l)"
  if [ "$result" != ok ]; then
    failed=1
    tail -40 "$log" >&2
  fi
done
exit "$failed"
