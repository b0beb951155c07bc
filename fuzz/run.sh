#!/usr/bin/env bash
# Fuzzes all targets, or those given, for N seconds each (default 300), starting from this repository's
# own files: fuzz/run.sh [--seconds N] [TARGET...]; fuzz/run.sh --build only compiles them.
#
# New inputs are kept in corpus/, failing ones in artifacts/; neither is committed. Prints a line for each
# target; exits 1 if one failed.
set -euo pipefail
cd "$(dirname "$0")"

seconds=300
if [ "${1:-}" = --seconds ]; then
  seconds=$2
  shift 2
fi
targets=("$@")
[ $# -gt 0 ] || targets=(exposition values output policy)

version=0.13.2
tools="${XDG_CACHE_HOME:-$HOME/.cache}/tts-render-ci"
export PATH="$tools/bin:$PATH"
cargo fuzz --version >/dev/null 2>&1 ||
  cargo install cargo-fuzz --version "$version" --locked --quiet --root "$tools"

# `cargo fuzz` silently updates a lock file that is out of date; this fails instead.
cargo metadata --locked --format-version 1 >/dev/null

# The code is safe Rust: a sanitizer, which needs nightly, would find nothing more.
build=(--fuzz-dir . --sanitizer none --codegen-units 16)

# seed TARGET FILE NAME: copies a file to the target's seeds.
seed() {
  mkdir -p "corpus/seeds/$1"
  cp "$2" "corpus/seeds/$1/$3"
}

seeds_exposition() {
  # The metric is renamed to `m`: the fuzzer would have to guess a name of 25 letters for every line.
  local file
  mkdir -p corpus/seeds/exposition
  for file in ../gate/tests/fixtures/expositions/*.prom; do
    sed 's/gpu_pod_memory_used_bytes/m/g' "$file" >"corpus/seeds/exposition/$(basename "$file" .prom)"
  done
}

# bare FILE: the file without comments, which only make it longer.
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
  # One object a seed: long texts are slow, and most mutations miss the interesting parts.
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

# The keys of the seeds as libFuzzer's dictionary.
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
[ "${targets[0]}" != --build ] || exit 0
failed=0
printf '%-10s %-6s %10s %8s %8s %8s\n' target result runs per-s cover corpus
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
  printf '%-10s %-6s %10s %8s %8s %8s\n' "$target" "$result" "$(figure number_of_executed_units "$log")" \
    "$(figure average_exec_per_sec "$log")" "$cover" "$(find "corpus/$target" -type f | wc -l)"
  if [ "$result" != ok ]; then
    failed=1
    tail -40 "$log" >&2
  fi
done
exit "$failed"
