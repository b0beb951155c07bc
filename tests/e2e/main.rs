//! What this project makes, held against the programs that will really read it: `tests/e2e/run`.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so"
)]
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;

mod cluster;
mod compare;
mod flux;

mod adoption;
mod agreement;
mod apply;
mod harness;
mod immutable;
mod replicas;
mod wiring;
