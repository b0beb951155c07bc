//! Shared by the tests: the environment of a run, loopback servers, optional programs.

#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod api_server;
pub(crate) mod http_server;
pub(crate) mod random;
pub(crate) mod test_env;

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Waits for something that happens within half a minute.
#[track_caller]
pub(crate) fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(30), "never: {what}");
        sleep(Duration::from_millis(5));
    }
}

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

/// Compares a generated table of `docs/gate.md` with its text between the comments of this name. With
/// `UPDATE_DOCS=1` it writes the table instead.
pub(crate) fn check_docs_table(name: &str, table: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/gate.md");
    let document = std::fs::read_to_string(&file).unwrap();
    let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = document.split_once(&start).expect(&start);
    let (found, after) = rest.split_once(&end).expect(&end);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let updated = format!("{before}{start}\n{}\n{end}{after}", table.trim());
        std::fs::write(&file, updated).unwrap();
    } else {
        assert_eq!(found.trim(), table.trim(), "the table `{name}` of docs/gate.md");
    }
}
