//! The user's own `git`, run as a command, with the user's identity, signing and hooks.

mod run;

pub use run::{Git, GitError};
