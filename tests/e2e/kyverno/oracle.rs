//! Kyverno's command line tool, asked which Pods a policy changes.
//!
//! It has two holes, so no test rests on its verdict alone: a Pod that no rule answers for passes whatever
//! is expected, so reasons are read, and a rule is asked about a Pod that it must change; a patched Pod that
//! is missing passes too, unless `failOnMissingResources` is set.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::programs::program;

/// The namespaces whose Pods are asked about: the tenant's, some that policies name, some near it.
pub const NAMESPACES: [&str; 8] =
    ["tts", "tts-x", "tt", "kube-system", "kyverno", "immich", "web", "default"];

/// A Pod that a rule leaves out; the tool says `Excluded` where no rule answers, and `Ok` where one
/// answers as it was asked to, with "skip".
pub const EXCLUDED: &str = "left out";
/// A Pod that the rule changes after all.
pub const CHANGED: &str = "changed";

/// A policy to ask about.
pub struct Question<'a> {
    pub text: &'a str,
    pub name: &'a str,
    /// None for a MutatingPolicy.
    pub rule: Option<&'a str>,
    pub exception: Option<String>,
}

/// A Pod that asks for the GPU.
pub fn pod(namespace: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: pod, namespace: {namespace}}}\nspec:\n  priorityClassName: tier-2-gpu\n  containers:\n    - name: server\n      image: registry.example/server:1\n      resources: {{limits: {{nvidia.com/gpu: \"1\"}}}}\n"
    )
}

/// The labels of the namespaces, as a cluster sets them.
pub fn labels() -> String {
    let label =
        |name| format!("  - {{name: {name}, labels: {{kubernetes.io/metadata.name: {name}}}}}\n");
    let labels: String = NAMESPACES.map(label).concat();
    format!("apiVersion: cli.kyverno.io/v1alpha1\nkind: Values\nnamespaceSelector:\n{labels}")
}

/// Writes a folder that the tool tests: is the Pod of each namespace left out?
pub fn ask(folder: &Path, question: &Question<'_>, pod: impl Fn(&str) -> String) {
    fs::create_dir(folder).unwrap();
    fs::write(folder.join("policy.yaml"), question.text).unwrap();
    fs::write(folder.join("pods.yaml"), NAMESPACES.map(pod).join("\n---\n")).unwrap();
    let mut test = String::from(
        "apiVersion: cli.kyverno.io/v1alpha1\nkind: Test\nmetadata: {name: t}\npolicies: [policy.yaml]\nresources: [pods.yaml]\nvariables: values.yaml\n",
    );
    fs::write(folder.join("values.yaml"), labels()).unwrap();
    if let Some(exception) = &question.exception {
        fs::write(folder.join("exception.yaml"), exception).unwrap();
        test += "exceptions: [exception.yaml]\n";
    }
    test += "results:\n";
    for namespace in NAMESPACES {
        let kind = match question.rule {
            Some(rule) => format!("rule: {rule}"),
            None => "isMutatingPolicy: true".to_owned(),
        };
        writeln!(
            test,
            "  - {{policy: {}, {kind}, kind: Pod, resources: [{namespace}/pod], result: skip}}",
            question.name
        )
        .unwrap();
    }
    fs::write(folder.join("kyverno-test.yaml"), test).unwrap();
}

/// Runs the tool over all folders: for each, the reason for each Pod's namespace.
pub fn answers(folder: &Path) -> BTreeMap<String, BTreeMap<String, String>> {
    let output = Command::new(program("kubectl-kyverno"))
        .args(["test", ".", "--remove-color", "-o", "json"])
        .current_dir(folder)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut found: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut name = String::new();
    let mut json: Option<String> = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("Loading test  ( ") {
            name = rest.split('/').next().unwrap().to_owned();
        }
        if line == "[" {
            json = Some(String::new());
        }
        if let Some(json) = &mut json {
            *json += line;
        }
        if line == "]" {
            let rows: Value = serde_json::from_str(&json.take().unwrap()).unwrap();
            let reasons = found.entry(name.clone()).or_default();
            for row in rows.as_array().unwrap() {
                let field = |key: &str| row[key].as_str().unwrap().to_owned();
                let resource = field("RESOURCE");
                let namespace = resource.split('/').nth(2).unwrap().to_owned();
                let reason = match field("REASON").as_str() {
                    "Excluded" | "Ok" => EXCLUDED.to_owned(),
                    "Want skip, got pass" => CHANGED.to_owned(),
                    other => other.to_owned(),
                };
                assert!(reasons.insert(namespace, reason).is_none(), "{name}: {resource} twice");
            }
        }
    }
    assert!(!found.is_empty(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    found
}

/// The reasons in the order of [`NAMESPACES`].
pub fn reasons<'a>(
    answers: &'a BTreeMap<String, BTreeMap<String, String>>,
    name: &str,
) -> Vec<&'a str> {
    let of = answers.get(name).unwrap_or_else(|| panic!("no answer about {name}: {answers:?}"));
    NAMESPACES.map(|namespace| of[namespace].as_str()).to_vec()
}
