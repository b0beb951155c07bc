#!/bin/sh
# The gate's size and speed, beside the programs the shell script was made of.
# Prints a table. Builds as the image is built: static, small before fast.
set -eu
cd "$(dirname "$0")/../.."
target=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="-C target-feature=+crt-static" \
  cargo build -q -p vram-gate --profile gate --target "$target" --bin vram-gate
cargo bench -q -p vram-gate --profile gate --bench gate -- "$PWD/target/$target/gate/vram-gate"
