//! `version`, and the build script that records the commit.

#![cfg(test)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::git::{git, isolate_git};
use common::schemas;
use common::tool::{CommandOutput, Sandbox, repository};

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn the_version_is_printed_outside_a_project() {
    let sandbox = Sandbox::empty();
    let printed = sandbox.ok(&["version"]).stdout;
    assert!(printed.starts_with(&format!("tts-render {VERSION}")), "{printed}");
    let json = sandbox.ok(&["version", "-o", "json"]).stdout;
    assert_eq!(schemas::errors(&schemas::own("version.json"), &json), [""; 0]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["version"], VERSION);
    let short = sandbox.ok(&["--version"]).stdout;
    assert_eq!(short, format!("tts-render {VERSION}\n"));
}

/// Compiles the build script into a folder.
fn build_script(folder: &Path) -> PathBuf {
    let program = folder.join("build-script");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut compile = Command::new(rustc);
    compile.args(["--edition", "2024", "-o"]).arg(&program).arg(repository().join("build.rs"));
    CommandOutput::run(&mut compile).result();
    program
}

/// The commit that the build script reports for a folder.
fn recorded_commit(script: &Path, root: &Path, profile: &str) -> Option<String> {
    let mut command = Command::new(script);
    isolate_git(&mut command);
    command.current_dir(root).env("CARGO_MANIFEST_DIR", root).env("PROFILE", profile);
    let output = CommandOutput::run(command.env_remove("TTS_RENDER_COMMIT"));
    reported_commit(output.result())
}

/// The commit in the output of the build script.
fn reported_commit(output: &str) -> Option<String> {
    let prefix = "cargo::rustc-env=TTS_RENDER_COMMIT=";
    output.lines().find_map(|line| line.strip_prefix(prefix)).map(str::to_owned)
}

#[test]
fn the_build_script_records_the_commit_of_the_projects_own_repository() {
    let sandbox = Sandbox::empty();
    let script = build_script(&sandbox.path(""));
    let root = sandbox.path("project");
    fs::create_dir_all(root.join("src")).unwrap();
    fs::write(root.join("src/main.rs"), "one").unwrap();
    assert_eq!(recorded_commit(&script, &root, "release"), None, "outside Git");

    git(&root, &["init", "--quiet"]);
    assert_eq!(recorded_commit(&script, &root, "release"), None, "without a commit");
    git(&root, &["add", "."]);
    git(&root, &["commit", "--quiet", "--message", "one"]);
    let commit = git(&root, &["rev-parse", "HEAD"]).trim().to_owned();
    assert_eq!(recorded_commit(&script, &root, "release"), Some(commit.clone()));
    assert_eq!(recorded_commit(&script, &root, "debug"), None);
    fs::write(root.join("untracked"), "").unwrap();
    assert_eq!(recorded_commit(&script, &root, "release"), Some(commit.clone()));
    fs::write(root.join("src/main.rs"), "two").unwrap();
    assert_eq!(recorded_commit(&script, &root, "release"), Some(format!("{commit}-modified")));

    // A given commit replaces Git's, and an empty one is none.
    for (given, expected) in [("0123abc", Some("0123abc")), ("", None), ("v1 $(id)", None)] {
        let mut command = Command::new(&script);
        command.env("CARGO_MANIFEST_DIR", &root).env("PROFILE", "release");
        let output = CommandOutput::run(command.env("TTS_RENDER_COMMIT", given));
        assert_eq!(reported_commit(output.result()).as_deref(), expected, "{given:?}");
    }

    // Sources in somebody else's repository.
    let vendored = root.join("vendor/tts-render");
    fs::create_dir_all(&vendored).unwrap();
    assert_eq!(recorded_commit(&script, &vendored, "release"), None);
}
