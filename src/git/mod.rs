//! The user's own `git`, run as a command: its identity, signing and hooks are theirs.
//!
//! In: a folder in a work tree and what `rendered/` should hold. Out: a commit of `rendered/` alone,
//! or why there is none. Only `commit` (and `diff`, for what a revision holds) calls it.

mod commit;
mod message;
mod push;
mod run;

pub use commit::{CommitError, Committed, Content, Job, Outcome, commit};
pub use message::{Change, Changes, Verb};
pub use run::{Git, GitError};
