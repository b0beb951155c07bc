//! `policy edit` over a folder of files, and over thousands that are generated.

// A test fails by panicking, in its helpers too.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "policy/cases.rs"]
mod cases;
#[path = "policy/fixtures.rs"]
mod fixtures;
#[path = "policy/generated.rs"]
mod generated;
#[path = "policy/siblings.rs"]
mod siblings;
