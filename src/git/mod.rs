//! The user's own `git`, run as in a clone that somebody else has prepared.
//!
//! Every call is built here. The clone's own settings start no program ([`settings`]), no variable
//! redirects Git ([`environment`]), and only the `.git` of the work tree is used ([`work_tree`]).
//! Git 2.31 or newer is needed.

mod environment;
mod run;
mod settings;
mod work_tree;

pub use run::{Git, GitError, Purpose, RemoteProgram};
