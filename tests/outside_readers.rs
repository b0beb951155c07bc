//! Other programs read all of `rendered/` and agree with our parser on every value.

#![cfg(test)]

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

fn read_manifest(path: &PathBuf) -> String {
    std::fs::read_to_string(path).expect("a manifest")
}

fn our_objects() -> Vec<Value> {
    sort_objects(manifests().iter().flat_map(|path| objects(&read_manifest(path))).collect())
}

fn sort_objects(mut objects: Vec<Value>) -> Vec<Value> {
    objects.sort_by_key(Value::to_string);
    objects
}

#[test]
fn pyyaml_agrees_with_our_parser() {
    if !require(&["python3", "-c", "import yaml"]) {
        return;
    }
    let script = "import json, sys, yaml\nfor path in sys.argv[1:]:\n    print(json.dumps(yaml.safe_load(open(path))))\n";
    let paths: Vec<String> = manifests().iter().map(|path| path.display().to_string()).collect();
    let mut command = vec!["python3", "-c", script];
    command.extend(paths.iter().map(String::as_str));
    let out = run(&command, "");
    let read = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(sort_objects(read), our_objects());
}

#[test]
fn kustomize_agrees_with_our_parser() {
    if !require(&["kubectl", "version", "--client"]) {
        return;
    }
    let sandbox = Sandbox::empty();
    let mut list = "resources:\n".to_owned();
    for (index, path) in manifests().iter().enumerate() {
        sandbox.write(&format!("{index}.yaml"), read_manifest(path));
        list += &format!("- {index}.yaml\n");
    }
    sandbox.write("kustomization.yaml", &list);
    let folder = sandbox.path(".").display().to_string();
    assert_eq!(sort_objects(objects(&run(&["kubectl", "kustomize", &folder], ""))), our_objects());
}

#[test]
fn kubernetes_schemas_accept_every_object() {
    if !require(&["kubernetes-validate", "--version"]) {
        return;
    }
    let mut all = everything();
    // The schemas of custom resources are in tests/e2e.
    all.retain(|_, text| !text.contains("apiVersion: kyverno.io/"));
    assert!(all.len() >= 60, "{}", all.len());
    let folder = written(&all);
    let paths: Vec<String> =
        all.keys().map(|name| folder.path(name).display().to_string()).collect();
    let [oldest, newest] = served();
    let mut command = vec!["kubernetes-validate", "--strict", "-k", &oldest, "-k", &newest];
    command.extend(paths.iter().map(String::as_str));
    let output = run(&command, "");
    assert_eq!(output.lines().count(), 2 * all.len(), "{output}");
}

/// Proves that the check can fail.
#[test]
fn kubernetes_schemas_refuse_an_unknown_field() {
    if !require(&["kubernetes-validate", "--version"]) {
        return;
    }
    let sandbox = Sandbox::empty();
    sandbox.write("a.yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\nnmae: b\n");
    let output = std::process::Command::new("kubernetes-validate")
        .args(["--strict", "-k", "1.37"])
        .arg(sandbox.path("a.yaml"))
        .output()
        .expect("it starts");
    assert!(!output.status.success());
}
