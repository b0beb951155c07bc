//! `docs/schemas`: every JSON output that has a schema follows it.

#![cfg(test)]

mod common;

use std::collections::BTreeSet;
use std::fs;

use common::schemas;
use common::tool::{Sandbox, repository};
use serde_json::Value;

const BAD: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad}\ndate: {a: b}\n---\n\
                   apiVersion: example/v1\nkind: Foo\nmetadata: {name: a}\n";

/// The schemas, each with commands whose output follows it.
const OUTPUTS: [(&str, &[&[&str]]); 8] = [
    ("list.json", &[&["list"], &["list", "apps"], &["list", "objects"]]),
    (
        "validate.json",
        &[&["validate", "rendered"], &["validate", "bad.yaml"], &["validate", "broken.yaml"]],
    ),
    ("render-check.json", &[&["render", "--check"]]),
    ("render.json", &[&["render", "--dry-run"], &["render", "--out", "elsewhere"]]),
    ("version.json", &[&["version"]]),
    (
        "status.json",
        &[
            &["status", "tts", "--from", "state.json"],
            &["status", "--from", "state.json", "--last", "2"],
        ],
    ),
    (
        "explain.json",
        &[
            &["explain", "deployment/chatterbox-tts", "spec.replicas"],
            &["explain", "deployment/chatterbox-tts"],
            &["explain", "clusterpolicy/inject-gpu-workload-priority", "spec.rules"],
            &["explain", "--value", "gate"],
            &["explain", "--value", "namespace.name"],
            &["explain", "--value", "kyverno"],
            &["explain", "values/tts.yaml:1"],
        ],
    ),
    (
        "policy-show.json",
        &[
            &["policy", "show", "policies/inject-gpu-workload-priority.yaml"],
            &["policy", "show", "policies/inject-gpu-workload-priority.yaml", "--namespace", "tts"],
        ],
    ),
];

/// A project in which the commands have something to report.
fn project() -> Sandbox {
    let sandbox = Sandbox::two_stacks();
    sandbox.ok(&["render"]);
    sandbox.write("bad.yaml", BAD);
    sandbox.write("broken.yaml", "a: [1\n");
    sandbox.write("state.json", r#"{"kind": "List", "items": []}"#);
    sandbox.write("rendered/tts/mine.yaml", "mine\n");
    fs::remove_file(sandbox.path("rendered/tts/namespace-tts.yaml")).unwrap();
    sandbox
}

#[test]
fn every_output_follows_its_schema() {
    let sandbox = project();
    for (name, commands) in OUTPUTS {
        let schema = schemas::own(name);
        for command in commands {
            let output = sandbox.run(&[*command, &["-o", "json"]].concat());
            assert!(output.code < 2, "{command:?}: {}", output.stderr);
            assert_eq!(schemas::errors(&schema, &output.stdout), [""; 0], "{command:?}");
            // A new key, in any map, is not in the schema.
            let value: Value = serde_json::from_str(&output.stdout).unwrap();
            let mut changed = value.clone();
            changed["another"] = true.into();
            assert!(!schema.is_valid(&changed), "{command:?}");
            let mut removed = value;
            removed.as_object_mut().unwrap().remove("version");
            assert!(!schema.is_valid(&removed), "{command:?}");
        }
    }
}

#[test]
fn every_schema_is_tested() {
    let folder = repository().join("docs/schemas");
    let files: BTreeSet<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files, OUTPUTS.map(|(name, _)| name.to_owned()).into());
}
