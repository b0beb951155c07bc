//! `window`: the windows of stacks.

#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;

mod next;
mod simulate;
