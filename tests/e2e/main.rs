//! Tests of the project's output with the programs that will read it. Run by `tests/e2e/run`.

#![cfg(test)]
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;

mod cluster;
mod compare;
mod flux;
mod programs;

mod adoption;
mod agreement;
mod apply;
mod argocd;
mod crash;
mod doctor;
mod gate;
mod harness;
mod immutable;
mod jobs;
mod kyverno;
mod night;
mod replicas;
mod schemas;
mod wiring;
