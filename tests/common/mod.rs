//! The harness of the integration tests.
#![allow(dead_code, reason = "each test file is a crate of its own and uses its part")]

pub mod git;
pub mod guide;
pub mod http;
pub mod manifests;
pub mod output;
pub mod prometheus;
pub mod schemas;
pub mod terraform;
pub mod tool;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use self::output::CommandOutput;

/// Returns true if a program that a test needs works: its command, such as `["kubectl", "version",
/// "--client"]`, succeeds. Otherwise the test returns at once, and a line on standard error says that it
/// was skipped. In CI (`CI` is set) a missing program fails the test.
pub fn require(command: &[&str]) -> bool {
    let quiet = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let works = quiet.is_ok_and(|status| status.success());
    let command = command.join(" ");
    if !works {
        assert!(std::env::var_os("CI").is_none(), "CI needs `{command}` to work");
        // `eprintln!` would be captured: the output of a passing test is not shown.
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: `{command}` does not work here");
    }
    works
}

/// Runs a command with a text as its input, and returns its output.
#[track_caller]
pub fn run(command: &[&str], input: &str) -> String {
    let output = CommandOutput::with_input(Command::new(command[0]).args(&command[1..]), input);
    assert_eq!(output.code, 0, "{command:?}: {}", output.stderr);
    output.stdout
}

/// Writes a program, a script, and creates the folders above it.
///
/// Another process writes it: a test thread that forks meanwhile would inherit this process's handle on the
/// file, and a file that is open for writing can't be executed (ETXTBSY).
pub fn write_program(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let script = "cat >\"$0\" && chmod 755 \"$0\"";
    run(&["sh", "-c", script, path.to_str().unwrap()], text);
}

/// Strings that some YAML reader takes for another type or structure unless they are quoted.
pub fn hostile_strings() -> Vec<String> {
    let text = include_str!("../../crates/yaml-spans/tests/fixtures/hostile_strings.json");
    let groups: BTreeMap<String, Vec<String>> = serde_json::from_str(text).unwrap();
    let strings: Vec<String> = groups.into_values().flatten().collect();
    assert!(strings.len() >= 220, "{}", strings.len());
    strings
}
