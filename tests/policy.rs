//! `policy edit` over a folder of files, and over thousands that are generated.

#[path = "policy/cases.rs"]
mod cases;
#[path = "policy/fixtures.rs"]
mod fixtures;
#[path = "policy/generated.rs"]
mod generated;
#[path = "policy/siblings.rs"]
mod siblings;
