//! The composite action's own script, run against a release that lies on the disk.

#![cfg(test)]
#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::process::Command;

use common::http::{self, Request, Response};
use common::tool::{self, CommandOutput, Sandbox};
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

fn install(sandbox: &Sandbox, version: &str) -> CommandOutput {
    install_with(sandbox, &[("VERSION", version)])
}

/// Runs the step that installs, with the release on the disk unless `BASE` says otherwise.
fn install_with(sandbox: &Sandbox, inputs: &[(&str, &str)]) -> CommandOutput {
    let mut command = Command::new("bash");
    command
        .args(["-c", &script(0)])
        .env("VERSION", "9.9.9")
        .env("SHA256", "")
        .env("BASE", format!("file://{}", sandbox.path("release").display()))
        .env("RUNNER_TEMP", sandbox.path("temp"))
        .env("GITHUB_PATH", sandbox.path("path"))
        .env("GITHUB_OUTPUT", sandbox.path("output"))
        .envs(inputs.iter().copied());
    CommandOutput::run(&mut command)
}

/// Runs the step that runs a command.
fn run_arguments(sandbox: &Sandbox, program: &str, arguments: &str) -> CommandOutput {
    let mut command = Command::new("bash");
    command
        .args(["-e", "-o", "pipefail", "-c", &script(1)])
        .env("ARGUMENTS", arguments)
        .env("DIRECTORY", sandbox.path(""))
        .env("PROGRAM", program);
    CommandOutput::run(&mut command)
}

#[test]
fn a_release_is_installed_and_run() {
    if !common::require(&["curl", "--version"]) {
        return;
    }
    let sandbox = release();
    let output = install(&sandbox, "9.9.9");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    let program = sandbox.read("output").trim().strip_prefix("path=").unwrap().to_owned();
    assert!(program.starts_with(sandbox.read("path").trim()));
    let output = run_arguments(&sandbox, &program, "render --check");
    assert_eq!(output.stdout, "ran render --check\n");
}

#[test]
fn an_archive_that_is_not_the_listed_one_is_not_run() {
    if !common::require(&["curl", "--version"]) {
        return;
    }
    let refused = |sandbox: &Sandbox| {
        let output = install(sandbox, "9.9.9");
        assert_eq!(output.code, 1, "{}", output.stderr);
        assert!(
            output.stdout.contains(&format!(
                "::error::the checksum of {ARCHIVE} is not the one in SHA256SUMS"
            )),
            "{}",
            output.stdout
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
    listed_twice.write("release/SHA256SUMS", line.repeat(2));
    refused(&listed_twice);
}

#[test]
fn a_version_with_other_characters_is_rejected() {
    let sandbox = release();
    for version in ["", "../9.9.9", "9.9.9 --output", "$(id)"] {
        let output = install(&sandbox, version);
        assert!(
            output.code == 1 && output.stdout.contains("expected the number of a release"),
            "{version}: {}",
            output.stdout
        );
    }
}

#[test]
fn a_given_checksum_decides_and_the_release_s_own_list_is_not_used() {
    if !common::require(&["curl", "--version"]) {
        return;
    }
    let sandbox = release();
    let listed = sandbox.read("release/SHA256SUMS");
    let (digest, _) = listed.split_once(' ').unwrap();
    fs::remove_file(sandbox.path("release/SHA256SUMS")).unwrap();
    let output = install_with(&sandbox, &[("SHA256", digest)]);
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);

    // A release that was replaced as a whole: the list fits the archive, the input does not.
    let replaced = release();
    let other = digest.replace(|c: char| c.is_ascii_digit(), "0");
    assert_ne!(other, digest);
    let output = install_with(&replaced, &[("SHA256", &other)]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    let message = format!("::error::the checksum of {ARCHIVE} is not the one in the input sha256");
    assert!(output.stdout.contains(&message), "{}", output.stdout);
    assert!(!replaced.path("path").exists(), "nothing is on the path");

    let short = &digest[1..];
    for invalid in [short, &format!("{digest}0"), &digest.replace(char::is_numeric, "A"), "$(id)"] {
        let output = install_with(&replaced, &[("SHA256", invalid)]);
        assert!(
            output.code == 1 && output.stdout.contains("expected 64 lower-case hexadecimal digits"),
            "{invalid}: {}",
            output.stdout
        );
    }
}

#[test]
fn a_download_over_tls_is_not_redirected_to_plain_http() {
    if !common::require(&["curl", "--version"]) {
        return;
    }
    let sandbox = release();
    let folder = sandbox.path("release");
    let files = move |request: &Request| {
        let name = request.target.rsplit('/').next().unwrap();
        Response::new(200, fs::read(folder.join(name)).unwrap())
    };
    let plain = http::serve(files.clone());
    let http_base = format!("http://{}", plain.address);
    let (redirecting, certificate) = http::serve_tls(move |request| {
        let location = format!("Location: {http_base}{}", request.target);
        Response::new(302, "").with_header(location)
    });
    sandbox.write("ca.pem", &certificate);
    let certificates = sandbox.path("ca.pem");
    let base = format!("https://{}", redirecting.address);
    let inputs = [("BASE", &*base), ("CURL_CA_BUNDLE", certificates.to_str().unwrap())];
    let output = install_with(&sandbox, &inputs);
    assert_ne!(output.code, 0, "{}", output.stdout);
    assert!(!redirecting.requests().is_empty(), "{}", output.stderr);
    assert!(plain.requests().is_empty(), "{}", output.stderr);
    assert!(!sandbox.path("path").exists(), "nothing is on the path");

    // The same files without the redirect install.
    let (serving, certificate) = http::serve_tls(files);
    sandbox.write("ca.pem", &certificate);
    let base = format!("https://{}", serving.address);
    let output = install_with(
        &sandbox,
        &[("BASE", &base), ("CURL_CA_BUNDLE", certificates.to_str().unwrap())],
    );
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
}

#[test]
fn arguments_on_several_lines_are_an_error_and_nothing_is_run() {
    let sandbox = release();
    let program = sandbox.path("program");
    common::write_program(&program, "#!/bin/sh\necho \"ran $*\"\n");
    let program = program.to_str().unwrap();
    for arguments in ["render --check\nlint --fail-on warning", "render \\\n  --check\n", "\nlint"]
    {
        let output = run_arguments(&sandbox, program, arguments);
        assert_eq!(output.code, 1, "{arguments:?}: {}", output.stdout);
        assert_eq!(
            output.stdout,
            "::error::invalid arguments: expected one line; use a step for each command\n"
        );
    }
    for arguments in ["render   --check *", "render --check *\n"] {
        let output = run_arguments(&sandbox, program, arguments);
        assert_eq!(
            (output.code, &*output.stdout),
            (0, "ran render --check *\n"),
            "{}",
            output.stderr
        );
    }
}
