//! A repository with rendered files, and Git in it.

use crate::common::git::git;
use crate::common::tool::{CommandOutput, Sandbox};

pub const NOW: &str = "2026-11-24T12:00:00Z";
/// The beginning of the headline if nothing differs.
pub const SAME: &str = "0 critical, 0 warning · no difference in ";

/// This repository's project, rendered and committed.
pub fn committed() -> Sandbox {
    let sandbox = Sandbox::repository();
    sandbox.ok(&["render"]);
    git(&sandbox.path(""), &["init", "--quiet"]);
    commit(&sandbox);
    sandbox
}

/// Commits all files of the project.
pub fn commit(sandbox: &Sandbox) {
    git(&sandbox.path(""), &["add", "--all"]);
    git(&sandbox.path(""), &["commit", "--quiet", "--message", "a state"]);
}

/// Runs `diff` at a fixed time.
pub fn diff(sandbox: &Sandbox, args: &[&str]) -> CommandOutput {
    sandbox.run(&[&["diff", "--now", NOW], args].concat())
}

/// The report's headline.
pub fn first_line(output: &CommandOutput) -> &str {
    output.stdout.lines().next().unwrap_or_default()
}
