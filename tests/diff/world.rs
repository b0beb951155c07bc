//! A repository with rendered files, and Git in it.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::tool::{Ran, Sandbox};

pub const NOW: &str = "2026-11-24T12:00:00Z";
/// The beginning of the headline if nothing differs.
pub const SAME: &str = "0 critical, 0 warning · no difference in ";

/// Runs Git in a folder, with an identity and without the user's configuration.
#[track_caller]
pub fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.org",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(args)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::null())
        .output()
        .expect("git");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// This repository's project, rendered and committed.
pub fn committed() -> Sandbox {
    let sandbox = Sandbox::repository();
    sandbox.ok(&["render"]);
    git(&sandbox.path(""), &["init", "--quiet"]);
    commit(&sandbox);
    sandbox
}

pub fn commit(sandbox: &Sandbox) {
    git(&sandbox.path(""), &["add", "--all"]);
    git(&sandbox.path(""), &["commit", "--quiet", "--message", "a state"]);
}

pub fn diff(sandbox: &Sandbox, args: &[&str]) -> Ran {
    sandbox.run(&[&["diff", "--now", NOW], args].concat())
}

pub fn first(ran: &Ran) -> &str {
    ran.out.lines().next().unwrap_or_default()
}
