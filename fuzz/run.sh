#!/bin/sh
# Fuzzes the page parser for so many seconds (default 300), from the fixtures
# of the tests. The metric is called `m` here: a name of 25 letters would have
# to be guessed again for every new line.
set -eu
cd "$(dirname "$0")"
mkdir -p seeds/page corpus/page
for page in ../gate/tests/fixtures/pages/*.prom; do
  sed 's/gpu_pod_memory_used_bytes/m/g' "$page" > "seeds/page/$(basename "$page" .prom)"
done
exec cargo +nightly fuzz run --fuzz-dir . page corpus/page seeds/page -- \
  -dict=page.dict -max_len=600 -max_total_time="${1:-300}" -print_final_stats=1
