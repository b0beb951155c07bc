//! Commits of `rendered/`.
//!
//! In: a folder in a work tree, and a function that renders. Out: a commit of `rendered/` alone, or
//! the reason why there is none. Nothing else in the index or the work tree changes.

mod check;
mod create;
mod error;
mod message;
mod push;

pub use create::{CommitRequest, Committed, Content, Outcome, create_commit};
pub use error::CommitError;
pub use message::{Change, Changes, Verb};
