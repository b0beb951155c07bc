//! `diff` on a real Git repository, as a person reviews a change.

mod common;

use std::path::Path;
use std::process::{Command, Stdio};

use common::tool::{Ran, Sandbox, repository};
use common::{require, run};

const NOW: &str = "2026-11-24T12:00:00Z";
/// The headline's parts that do not depend on how many objects the repository has.
const SAME: &str = "no difference in ";

/// Git in a folder, with an identity and without anybody's configuration.
#[track_caller]
fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.org",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(args)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::null())
        .output()
        .expect("git");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// This repository's project, rendered and committed.
fn committed() -> Sandbox {
    let sandbox = Sandbox::repository();
    sandbox.ok(&["render"]);
    git(&sandbox.path(""), &["init", "--quiet"]);
    commit(&sandbox);
    sandbox
}

fn commit(sandbox: &Sandbox) {
    git(&sandbox.path(""), &["add", "--all"]);
    git(&sandbox.path(""), &["commit", "--quiet", "--message", "a state"]);
}

fn diff(sandbox: &Sandbox, args: &[&str]) -> Ran {
    sandbox.run(&[&["diff", "--now", NOW], args].concat())
}

fn first(ran: &Ran) -> &str {
    ran.out.lines().next().unwrap_or_default()
}

#[test]
fn a_clean_tree_is_the_same_and_a_changed_value_is_told() {
    let sandbox = committed();
    let same = diff(&sandbox, &[]);
    assert_eq!(same.code, 0, "{}{}", same.out, same.err);
    assert!(first(&same).starts_with(SAME), "{}", same.out);

    sandbox.replace("values/tts.yaml", "floor: 6Gi", "floor: 8Gi");
    let changed = diff(&sandbox, &[]);
    assert_eq!(changed.code, 1);
    assert!(first(&changed).starts_with("no danger, 1 attention · 3 of "), "{}", changed.out);
    assert!(
        changed.out.contains("values/tts.yaml\n    gate.floor: 6Gi → 8Gi\n"),
        "{}",
        changed.out
    );
    assert!(changed.out.contains("floor 6 GiB → 8 GiB, the tenant runs less"), "{}", changed.out);
    // The same by --set, without a change of the file.
    sandbox.replace("values/tts.yaml", "floor: 8Gi", "floor: 6Gi");
    let set = diff(&sandbox, &["--set", "gate.floor=8Gi"]);
    assert_eq!(set.out, changed.out);
    // Nothing was written.
    assert_eq!(git(&sandbox.path(""), &["status", "--porcelain"]), "");
}

#[test]
fn a_pull_request_is_reviewed_in_a_clone() {
    let sandbox = committed();
    let root = sandbox.path("");
    git(&root, &["switch", "--quiet", "--create", "smaller"]);
    sandbox.replace("values/tts.yaml", "size: 20Gi", "size: 10Gi");
    sandbox.ok(&["render"]);
    commit(&sandbox);
    // Of the branch itself nothing is left to be told; of its base the change is.
    assert_eq!(diff(&sandbox, &[]).code, 0);
    let told = diff(&sandbox, &["--base", "main"]);
    assert_eq!(told.code, 1);
    assert!(first(&told).starts_with("1 danger · 2 of "), "{}", told.out);
    assert!(
        told.out.contains("danger  PersistentVolumeClaim tts/chatterbox-models  [storage-shrinks]")
    );
    assert_eq!(diff(&sandbox, &["--base", "main", "--fail-on", "danger"]).code, 1);
    // Only danger fails: a change that is none passes.
    git(&root, &["switch", "--quiet", "main"]);
    let floor = ["--set", "gate.floor=8Gi", "--fail-on", "danger"];
    assert_eq!(diff(&sandbox, &floor).code, 0);
    assert_eq!(diff(&sandbox, &["--set", "gate.floor=8Gi", "--fail-on", "attention"]).code, 1);
    // Merged, the base is behind, by any name that Git knows it by.
    git(&root, &["merge", "--quiet", "--no-ff", "--message", "merge", "smaller"]);
    for base in ["HEAD^", "HEAD~1", "main@{1}", "refs/heads/main^1"] {
        assert_eq!(first(&diff(&sandbox, &["--base", base])), first(&told), "{base}");
    }
}

#[test]
fn folders_are_compared_as_revisions_are() {
    let sandbox = committed();
    sandbox.ok(&["render", "--set", "gate.floor=8Gi", "--out", "other"]);
    let (base, head) = (sandbox.path("rendered"), sandbox.path("other"));
    let (base, head) = (base.to_str().expect("UTF-8"), head.to_str().expect("UTF-8"));
    let told = diff(&sandbox, &["--base", base, "--head", head]);
    assert!(first(&told).starts_with("no danger, 1 attention · 3 of "), "{}{}", told.out, told.err);
    // The files moved from one folder to the other: that is no difference.
    assert_eq!(diff(&sandbox, &["--base", base, "--head", base]).code, 0);
    sandbox.ok(&["render", "--out", "moved"]);
    let moved = sandbox.path("moved");
    std::fs::rename(moved.join("tts"), moved.join("elsewhere")).expect("a move");
    let told = diff(&sandbox, &["--base", base, "--head", moved.to_str().expect("UTF-8")]);
    assert_eq!(told.code, 0, "{}", told.out);
}

#[test]
fn somebody_elses_files_and_other_stacks_are_not_spoken_of() {
    let sandbox = committed();
    let theirs = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: theirs\n  namespace: tts\n";
    sandbox.write("rendered/tts/theirs.yaml", theirs);
    sandbox.write("rendered/tts/kustomization.yaml", "resources: []\n");
    commit(&sandbox);
    assert_eq!(diff(&sandbox, &[]).code, 0);
    // A stack that is gone takes its objects along.
    sandbox.ok(&["init", "demo"]);
    sandbox.ok(&["render"]);
    commit(&sandbox);
    std::fs::remove_file(sandbox.path("values/demo.yaml")).expect("a file");
    let gone = diff(&sandbox, &[]);
    assert!(gone.out.contains("values/demo.yaml"), "{}", gone.out);
    assert!(gone.out.contains("  - "), "{}", gone.out);
    // Asked for one stack, it says nothing of the other.
    let one = diff(&sandbox, &["tts"]);
    assert_eq!((one.code, one.out.lines().count()), (0, 1), "{}", one.out);
}

#[test]
fn a_project_in_a_folder_of_its_repository_is_found() {
    let sandbox = Sandbox::repository();
    sandbox.ok(&["render"]);
    let top = Sandbox::empty();
    let inner = top.path("sub dir/project");
    std::fs::create_dir_all(top.path("sub dir")).expect("a folder");
    let copied = Command::new("cp").arg("-r").arg(sandbox.path("")).arg(&inner).status();
    assert!(copied.expect("cp").success());
    git(&top.path(""), &["init", "--quiet"]);
    commit(&top);
    let ran = top.run(&["-C", "sub dir/project", "diff", "--now", NOW]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(
        first(&ran).starts_with(SAME) && !first(&ran).starts_with("no difference in 0 "),
        "{}",
        ran.out
    );
}

#[test]
fn a_first_commit_without_rendered_files_makes_everything_new() {
    let sandbox = Sandbox::demo();
    git(&sandbox.path(""), &["init", "--quiet"]);
    commit(&sandbox);
    let ran = diff(&sandbox, &[]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("`HEAD` has no rendered/: every object is new"), "{}", ran.err);
    assert!(ran.out.contains("  + Namespace "), "{}", ran.out);
}

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

#[test]
fn a_month_of_the_card_is_replayed_and_a_broken_one_is_refused() {
    let sandbox = committed();
    let month = repository().join("tests/fixtures/review/history-synthesised.json");
    let month = month.to_str().expect("UTF-8");
    let told = diff(&sandbox, &["--set", "gate.floor=8Gi", "--history", month]);
    assert!(
        told.out.contains("floor 8 GiB: 21 of 30 nights admitted (25 before), 2 yields (2)"),
        "{}",
        told.out
    );
    assert!(told.out.contains("history: synthesised, not recorded"), "{}", told.out);
    sandbox.write("broken.json", "{}");
    let broken = sandbox.path("broken.json");
    let said = sandbox.refused(&["diff", "--history", broken.to_str().expect("UTF-8")]);
    assert!(said.contains("broken.json: it is no answer of Prometheus to a range query"), "{said}");
}

/// What a CommonMark library makes of a report: its elements, and the text outside of code.
const READER: &str = "
import sys, json
from markdown_it import MarkdownIt
tokens = MarkdownIt('commonmark').parse(sys.stdin.read())
kinds, text, fences = set(), [], []
for token in tokens:
    kinds.add(token.type)
    if token.type == 'fence': fences.append(token.content)
    for child in token.children or []:
        kinds.add(child.type)
        if child.type == 'text': text.append(child.content)
html = [t.content for t in tokens if t.type == 'html_block']
html += [c.content for t in tokens for c in (t.children or []) if c.type == 'html_inline']
print(json.dumps({'kinds': sorted(kinds), 'text': ' '.join(text), 'html': html, 'fences': fences}))
";

#[test]
fn a_commonmark_library_reads_what_was_meant() {
    if !require(&["python3", "-c", "import markdown_it"]) {
        return;
    }
    let sandbox = committed();
    let hostile = "</code></details> `x` ```` <b>bold</b> [l](javascript:x) @team | a\\n```\\n</details>\\n# title";
    sandbox.replace("values/tts.yaml", "TTS_BF16: \"off\"", &format!("TTS_BF16: \"{hostile}\""));
    sandbox.replace("values/tts.yaml", "size: 20Gi", "size: 10Gi");
    let report = diff(&sandbox, &["--format", "markdown"]).out;
    assert!(report.len() <= 65_536);
    let read: serde_json::Value =
        serde_json::from_str(&run(&["python3", "-c", READER], &report)).expect("JSON");
    let html: Vec<&str> =
        read["html"].as_array().expect("a list").iter().filter_map(|h| h.as_str()).collect();
    for block in &html {
        let known = ["<details><summary><code>", "</details>", "<!-- tts-render: diff -->"];
        assert!(known.iter().any(|start| block.trim_start().starts_with(start)), "{block}");
        assert!(!block.contains("bold"), "{block}");
    }
    let kinds = read["kinds"].to_string();
    for kind in ["link_open", "strong_open", "fence", "bullet_list_open", "heading_open"] {
        assert_eq!(kinds.contains(kind), kind != "link_open", "{kind} in {kinds}");
    }
    let text = read["text"].as_str().expect("text");
    assert!(!text.contains("bold") && !text.contains("@team"), "{text}");
    let fences = read["fences"].to_string();
    assert!(fences.contains("<b>bold</b>") && fences.contains("@team"), "{fences}");
}
