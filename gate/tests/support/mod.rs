//! Shared by the tests: the environment of a run, loopback servers, optional programs.

#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod api_server;
pub(crate) mod http_server;
pub(crate) mod random;
pub(crate) mod test_env;

use std::process::{Command, Stdio};

/// Returns true if a program is installed. Otherwise the caller skips its test, with a message here; in
/// CI that is an error instead.
pub(crate) fn has_program(program: &str) -> bool {
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
