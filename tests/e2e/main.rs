//! Tests of the project's output with the programs that will read it. Run by `tests/e2e/run`.

#![cfg(test)]
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;

#[allow(dead_code, reason = "shared with the tests of `image`")]
#[path = "../image/registry.rs"]
mod registry;
#[allow(dead_code, reason = "shared with the test of docs/quickstart.md")]
#[path = "../quickstart/scenario.rs"]
mod scenario;
#[allow(dead_code, reason = "shared with the tests of `image`")]
#[path = "../image/test_env.rs"]
mod test_env;

mod cluster;
mod compare;
mod flux;
mod programs;

mod adoption;
mod agreement;
mod apply;
mod argocd;
mod crash;
mod dashboard;
mod doctor;
mod gate;
mod harness;
mod immutable;
mod jobs;
mod kyverno;
mod night;
mod quickstart;
mod rehearsal;
mod replicas;
mod schemas;
mod status;
mod wiring;
