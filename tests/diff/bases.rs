//! The base of a comparison, and the errors of one that can't be read.

use crate::common::git::{git, git_command};
use crate::common::tool::{CommandOutput, Sandbox, tts_render};
use crate::review::{NOW, commit, committed, diff};

#[test]
fn a_name_that_is_not_a_base_is_refused_and_never_an_option() {
    let sandbox = committed();
    let marker = sandbox.path("made-by-git");
    let smuggled = format!("--output={}", marker.display());
    for (base, expected) in [
        ("nowhere", "`nowhere` is not a commit of this repository"),
        ("--all", "`--all` is not a commit of this repository"),
        (smuggled.as_str(), "is not a commit of this repository"),
        ("HEAD:values", "`HEAD:values` is not a commit"),
        ("", "`` is not a commit"),
    ] {
        let said = sandbox.refused(&["diff", &format!("--base={base}")]);
        assert!(said.contains(expected), "{base}: {said}");
    }
    assert!(!marker.exists());
    let outside = Sandbox::demo();
    let said = outside.refused(&["diff"]);
    assert!(said.contains("is not in a Git repository"), "{said}");
    let said = sandbox.refused(&["diff", "--format", "markdown", "--budget", "10"]);
    assert!(said.contains("invalid `--budget` `10`: expected at least 1000 bytes"), "{said}");
}

#[test]
fn a_folder_named_like_the_revision_changes_nothing() {
    let sandbox = committed();
    sandbox.replace("values/tts.yaml", "size: 20Gi", "size: 10Gi");
    sandbox.ok(&["render"]);
    commit(&sandbox);
    // The names of the old state, before and after the commit of the folders.
    let names = [
        ("HEAD^1", "HEAD^^"),
        ("HEAD~1", "HEAD~2"),
        ("main~1", "main~2"),
        ("refs/heads/main~1", "refs/heads/main~2"),
    ];
    let honest = diff(&sandbox, &["--base", "HEAD^1"]).stdout;
    assert!(honest.contains("[storage-shrinks]"), "{honest}");
    // The new state in folders of the revisions' names, so that nothing would differ.
    for name in names.iter().flat_map(|(before, after)| [before, after]) {
        sandbox.ok(&["render", "--out", name]);
    }
    for (before, _) in names {
        assert_eq!(diff(&sandbox, &["--base", before]).stdout, honest, "{before}");
    }
    commit(&sandbox);
    for (_, after) in names {
        assert_eq!(diff(&sandbox, &["--base", after]).stdout, honest, "{after}");
    }
    // The default, and a folder of the name in a project that is not the working directory.
    sandbox.ok(&["render", "--set", "gate.floor=8Gi", "--out", "HEAD"]);
    assert_eq!(diff(&sandbox, &[]).code, 0);
    let below = sandbox.path("values");
    std::fs::create_dir(below.join("HEAD")).expect("a folder");
    let ran = crate::common::tool::run_in(&below, &["-C", "..", "diff"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn a_folder_is_a_base_by_its_spelling_or_by_its_flag() {
    let sandbox = committed();
    sandbox.ok(&["render", "--set", "gate.floor=8Gi", "--out", "other"]);
    let expected = diff(&sandbox, &["--base-dir", "other"]);
    assert_eq!(expected.code, 1, "{}", expected.stderr);
    let absolute = sandbox.path("other");
    for base in ["./other", absolute.to_str().expect("UTF-8")] {
        assert_eq!(diff(&sandbox, &["--base", base]).stdout, expected.stdout, "{base}");
    }
    let below = sandbox.path("values");
    for args in [
        &["diff", "--now", NOW, "--base", "../other"][..],
        &["-C", "..", "diff", "--now", NOW, "--base", "./other"],
    ] {
        assert_eq!(crate::common::tool::run_in(&below, args).stdout, expected.stdout);
    }
    for base in ["other", "other/"] {
        let said = sandbox.refused(&["diff", "--base", base]);
        assert!(said.contains("did you mean the folder `./other"), "{said}");
    }
    let said = sandbox.refused(&["diff", "--base", "HEAD", "--base-dir", "other"]);
    assert!(said.contains("cannot be used with"), "{said}");
}

#[test]
fn links_and_broken_files_of_a_base_are_refused() {
    let sandbox = committed();
    let link = sandbox.path("rendered/tts/link.yaml");
    std::os::unix::fs::symlink("/etc/passwd", &link).expect("a link");
    let folder = sandbox.path("rendered");
    let said = sandbox.refused(&["diff", "--base", folder.to_str().expect("UTF-8")]);
    assert!(said.contains("link.yaml` is not a regular file"), "{said}");
    commit(&sandbox);
    let said = sandbox.refused(&["diff"]);
    assert!(said.contains("`rendered/tts/link.yaml` is not a regular file"), "{said}");
    std::fs::remove_file(&link).expect("a link");
    // A link to a folder has no ending.
    let folder_link = sandbox.path("rendered/tts/more");
    std::os::unix::fs::symlink("../..", &folder_link).expect("a link");
    commit(&sandbox);
    let said = sandbox.refused(&["diff"]);
    assert!(said.contains("`rendered/tts/more` is not a regular file"), "{said}");
    std::fs::remove_file(&folder_link).expect("a link");
    sandbox.write("rendered/tts/service-chatterbox-tts.yaml", "kind: [\n");
    commit(&sandbox);
    let said = sandbox.refused(&["diff"]);
    assert!(said.contains("rendered/tts/service-chatterbox-tts.yaml"), "{said}");
}

/// Clones a sandbox's repository, with further arguments for Git.
fn cloned(origin: &Sandbox, args: &[&str]) -> Sandbox {
    let clone = Sandbox::empty();
    let url = format!("file://{}", origin.path("").display());
    git(&clone.path(""), &[&["clone", "--quiet"], args, &[&url, "."]].concat());
    clone
}

#[test]
fn the_error_for_an_unknown_revision_gives_the_reason() {
    let unborn = Sandbox::demo();
    git(&unborn.path(""), &["init", "--quiet"]);
    let said = unborn.refused(&["diff"]);
    assert!(
        said.contains("the repository has no commits yet; name a folder to compare with"),
        "{said}"
    );

    let origin = committed();
    origin.write("note", "more\n");
    commit(&origin);
    let shallow = cloned(&origin, &["--depth", "1"]);
    let said = shallow.refused(&["diff", "--base", "HEAD~1"]);
    assert!(said.contains("this clone is shallow") && said.contains("--unshallow"), "{said}");
    // A commit that the clone has works all the same.
    assert_eq!(diff(&shallow, &["--base", "HEAD"]).code, 0);

    let clone = cloned(&origin, &[]);
    git(&clone.path(""), &["switch", "--quiet", "--create", "mine"]);
    git(&clone.path(""), &["branch", "--quiet", "--delete", "main"]);
    let said = clone.refused(&["diff", "--base", "main"]);
    assert!(said.contains("did you mean `origin/main`?"), "{said}");
    assert_eq!(diff(&clone, &["--base", "origin/main"]).code, 0);
    let said = clone.refused(&["diff", "--base", "origin/mian"]);
    assert!(said.contains("did you mean `origin/main`?"), "{said}");
    let said = clone.refused(&["diff", "--base", "HEAD~7"]);
    assert!(said.trim_end().ends_with("is not a commit of this repository"), "{said}");
}

#[test]
fn a_missing_git_and_an_untrusted_repository_are_errors_with_a_cure() {
    let sandbox = committed();
    let with = |name: &str, value: &str| {
        let mut command = tts_render(&sandbox.path(""));
        CommandOutput::run(command.arg("diff").env(name, value))
    };
    let none = with("PATH", "/nonexistent");
    assert_eq!((none.code, none.stdout.as_str()), (2, ""), "{}", none.stderr);
    assert!(none.stderr.contains("`git` can't be started"), "{}", none.stderr);
    // As in a container in CI, where the checkout belongs to another user; the variable is from Git's
    // own tests.
    let untrusted = with("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1");
    assert_eq!(untrusted.code, 2, "{}{}", untrusted.stdout, untrusted.stderr);
    assert!(untrusted.stderr.contains("safe.directory"), "{}", untrusted.stderr);
}

#[test]
fn a_failure_of_git_names_its_command() {
    let sandbox = committed();
    let tree = git(&sandbox.path(""), &["rev-parse", "HEAD:rendered"]);
    let (folder, file) = tree.trim().split_at(2);
    std::fs::remove_file(sandbox.path(".git/objects").join(folder).join(file)).expect("an object");
    let said = sandbox.refused(&["diff"]);
    assert!(said.contains("`git ls-tree` failed: "), "{said}");
}

#[test]
fn a_folder_without_objects_is_reported() {
    let sandbox = committed();
    std::fs::create_dir(sandbox.path("empty")).expect("a folder");
    let output = diff(&sandbox, &["--base", "./empty"]);
    assert!(
        output.stderr.contains("`./empty` contains no objects: every object counts as new"),
        "{}",
        output.stderr
    );
    let is_gone = |line: &str| line.starts_with("  - ");
    assert!(
        output.stdout.contains("  + Namespace tts") && !output.stdout.lines().any(is_gone),
        "{}",
        output.stdout
    );
    let output = diff(&sandbox, &["--head", "empty"]);
    assert!(
        output.stderr.contains("`empty` contains no objects: every object counts as removed"),
        "{}",
        output.stderr
    );
    assert!(output.stdout.contains("[pruning-guarded]"), "{}", output.stdout);
}

#[test]
fn an_unresolved_merge_is_named_as_one() {
    let sandbox = committed();
    let root = sandbox.path("");
    let floor = |from: &str, to: &str| {
        sandbox.replace("values/tts.yaml", &format!("floor: {from}"), &format!("floor: {to}"));
        sandbox.ok(&["render"]);
        commit(&sandbox);
    };
    git(&root, &["switch", "--quiet", "--create", "other"]);
    floor("6Gi", "8Gi");
    git(&root, &["switch", "--quiet", "main"]);
    floor("6Gi", "7Gi");
    let merge = CommandOutput::run(git_command(&root).args(["merge", "other"]));
    assert_eq!(merge.code, 1, "both changed one line: {}", merge.stderr);
    let said = sandbox.refused(&["diff"]);
    assert!(said.contains("values/tts.yaml:") && said.contains("<<<<<<< HEAD"), "{said}");
    let said = sandbox.refused(&["diff", "--head", "rendered"]);
    assert!(
        said.contains("unresolved merge conflict: `<<<<<<< HEAD`")
            && said.contains("cronjob-chatterbox-vram-guard.yaml:"),
        "{said}"
    );
    // Once it is resolved in the values and rendered, it can be compared with either branch.
    git(&root, &["checkout", "--quiet", "other", "--", "values"]);
    sandbox.ok(&["render", "--force"]);
    assert_eq!(diff(&sandbox, &["--base", "other"]).code, 0);
    let output = diff(&sandbox, &[]);
    assert!(output.stdout.contains("gate.floor: 7Gi → 8Gi"), "{}", output.stdout);
}
