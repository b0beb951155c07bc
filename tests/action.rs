//! The composite action's own script, run against a release that lies on the disk.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so"
)]
#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::process::Command;

use common::tool::{self, Ran, Sandbox};
use serde_json::Value;

const ARCHIVE: &str = if cfg!(target_arch = "aarch64") {
    "tts-render-9.9.9-aarch64-linux.tar.gz"
} else {
    "tts-render-9.9.9-x86_64-linux.tar.gz"
};

/// The action's steps, as scripts.
fn script(step: usize) -> String {
    let text = fs::read_to_string(tool::repository().join("action.yml")).unwrap();
    let action: Value = serde_yaml::from_str(&text).unwrap();
    action["runs"]["steps"][step]["run"].as_str().unwrap().to_owned()
}

/// A release of a program that says how it was called.
fn release() -> Sandbox {
    let sandbox = Sandbox::empty();
    sandbox.write("release/tts-render", "#!/bin/sh\necho \"ran $*\"\n");
    let run = |command: &str| {
        let status = Command::new("sh")
            .args(["-c", command])
            .current_dir(sandbox.path("release"))
            .status()
            .unwrap();
        assert!(status.success(), "{command}");
    };
    run(&format!(
        "chmod +x tts-render && tar -czf {ARCHIVE} tts-render && sha256sum {ARCHIVE} other-* 2>/dev/null > SHA256SUMS; rm tts-render"
    ));
    fs::create_dir(sandbox.path("temp")).unwrap();
    sandbox
}

fn install(sandbox: &Sandbox, version: &str) -> Ran {
    let output = Command::new("bash")
        .args(["-c", &script(0)])
        .env("VERSION", version)
        .env("BASE", format!("file://{}", sandbox.path("release").display()))
        .env("RUNNER_TEMP", sandbox.path("temp"))
        .env("GITHUB_PATH", sandbox.path("path"))
        .env("GITHUB_OUTPUT", sandbox.path("output"))
        .output()
        .unwrap();
    tool::finished(output)
}

#[test]
fn a_release_is_installed_and_run() {
    if !common::require(&["curl", "--version"]) {
        return;
    }
    let sandbox = release();
    let ran = install(&sandbox, "9.9.9");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let program = sandbox.read("output").trim().strip_prefix("path=").unwrap().to_owned();
    assert!(program.starts_with(sandbox.read("path").trim()));
    let output = Command::new("bash")
        .args(["-c", &script(1)])
        .env("ARGUMENTS", "render --check")
        .env("DIRECTORY", sandbox.path(""))
        .env("PROGRAM", program)
        .output()
        .unwrap();
    assert_eq!(tool::finished(output).out, "ran render --check\n");
}

#[test]
fn an_archive_that_is_not_the_listed_one_is_not_run() {
    if !common::require(&["curl", "--version"]) {
        return;
    }
    let refused = |sandbox: &Sandbox| {
        let ran = install(sandbox, "9.9.9");
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert!(
            ran.out.contains(&format!(
                "::error::the checksum of {ARCHIVE} is not the one in SHA256SUMS"
            )),
            "{}",
            ran.out
        );
        assert!(!sandbox.path("path").exists(), "nothing is on the path");
    };
    let other = release();
    fs::write(other.path(format!("release/{ARCHIVE}")), "something else").unwrap();
    refused(&other);
    let unlisted = release();
    unlisted.write("release/SHA256SUMS", "");
    refused(&unlisted);
    let listed_twice = release();
    let line = listed_twice.read("release/SHA256SUMS");
    listed_twice.write("release/SHA256SUMS", &line.repeat(2));
    refused(&listed_twice);
}

#[test]
fn a_version_with_other_characters_is_rejected() {
    let sandbox = release();
    for version in ["", "../9.9.9", "9.9.9 --output", "$(id)"] {
        let ran = install(&sandbox, version);
        assert!(
            ran.code == 1 && ran.out.contains("expected the number of a release"),
            "{version}: {}",
            ran.out
        );
    }
}
