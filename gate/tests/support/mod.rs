//! What the tests share: programs that may be missing, and loopback servers.

#![allow(dead_code)] // Each test file uses its own part.

pub(crate) mod api;
pub(crate) mod gate;
pub(crate) mod plain;
pub(crate) mod random;

use std::process::{Command, Stdio};

/// Whether a program is there. Where it is not, says so and lets the test
/// pass, but not in CI, where nothing may be left out unseen.
pub(crate) fn has(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", "command -v \"$0\"", program])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI needs {program}");
        eprintln!("skipped: {program} is not installed");
    }
    found
}
