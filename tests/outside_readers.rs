//! Programs of others read all of `rendered/`, and agree with us on every value.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so"
)]

mod common;

use std::path::PathBuf;

use common::manifests::{everything, served, written};
use common::tool::{Sandbox, objects, repository};
use common::{require, run};
use serde_json::Value;

/// Every manifest of `rendered/`.
fn manifests() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in std::fs::read_dir(repository().join("rendered")).expect("rendered/") {
        let folder = folder.expect("an entry").path();
        let entries = std::fs::read_dir(folder).expect("a folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        files.extend(paths.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")));
    }
    files.sort();
    assert!(files.len() >= 14, "{files:?}");
    files
}

fn text_of(path: &PathBuf) -> String {
    std::fs::read_to_string(path).expect("a manifest")
}

fn ours() -> Vec<Value> {
    let mut all: Vec<Value> = manifests().iter().flat_map(|path| objects(&text_of(path))).collect();
    all.sort_by_key(Value::to_string);
    all
}

fn sorted(mut objects: Vec<Value>) -> Vec<Value> {
    objects.sort_by_key(Value::to_string);
    objects
}

#[test]
fn pyyaml_reads_what_we_mean() {
    if !require(&["python3", "-c", "import yaml"]) {
        return;
    }
    let script = "import json, sys, yaml\nfor path in sys.argv[1:]:\n    print(json.dumps(yaml.safe_load(open(path))))\n";
    let paths: Vec<String> = manifests().iter().map(|path| path.display().to_string()).collect();
    let mut command = vec!["python3", "-c", script];
    command.extend(paths.iter().map(String::as_str));
    let out = run(&command, "");
    let read = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(sorted(read), ours());
}

#[test]
fn kustomize_reads_what_we_mean() {
    if !require(&["kubectl", "version", "--client"]) {
        return;
    }
    let sandbox = Sandbox::empty();
    let mut list = "resources:\n".to_owned();
    for (index, path) in manifests().iter().enumerate() {
        sandbox.write(&format!("{index}.yaml"), &text_of(path));
        list += &format!("- {index}.yaml\n");
    }
    sandbox.write("kustomization.yaml", &list);
    let folder = sandbox.path(".").display().to_string();
    assert_eq!(sorted(objects(&run(&["kubectl", "kustomize", &folder], ""))), ours());
}

#[test]
fn kubernetes_own_schemas_take_every_object() {
    if !require(&["kubernetes-validate", "--version"]) {
        return;
    }
    let mut all = everything();
    // Custom resources: tests/e2e has schemas for those.
    all.retain(|_, text| !text.contains("apiVersion: kyverno.io/"));
    assert!(all.len() >= 60, "{}", all.len());
    let folder = written(&all);
    let paths: Vec<String> =
        all.keys().map(|name| folder.path(name).display().to_string()).collect();
    let [oldest, newest] = served();
    let mut command = vec!["kubernetes-validate", "--strict", "-k", &oldest, "-k", &newest];
    command.extend(paths.iter().map(String::as_str));
    let said = run(&command, "");
    assert_eq!(said.lines().count(), 2 * all.len(), "{said}");
}

/// The check that can fail: an object with a field too many.
#[test]
fn kubernetes_own_schemas_refuse_an_unknown_field() {
    if !require(&["kubernetes-validate", "--version"]) {
        return;
    }
    let sandbox = Sandbox::empty();
    sandbox.write("a.yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\nnmae: b\n");
    let status = std::process::Command::new("kubernetes-validate")
        .args(["--strict", "-k", "1.37"])
        .arg(sandbox.path("a.yaml"))
        .output()
        .expect("it starts");
    assert!(!status.status.success());
}
