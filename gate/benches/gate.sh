#!/bin/sh
# Prints a table of the gate's size and speed, and of the programs that the shell script started; `gate.sh watch`,
# one of a watch's memory and processor time over 100,000 looks, which takes some minutes.
# Builds as for the image: static, and optimized for size.
set -eu
cd "$(dirname "$0")/../.."
target=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="-C target-feature=+crt-static" \
  cargo build -q -p vram-gate --profile gate --target "$target" --bin vram-gate
cargo bench -q -p vram-gate --profile gate --bench "${1:-gate}" -- "$PWD/target/$target/gate/vram-gate"
