//! `diff` on a real Git repository, as in a review.

#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;

mod bases;
mod coverage;
mod page;
mod pull_request;
mod reports;
mod review;

use std::process::Command;

use common::git::git;
use common::tool::{Sandbox, objects, repository};
use review::{NOW, SAME, commit, committed, diff, first_line};

#[test]
fn a_clean_tree_has_no_difference_and_a_changed_value_is_reported() {
    let sandbox = committed();
    let same = diff(&sandbox, &[]);
    assert_eq!(same.code, 0, "{}{}", same.stdout, same.stderr);
    assert!(first_line(&same).starts_with(SAME), "{}", same.stdout);

    sandbox.replace("values/tts.yaml", "floor: 6Gi", "floor: 8Gi");
    let changed = diff(&sandbox, &[]);
    assert_eq!(changed.code, 1);
    assert!(
        first_line(&changed).starts_with("0 critical, 1 warning · 3 of "),
        "{}",
        changed.stdout
    );
    assert!(
        changed.stdout.contains("values/tts.yaml\n    gate.floor: 6Gi → 8Gi\n"),
        "{}",
        changed.stdout
    );
    assert!(
        changed.stdout.contains(
            "floor `6Gi` → `8Gi`; the tenant starts only while others use at most `7Gi` (was `9Gi`)"
        ),
        "{}",
        changed.stdout
    );
    // The same by --set, without a change of the file.
    sandbox.replace("values/tts.yaml", "floor: 8Gi", "floor: 6Gi");
    let set = diff(&sandbox, &["--set", "gate.floor=8Gi"]);
    assert_eq!(set.stdout, changed.stdout);
    // Nothing was written.
    assert_eq!(git(&sandbox.path(""), &["status", "--porcelain"]), "");
}

#[test]
fn changed_settings_of_the_gate_are_reported_in_human_units() {
    let sandbox = committed();
    let recheck = diff(&sandbox, &["--set", "gate.recheckDelaySeconds=0"]);
    assert!(recheck.stdout.contains("[gate-settings]"), "{}", recheck.stdout);
    assert!(
        recheck
            .stdout
            .contains("recheck delay `75s` → `0s`, the other users of the GPU are protected more"),
        "{}",
        recheck.stdout
    );
    // A string without quotes, like a number.
    let reserve = diff(&sandbox, &["--set", "gate.reserve=0"]);
    assert!(reserve.stdout.contains("gate.reserve: 512Mi → 0\n"), "{}", reserve.stdout);
    assert!(
        reserve.stdout.contains("reserve `512Mi` → `0`, the other users"),
        "{}",
        reserve.stdout
    );
}

#[test]
fn a_pull_request_is_reviewed_in_a_clone() {
    let sandbox = committed();
    let root = sandbox.path("");
    git(&root, &["switch", "--quiet", "--create", "smaller"]);
    sandbox.replace("values/tts.yaml", "size: 20Gi", "size: 10Gi");
    sandbox.ok(&["render"]);
    commit(&sandbox);
    // Against the branch's own commit nothing differs; against its base the change does.
    assert_eq!(diff(&sandbox, &[]).code, 0);
    let output = diff(&sandbox, &["--base", "main"]);
    assert_eq!(output.code, 1);
    assert!(first_line(&output).starts_with("1 critical, 0 warning · 2 of "), "{}", output.stdout);
    assert!(
        output
            .stdout
            .contains("critical  PersistentVolumeClaim tts/chatterbox-models  [storage-shrinks]")
    );
    assert_eq!(diff(&sandbox, &["--base", "main", "--fail-on", "critical"]).code, 1);
    // With `--fail-on critical` a warning passes.
    git(&root, &["switch", "--quiet", "main"]);
    let floor = ["--set", "gate.floor=8Gi", "--fail-on", "critical"];
    assert_eq!(diff(&sandbox, &floor).code, 0);
    assert_eq!(diff(&sandbox, &["--set", "gate.floor=8Gi", "--fail-on", "warning"]).code, 1);
    // After the merge the old state has several names.
    git(&root, &["merge", "--quiet", "--no-ff", "--message", "merge", "smaller"]);
    for base in ["HEAD^", "HEAD~1", "main@{1}", "refs/heads/main^1"] {
        assert_eq!(first_line(&diff(&sandbox, &["--base", base])), first_line(&output), "{base}");
    }
}

#[test]
fn folders_are_compared_as_revisions_are() {
    let sandbox = committed();
    sandbox.ok(&["render", "--set", "gate.floor=8Gi", "--out", "other"]);
    let (base, head) = (sandbox.path("rendered"), sandbox.path("other"));
    let (base, head) = (base.to_str().expect("UTF-8"), head.to_str().expect("UTF-8"));
    let output = diff(&sandbox, &["--base", base, "--head", head]);
    assert!(
        first_line(&output).starts_with("0 critical, 1 warning · 3 of "),
        "{}{}",
        output.stdout,
        output.stderr
    );
    // Equal folders have no difference, and neither have moved files.
    assert_eq!(diff(&sandbox, &["--base", base, "--head", base]).code, 0);
    sandbox.ok(&["render", "--out", "moved"]);
    let moved = sandbox.path("moved");
    std::fs::rename(moved.join("tts"), moved.join("elsewhere")).expect("a move");
    let output = diff(&sandbox, &["--base", base, "--head", moved.to_str().expect("UTF-8")]);
    assert_eq!(output.code, 0, "{}", output.stdout);
}

#[test]
fn foreign_files_and_other_stacks_are_not_reported() {
    let sandbox = committed();
    let foreign = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: foreign\n  namespace: tts\n";
    sandbox.write("rendered/tts/foreign.yaml", foreign);
    sandbox.write("rendered/tts/kustomization.yaml", "resources: []\n");
    commit(&sandbox);
    assert_eq!(diff(&sandbox, &[]).code, 0);
    // A removed stack removes its objects.
    sandbox.ok(&["init", "demo"]);
    sandbox.ok(&["render"]);
    commit(&sandbox);
    std::fs::remove_file(sandbox.path("values/demo.yaml")).expect("a file");
    let gone = diff(&sandbox, &[]);
    assert!(gone.stdout.contains("values/demo.yaml"), "{}", gone.stdout);
    assert!(gone.stdout.contains("  - "), "{}", gone.stdout);
    // With one stack named, the other is not reported.
    let one = diff(&sandbox, &["tts"]);
    assert_eq!((one.code, one.stdout.lines().count()), (0, 1), "{}", one.stdout);
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
    let output = top.run(&["-C", "sub dir/project", "diff", "--now", NOW]);
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert!(
        first_line(&output).starts_with(SAME) && !first_line(&output).contains("difference in 0 "),
        "{}",
        output.stdout
    );
}

#[test]
fn every_object_is_new_against_a_commit_without_rendered_files() {
    let sandbox = Sandbox::demo();
    git(&sandbox.path(""), &["init", "--quiet"]);
    commit(&sandbox);
    let output = diff(&sandbox, &[]);
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains("`HEAD` has no `rendered/`: every object counts as new"),
        "{}",
        output.stderr
    );
    assert!(output.stdout.contains("  + Namespace "), "{}", output.stdout);
}

#[test]
fn a_recorded_month_is_replayed_and_a_broken_one_is_refused() {
    let sandbox = committed();
    let month = repository().join("tests/fixtures/diff/history-synthesised.json");
    let month = month.to_str().expect("UTF-8");
    let output = diff(&sandbox, &["--set", "gate.floor=8Gi", "--history", month]);
    assert!(
        output.stdout.contains("floor `8Gi`: 18 of 30 nights served (24 before), 7 yields (4)"),
        "{}",
        output.stdout
    );
    assert!(output.stdout.contains("history: synthesised, not recorded"), "{}", output.stdout);
    sandbox.write("broken.json", "{}");
    let broken = sandbox.path("broken.json");
    let said = sandbox.refused(&["diff", "--history", broken.to_str().expect("UTF-8")]);
    assert!(said.contains("broken.json`: expected Prometheus' answer to a range query"), "{said}");
}

#[test]
fn the_documented_back_test_is_current() {
    let docs = std::fs::read_to_string(repository().join("docs/diff.md")).expect("docs");
    let (_, shown) = docs.split_once("\n…\nBack-test\n").expect("the output");
    let (shown, _) = shown.split_once("…\n```").expect("its end");
    let month = repository().join("tests/fixtures/window/month.json.gz");
    let month = month.to_str().expect("UTF-8");
    let output = diff(&committed(), &["--set", "gate.floor=8Gi", "--history", month]);
    assert!(output.stdout.contains(shown), "{}", output.stdout);
}

#[test]
fn objects_in_another_format_and_file_have_no_difference() {
    let sandbox = committed();
    // As JSON, keys sorted, all in one file a folder, `.provenance` gone, under other names.
    for (number, folder) in ["tts", "tripit", "kyverno"].into_iter().enumerate() {
        for entry in std::fs::read_dir(sandbox.path("rendered").join(folder)).expect("a folder") {
            let name = entry.expect("a file").file_name().into_string().expect("UTF-8");
            if name.starts_with('.') {
                continue;
            }
            for object in objects(&sandbox.read(&format!("rendered/{folder}/{name}"))) {
                sandbox.write(&format!("reformatted/{number}/{name}.json"), object.to_string());
            }
        }
    }
    let output = diff(&sandbox, &["--base", "./reformatted"]);
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert!(
        first_line(&output).starts_with(SAME)
            && first_line(&output) == first_line(&diff(&sandbox, &[]))
    );
}

#[test]
fn a_secret_is_compared_and_never_shown() {
    let sandbox = Sandbox::empty();
    let secret = |password: &str, token: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  namespace: n\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: '{{\"data\":\"{token}\"}}'\nimmutable: true\ndata: {{token: {token}}}\nstringData: {{password: {password}}}\n"
        )
    };
    sandbox.write("a/s.yaml", secret("hunter2", "c2VjcmV0MQ=="));
    sandbox.write("b/s.yaml", secret("hunter3", "c2VjcmV0Mg=="));
    std::fs::create_dir(sandbox.path("none")).expect("a folder");
    for format in ["text", "markdown", "html", "json", "github"] {
        for (base, head) in [("a", "b"), ("a", "none"), ("none", "b")] {
            let output = diff(&sandbox, &["--base-dir", base, "--head", head, "--format", format]);
            assert_eq!(output.code, 1, "{}", output.stderr);
            let said = format!("{}{}", output.stdout, output.stderr);
            assert!(!said.contains("hunter") && !said.contains("c2Vjc"), "{format}: {said}");
            // The change and its refusal are reported all the same.
            assert!(base != "a" || head != "b" || said.contains("api-refuses"), "{said}");
        }
    }
}

#[test]
fn a_tree_of_others_is_compared_list_by_list_and_its_other_files_are_named() {
    let sandbox = Sandbox::empty();
    let list = |value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMapList\nitems:\n  - metadata: {{name: a}}\n    data: {{k: {value}}}\n"
        )
    };
    for (side, value) in [("base", "one"), ("head", "two")] {
        sandbox.write(&format!("{side}/app/maps.yaml"), list(value));
        sandbox.write(&format!("{side}/app/config.yaml"), "light: !secret b\n");
        sandbox.write(&format!("{side}/app/picture.png"), [0xff, 0xfe]);
    }
    let output = diff(&sandbox, &["--base-dir", "base", "--head", "head", "-o", "json"]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    let note = "not manifests, and not compared: `app/config.yaml` (it is not valid YAML)";
    assert!(output.stderr.contains(note), "{}", output.stderr);
    let json: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(json["objects"][0]["kind"], "ConfigMap");
    assert_eq!(json["objects"][0]["fields"][0]["path"], "data.k");
    assert_eq!(json["notCompared"][0]["file"], "app/config.yaml");
    // A line of an item is found in the list's file.
    let output = diff(&sandbox, &["--base-dir", "base", "--head", "head", "-o", "github"]);
    assert_eq!(output.code, 1, "{}", output.stderr);

    // Whatever decides what is applied is a finding if it changes, and a hidden manifest is compared.
    sandbox.write("head/app/maps.yaml", list("one"));
    assert_eq!(diff(&sandbox, &["--base-dir", "base", "--head", "head"]).code, 0);
    sandbox.write("head/app/kustomization.yaml", "patches: [{path: config.yaml}]\n");
    let changed = diff(&sandbox, &["--base-dir", "base", "--head", "head", "--fail-on", "warning"]);
    assert_eq!(changed.code, 1, "{}", changed.stdout);
    assert!(changed.stdout.contains("files  [file-not-compared]"), "{}", changed.stdout);
    assert!(changed.stdout.contains("`app/kustomization.yaml` is added"), "{}", changed.stdout);
    sandbox
        .write("head/app/.hidden.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n");
    let hidden = diff(&sandbox, &["--base-dir", "base", "--head", "head"]).stdout;
    assert!(hidden.contains("+ Namespace x"), "{hidden}");
    // A manifest that we can't read is never passed over.
    for text in ["apiVersion: v1\nkind: !x Namespace\n", "\"\\x61piVersion\": !x v1\nkind: Role\n"]
    {
        sandbox.write("head/app/evil.yaml", text);
        let refused = diff(&sandbox, &["--base-dir", "base", "--head", "head"]);
        assert_eq!(refused.code, 2, "{text}: {}", refused.stdout);
        assert!(refused.stderr.contains("head/app/evil.yaml"), "{}", refused.stderr);
    }
}
