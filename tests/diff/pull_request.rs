//! The pull request flow of docs/diff.md, run as it is documented, in a clone and without a forge.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::git::{git, isolate_git};
use crate::common::tool::{CommandOutput, Sandbox, repository};
use crate::review::{commit, committed};

/// A code block of the section on pull requests, by its language.
fn block(language: &str) -> String {
    let docs = std::fs::read_to_string(repository().join("docs/diff.md")).expect("docs");
    let (_, section) = docs.split_once("\n## The pull request\n").expect("the section");
    let (_, block) = section.split_once(&format!("```{language}\n")).expect("the block");
    block.split_once("```").expect("its end").0.to_owned()
}

/// Runs a line or a script of the documentation, with `tts-render` on the PATH.
fn shell(folder: &Path, script: &str) -> CommandOutput {
    let program = Path::new(env!("CARGO_BIN_EXE_tts-render")).parent().expect("a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> =
        std::iter::once(program.to_owned()).chain(std::env::split_paths(&path)).collect();
    let mut command = Command::new("bash");
    command
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(folder)
        .env("PATH", std::env::join_paths(folders).expect("paths"))
        .env("NO_COLOR", "1")
        .stdin(Stdio::null());
    CommandOutput::run(isolate_git(&mut command))
}

/// A clone of this repository's project, with its origin beside it.
fn cloned() -> (Sandbox, Sandbox) {
    let origin = committed();
    let clone = Sandbox::empty();
    git(&clone.path(""), &["clone", "--quiet", origin.path("").to_str().expect("UTF-8"), "."]);
    (origin, clone)
}

#[test]
fn the_commands_of_the_documentation_do_what_it_says() {
    let (_origin, clone) = cloned();
    let console = block("console");
    let commands: Vec<&str> = console.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert_eq!(commands.len(), console.lines().count(), "nothing but commands: {console}");
    let mut reports = Vec::new();
    for command in &commands {
        let output = shell(&clone.path(""), command);
        let is_diff = command.starts_with("tts-render diff");
        let expected = i32::from(is_diff && !command.contains("--fail-on"));
        assert_eq!(output.code, expected, "{command}\n{}{}", output.stdout, output.stderr);
        if is_diff {
            reports.push(output.stdout);
        }
    }
    let [before, comment, failing] = reports.as_slice() else {
        panic!("three of diff: {commands:?}")
    };
    let headline = before.lines().next().expect("a line");
    assert!(headline.starts_with("0 critical, 1 warning · 3 of "), "{before}");
    assert!(before.contains("gate.floor: 6Gi → 8Gi"), "{before}");
    // The pull request reports what was reported before anything was written.
    assert_eq!(comment.lines().next(), Some(format!("**{headline}**").as_str()));
    assert_eq!(failing, before);
    assert_eq!(git(&clone.path(""), &["status", "--porcelain"]), "");
}

#[test]
fn the_script_for_ci_compares_with_the_merge_base() {
    let (origin, clone) = cloned();
    let root = clone.path("");
    git(&root, &["switch", "--quiet", "--create", "floor-8"]);
    clone.replace("values/tts.yaml", "floor: 6Gi", "floor: 8Gi");
    // CI fails if somebody forgot to render.
    commit(&clone);
    let script = block("sh");
    let forgotten = shell(&root, &script);
    assert_eq!(forgotten.code, 1, "{}{}", forgotten.stdout, forgotten.stderr);
    assert!(!clone.path("comment.md").exists());
    clone.ok(&["render"]);
    commit(&clone);
    // Meanwhile the target branch changes something else.
    origin.replace("values/tts.yaml", "size: 20Gi", "size: 10Gi");
    origin.ok(&["render"]);
    commit(&origin);
    git(&root, &["fetch", "--quiet"]);
    let output = shell(&root, &script);
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert!(
        output.stdout.contains("::warning title=gate-settings,file=rendered/tts/"),
        "{}",
        output.stdout
    );
    let comment = clone.read("comment.md");
    assert!(comment.contains("gate.floor") && !comment.contains("storage.size"), "{comment}");
    assert!(comment.ends_with("<!-- tts-render: diff -->\n"), "{comment}");
    // A critical finding of the branch itself fails.
    clone.replace("values/tts.yaml", "size: 20Gi", "size: 10Gi");
    clone.ok(&["render"]);
    commit(&clone);
    let output = shell(&root, &script);
    assert_eq!(output.code, 1, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("::error title=storage-shrinks"), "{}", output.stdout);
    // The new comment ends with the marker too, so it can replace the old one.
    assert!(clone.read("comment.md").ends_with("<!-- tts-render: diff -->\n"));
}
