//! What a change is compared with: what can't be is refused, and why is said.

use std::process::Command;

use crate::common::tool::{Sandbox, finished, tts_render};
use crate::world::{commit, committed, diff, git};

#[test]
fn what_is_no_base_is_refused_and_no_option_is_smuggled_in() {
    let sandbox = committed();
    let marker = sandbox.path("made-by-git");
    let smuggled = format!("--output={}", marker.display());
    for (base, expected) in [
        ("nowhere", "`nowhere` is no folder, and no commit of this repository"),
        ("--all", "`--all` is no folder, and no commit of this repository"),
        (smuggled.as_str(), "is no folder, and no commit of this repository"),
        ("HEAD:values", "`HEAD:values` is no folder"),
        ("", "`` is no folder"),
    ] {
        let said = sandbox.refused(&["diff", &format!("--base={base}")]);
        assert!(said.contains(expected), "{base}: {said}");
    }
    assert!(!marker.exists());
    let outside = Sandbox::demo();
    let said = outside.refused(&["diff"]);
    assert!(said.contains("lies in no Git repository"), "{said}");
    let said = sandbox.refused(&["diff", "--format", "markdown", "--budget", "10"]);
    assert!(said.contains("--budget must be at least 1000 bytes"), "{said}");
}

#[test]
fn links_and_broken_files_of_a_base_are_refused() {
    let sandbox = committed();
    let link = sandbox.path("rendered/tts/link.yaml");
    std::os::unix::fs::symlink("/etc/passwd", &link).expect("a link");
    let folder = sandbox.path("rendered");
    let said = sandbox.refused(&["diff", "--base", folder.to_str().expect("UTF-8")]);
    assert!(said.contains("link.yaml is no plain file"), "{said}");
    commit(&sandbox);
    let said = sandbox.refused(&["diff"]);
    assert!(said.contains("rendered/tts/link.yaml is no plain file"), "{said}");
    std::fs::remove_file(&link).expect("a link");
    sandbox.write("rendered/tts/service-chatterbox-tts.yaml", "kind: [\n");
    commit(&sandbox);
    let said = sandbox.refused(&["diff"]);
    assert!(said.contains("rendered/tts/service-chatterbox-tts.yaml"), "{said}");
}

/// A clone of a sandbox's repository beside it, with more arguments of Git's.
fn cloned(origin: &Sandbox, args: &[&str]) -> Sandbox {
    let clone = Sandbox::empty();
    let url = format!("file://{}", origin.path("").display());
    git(&clone.path(""), &[&["clone", "--quiet"], args, &[&url, "."]].concat());
    clone
}

#[test]
fn why_a_revision_is_unknown_is_said() {
    let unborn = Sandbox::demo();
    git(&unborn.path(""), &["init", "--quiet"]);
    let said = unborn.refused(&["diff"]);
    assert!(said.contains("it has no commit yet; name a folder to compare with"), "{said}");

    let origin = committed();
    origin.write("note", "more\n");
    commit(&origin);
    let shallow = cloned(&origin, &["--depth", "1"]);
    let said = shallow.refused(&["diff", "--base", "HEAD~1"]);
    assert!(said.contains("this clone is shallow") && said.contains("--unshallow"), "{said}");
    // What is there is compared with all the same.
    assert_eq!(diff(&shallow, &["--base", "HEAD"]).code, 0);

    let clone = cloned(&origin, &[]);
    git(&clone.path(""), &["switch", "--quiet", "--create", "mine"]);
    git(&clone.path(""), &["branch", "--quiet", "--delete", "main"]);
    let said = clone.refused(&["diff", "--base", "main"]);
    assert!(said.contains("did you mean `origin/main`?"), "{said}");
    assert_eq!(diff(&clone, &["--base", "origin/main"]).code, 0);
    let said = clone.refused(&["diff", "--base", "HEAD~7"]);
    assert!(said.trim_end().ends_with("and no commit of this repository"), "{said}");
}

#[test]
fn a_missing_git_and_one_that_trusts_nobody_say_so() {
    let sandbox = committed();
    let with = |name: &str, value: &str| {
        let mut command = tts_render(&sandbox.path(""));
        finished(command.arg("diff").env(name, value).output().expect("it starts"))
    };
    let none = with("PATH", "/nonexistent");
    assert_eq!((none.code, none.out.as_str()), (2, ""), "{}", none.err);
    assert!(none.err.contains("`git` can't be run"), "{}", none.err);
    // As in a CI's container, where the checkout is somebody else's. Git's own tests have the variable.
    let theirs = with("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1");
    assert_eq!(theirs.code, 2, "{}{}", theirs.out, theirs.err);
    assert!(theirs.err.contains("safe.directory"), "{}", theirs.err);
}

#[test]
fn a_folder_without_objects_is_said_to_be_one() {
    let sandbox = committed();
    std::fs::create_dir(sandbox.path("empty")).expect("a folder");
    let ran = diff(&sandbox, &["--base", "empty"]);
    assert!(ran.err.contains("empty holds no objects: every object is new"), "{}", ran.err);
    let is_gone = |line: &str| line.starts_with("  - ");
    assert!(ran.out.contains("  + Namespace tts") && !ran.out.lines().any(is_gone), "{}", ran.out);
    let ran = diff(&sandbox, &["--head", "empty"]);
    assert!(ran.err.contains("empty holds no objects: every one is gone"), "{}", ran.err);
    assert!(ran.out.contains("[pruning-guarded]"), "{}", ran.out);
}

#[test]
fn a_merge_that_stopped_is_named_as_one() {
    let sandbox = committed();
    let root = sandbox.path("");
    let floor = |from: &str, to: &str| {
        sandbox.replace("values/tts.yaml", &format!("floor: {from}"), &format!("floor: {to}"));
        sandbox.ok(&["render"]);
        commit(&sandbox);
    };
    git(&root, &["switch", "--quiet", "--create", "theirs"]);
    floor("6Gi", "8Gi");
    git(&root, &["switch", "--quiet", "main"]);
    floor("6Gi", "7Gi");
    let merge = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.org", "merge", "theirs"])
        .current_dir(&root)
        .output()
        .expect("git");
    assert!(!merge.status.success(), "both changed one line");
    let said = sandbox.refused(&["diff"]);
    assert!(said.contains("values/tts.yaml:") && said.contains("<<<<<<< HEAD"), "{said}");
    let said = sandbox.refused(&["diff", "--head", "rendered"]);
    assert!(
        said.contains("cronjob-chatterbox-vram-guard.yaml holds a merge conflict, at line"),
        "{said}"
    );
    // Solved in the values, and the rest rendered: told against either side.
    git(&root, &["checkout", "--quiet", "--theirs", "values"]);
    sandbox.ok(&["render", "--force"]);
    assert_eq!(diff(&sandbox, &["--base", "theirs"]).code, 0);
    let told = diff(&sandbox, &[]);
    assert!(told.out.contains("gate.floor: 7Gi → 8Gi"), "{}", told.out);
}
