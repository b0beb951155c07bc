#!/bin/sh
# Prints a table of the gate's size and speed, and of the programs that the shell script started.
# Builds as for the image: static, and optimized for size.
set -eu
cd "$(dirname "$0")/../.."
target=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="-C target-feature=+crt-static" \
  cargo build -q -p vram-gate --profile gate --target "$target" --bin vram-gate
cargo bench -q -p vram-gate --profile gate --bench gate -- "$PWD/target/$target/gate/vram-gate"
