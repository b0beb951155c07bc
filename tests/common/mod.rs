//! What several integration tests need.
#![allow(clippy::unwrap_used, reason = "a helper fails the test that calls it")]
#![allow(dead_code, reason = "each test file is a crate of its own and uses its part")]

pub mod http;
pub mod manifests;
pub mod terraform;
pub mod tool;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

/// Whether a program that a test needs is there: its command, such as `["kubectl", "version",
/// "--client"]`, succeeds. Where it is not, the test should return at once; a line on standard error
/// says that it was skipped. In CI (`CI` is set) a missing program fails the test.
pub fn require(command: &[&str]) -> bool {
    let quiet = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let there = quiet.is_ok_and(|status| status.success());
    let command = command.join(" ");
    if !there {
        assert!(std::env::var_os("CI").is_none(), "CI needs `{command}` to work");
        // Written past the test harness, which shows what a passing test prints to nobody.
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: `{command}` does not work here");
    }
    there
}

/// Runs a command with a text as its input and gives what it prints.
#[track_caller]
pub fn run(command: &[&str], input: &str) -> String {
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let last: Vec<char> = errors.trim().chars().rev().take(500).collect();
    let last: String = last.into_iter().rev().collect();
    assert!(output.status.success(), "{command:?}: {last}");
    String::from_utf8(output.stdout).unwrap()
}

/// Strings that some YAML reader somewhere takes for something else when they are written
/// carelessly.
pub fn hostile_strings() -> Vec<String> {
    let text = include_str!("../../crates/yaml-spans/tests/fixtures/hostile_strings.json");
    let groups: BTreeMap<String, Vec<String>> = serde_json::from_str(text).unwrap();
    let strings: Vec<String> = groups.into_values().flatten().collect();
    assert!(strings.len() >= 220, "{}", strings.len());
    strings
}
