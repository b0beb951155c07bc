//! Runs Kyverno's command line tool to find the Pods that a policy changes.
//!
//! The tool passes some tests wrongly, so no test relies on its verdict alone. A Pod without a rule's answer
//! passes whatever is expected, so the tests read the reasons, and each includes a Pod that must change. A
//! missing patched Pod passes too, unless `failOnMissingResources` is set.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::programs::program;

/// The namespaces of the evaluated Pods: the tenant's, some that policies name, and some with similar names.
pub const NAMESPACES: [&str; 8] =
    ["tts", "tts-x", "tt", "kube-system", "kyverno", "immich", "web", "default"];

/// The result for an excluded Pod. The tool reports `Excluded` if no rule answers, and `Ok` if one answers with
/// the expected "skip".
pub const EXCLUDED: &str = "excluded";
/// The result for a Pod that the rule changes.
pub const CHANGED: &str = "changed";

/// A policy to evaluate.
pub struct Question<'a> {
    pub text: &'a str,
    pub name: &'a str,
    /// None for a MutatingPolicy.
    pub rule: Option<&'a str>,
    pub exception: Option<String>,
}

/// A Pod that requests the GPU.
pub fn pod(namespace: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: pod, namespace: {namespace}}}\nspec:\n  priorityClassName: tier-2-gpu\n  containers:\n    - name: server\n      image: registry.example/server:1\n      resources: {{limits: {{nvidia.com/gpu: \"1\"}}}}\n"
    )
}

/// The labels of the namespaces, as in a cluster.
pub fn labels() -> String {
    let labels = NAMESPACES
        .map(|name| {
            format!("  - {{name: {name}, labels: {{kubernetes.io/metadata.name: {name}}}}}\n")
        })
        .concat();
    format!("apiVersion: cli.kyverno.io/v1alpha1\nkind: Values\nnamespaceSelector:\n{labels}")
}

/// Writes a folder for the tool that tests whether each namespace's Pod is excluded.
pub fn write_question(folder: &Path, question: &Question<'_>, pod: impl Fn(&str) -> String) {
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

/// A result of the tool.
#[derive(Debug)]
pub struct Row {
    /// The object: `VERSION/KIND/NAMESPACE/NAME`.
    pub resource: String,
    pub reason: String,
    /// The rule's name, or that of the one that was made from it.
    pub rule: String,
}

/// Runs the tool on all folders. Returns each folder's results.
pub fn run_tests(folder: &Path) -> BTreeMap<String, Vec<Row>> {
    let output = Command::new(program("kubectl-kyverno"))
        .args(["test", ".", "--remove-color", "-o", "json"])
        .current_dir(folder)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut found: BTreeMap<String, Vec<Row>> = BTreeMap::new();
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
            let field = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
            let rows = rows.as_array().unwrap().iter();
            found.entry(name.clone()).or_default().extend(rows.map(|row| Row {
                resource: field(row, "RESOURCE"),
                reason: field(row, "REASON"),
                rule: field(row, "RULE"),
            }));
        }
    }
    assert!(!found.is_empty(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    found
}

/// Runs the tool on all folders. Returns each folder's results by namespace.
pub fn answers(folder: &Path) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut found: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (name, rows) in run_tests(folder) {
        let reasons = found.entry(name.clone()).or_default();
        for Row { resource, reason, .. } in rows {
            let namespace = resource.split('/').nth(2).unwrap().to_owned();
            let reason = match reason.as_str() {
                "Excluded" | "Ok" => EXCLUDED.to_owned(),
                "Want skip, got pass" => CHANGED.to_owned(),
                _ => reason,
            };
            assert!(reasons.insert(namespace, reason).is_none(), "{name}: {resource} twice");
        }
    }
    found
}

/// A folder's results in the order of [`NAMESPACES`].
pub fn reasons<'a>(
    answers: &'a BTreeMap<String, BTreeMap<String, String>>,
    name: &str,
) -> Vec<&'a str> {
    let of = answers.get(name).unwrap_or_else(|| panic!("no answer about {name}: {answers:?}"));
    NAMESPACES.map(|namespace| of[namespace].as_str()).to_vec()
}
