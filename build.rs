//! Records the commit that a release is built from, for `tts-render version`.
//!
//! Without Git, outside the project's own repository, or in a debug build, which every commit would make
//! stale, there is none. The variable `TTS_RENDER_COMMIT` replaces Git's answer; if it is empty, there is
//! none, so that the program depends on its sources alone. Nothing depends on a clock.
#![allow(clippy::print_stdout, reason = "the output is for Cargo")]

use std::path::Path;
use std::process::Command;

/// The content of the program, besides this file.
const SOURCES: [&str; 6] = ["src", "templates", "crates", "gate", "Cargo.toml", "Cargo.lock"];

const VARIABLE: &str = "TTS_RENDER_COMMIT";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let Some(root) = std::env::var_os("CARGO_MANIFEST_DIR").filter(|_| is_release) else { return };
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let commit = match std::env::var(VARIABLE) {
        Ok(given) => Some(given).filter(|given| is_commit(given)),
        Err(_) => find_commit(Path::new(&root)),
    };
    if let Some(commit) = commit {
        println!("cargo::rustc-env=TTS_RENDER_COMMIT={commit}");
    }
}

/// Returns true for a commit's id, which may be shortened.
fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The commit of the project's repository, marked if files differ from it.
fn find_commit(root: &Path) -> Option<String> {
    let top = git(root, &["rev-parse", "--show-toplevel"])?;
    if Path::new(&top).canonicalize().ok()? != root.canonicalize().ok()? {
        return None;
    }
    // The log of HEAD grows with each commit and checkout.
    for name in ["HEAD", "logs/HEAD"] {
        let path = root.join(git(root, &["rev-parse", "--git-path", name])?);
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    for source in SOURCES.map(|source| root.join(source)).iter().filter(|source| source.exists()) {
        println!("cargo::rerun-if-changed={}", source.display());
    }
    let commit = git(root, &["rev-parse", "--verify", "HEAD"])?;
    let status = git(root, &["status", "--porcelain", "--untracked-files=no"])?;
    let modified = if status.is_empty() { "" } else { "-modified" };
    Some(format!("{commit}{modified}"))
}

/// The output of a Git command that succeeds.
fn git(root: &Path, args: &[&str]) -> Option<String> {
    let options = ["-c", "core.fsmonitor=false"];
    let output = Command::new("git").current_dir(root).args(options).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
