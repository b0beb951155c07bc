//! The policy edit over a folder of fixtures, and over thousands of generated files.

#![cfg(test)]

#[path = "policy_edit/broken.rs"]
mod broken;
#[path = "policy_edit/cases.rs"]
mod cases;
#[path = "policy_edit/fixtures.rs"]
mod fixtures;
#[path = "policy_edit/generated.rs"]
mod generated;
#[path = "policy_edit/several.rs"]
mod several;
#[path = "policy_edit/siblings.rs"]
mod siblings;
