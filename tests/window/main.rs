//! `window`: the windows of stacks.

#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;

mod fetch;
mod next;
mod simulate;
