//! The user's own `git`, run as in a clone that somebody else has prepared.
//!
//! Every call is built here. The clone's own settings start no program (`settings`), no variable
//! redirects Git (`environment`), and only the `.git` of the work tree is used (`work_tree`).
//! Git 2.31 or newer is needed.

mod environment;
mod run;
mod settings;
mod work_tree;

/// The option of each call that compares the work tree: without it, Git starts itself in submodules, with
/// their settings. The settings `diff.ignoreSubmodules` and `submodule.*.ignore` are weaker.
pub const IGNORE_SUBMODULES: &str = "--ignore-submodules=dirty";

pub use run::{Git, GitError, Purpose, RemoteProgram};
pub use work_tree::find_work_tree_top;
