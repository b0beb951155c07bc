//! The exclusions as the real Kyverno sees them: its command line tool is asked about Pods, before
//! and after the edit.
//!
//! Ignored without the tool: `cargo test --test kyverno -- --ignored` with `KYVERNO` set to it;
//! tests/tools/kyverno says how to build it. It has two holes, so no test rests on its verdict
//! alone: a Pod that no rule answers for passes whatever is expected, so reasons are read, and a
//! rule is asked about a Pod that it must change; a patched Pod that is missing passes too, unless
//! `failOnMissingResources` is set.

// A test fails by panicking, in its helpers too.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tts_render::policy::{self, ExceptionOf, Kind, Request, Tenant, exception};
use tts_render::source::{Source, SourceId, Sources};
use tts_render::yaml::{emit, to_node};

/// The namespaces whose Pods are asked about: the tenant's, some that policies name, some near it.
const NAMESPACES: [&str; 8] =
    ["tts", "tts-x", "tt", "kube-system", "kyverno", "immich", "web", "default"];

/// A Pod that a rule leaves out; the tool says `Excluded` where no rule answers, and `Ok` where one
/// answers as it was asked to, with "skip".
const EXCLUDED: &str = "left out";
/// A Pod that the rule changes after all.
const CHANGED: &str = "changed";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn load(text: &str) -> (Sources, SourceId) {
    let mut sources = Sources::new();
    let source = sources.add(Source::written("p.yaml", text));
    (sources, source)
}

fn edited(text: &str, request: &Request<'_>) -> String {
    let (sources, source) = load(text);
    policy::exclude(&sources, source, request).unwrap().text
}

/// A policy to ask about.
struct Question<'a> {
    text: &'a str,
    name: &'a str,
    /// None for a MutatingPolicy.
    rule: Option<&'a str>,
    exception: Option<String>,
}

fn pod(namespace: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: pod, namespace: {namespace}}}\nspec:\n  priorityClassName: tier-2-gpu\n  containers:\n    - name: server\n      image: registry.example/server:1\n      resources: {{limits: {{nvidia.com/gpu: \"1\"}}}}\n"
    )
}

/// The labels of the namespaces, as a cluster sets them.
fn labels() -> String {
    let label =
        |name| format!("  - {{name: {name}, labels: {{kubernetes.io/metadata.name: {name}}}}}\n");
    let labels: String = NAMESPACES.map(label).concat();
    format!("apiVersion: cli.kyverno.io/v1alpha1\nkind: Values\nnamespaceSelector:\n{labels}")
}

/// Writes a folder that the tool tests: is the Pod of each namespace left out?
fn ask(folder: &Path, question: &Question<'_>) {
    fs::create_dir(folder).unwrap();
    fs::write(folder.join("policy.yaml"), question.text).unwrap();
    fs::write(folder.join("pods.yaml"), NAMESPACES.map(pod).join("---\n")).unwrap();
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
fn answers(folder: &Path) -> BTreeMap<String, BTreeMap<String, String>> {
    let tool = std::env::var_os("KYVERNO").unwrap_or("kyverno".into());
    let output = Command::new(&tool)
        .args(["test", ".", "--remove-color", "-o", "json"])
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", tool.display()));
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
fn reasons<'a>(
    answers: &'a BTreeMap<String, BTreeMap<String, String>>,
    name: &str,
) -> Vec<&'a str> {
    let of = answers.get(name).unwrap_or_else(|| panic!("no answer about {name}: {answers:?}"));
    NAMESPACES.map(|namespace| of[namespace].as_str()).to_vec()
}

#[test]
#[ignore = "needs the Kyverno CLI"]
fn the_edit_leaves_out_the_tenant_and_nobody_else() {
    let base =
        fs::read_to_string(root().join("policies/inject-gpu-workload-priority.yaml")).unwrap();
    let request = Request { namespace: "tts", rule: None, policy: None };
    let after = edited(&base, &request);
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("before", &base), ("after", &after)] {
        let question = Question {
            text,
            name: "inject-gpu-workload-priority",
            rule: Some("gpu-priority-override"),
            exception: None,
        };
        ask(&folder.path().join(name), &question);
    }
    let answers = answers(folder.path());
    let (before, after) = (reasons(&answers, "before"), reasons(&answers, "after"));
    assert_eq!(before, [CHANGED, CHANGED, CHANGED, EXCLUDED, EXCLUDED, CHANGED, CHANGED, CHANGED]);
    assert_eq!(after[0], EXCLUDED);
    assert_eq!(after[1..], before[1..]);
}

#[test]
#[ignore = "needs the Kyverno CLI"]
fn a_resident_still_gets_its_priority() {
    let base =
        fs::read_to_string(root().join("policies/inject-gpu-workload-priority.yaml")).unwrap();
    let request = Request { namespace: "tts", rule: None, policy: None };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("policy.yaml", &edited(&base, &request));
    write("pods.yaml", &pod("immich"));
    let patched = pod("immich").replace(
        "  priorityClassName: tier-2-gpu\n",
        "  priorityClassName: gpu-workload\n  priority: 1200000\n  preemptionPolicy: PreemptLowerPriority\n",
    );
    let test = |patched: &str| {
        write("patched.yaml", patched);
        write(
            "kyverno-test.yaml",
            "apiVersion: cli.kyverno.io/v1alpha1\nkind: Test\nmetadata: {name: t}\npolicies: [policy.yaml]\nresources: [pods.yaml]\nresults:\n  - policy: inject-gpu-workload-priority\n    rule: gpu-priority-override\n    kind: Pod\n    resources: [immich/pod]\n    patchedResources: patched.yaml\n    failOnMissingResources: true\n    result: pass\n",
        );
        answers(folder.path()).into_values().next().unwrap()["immich"].clone()
    };
    // "Ok": the rule answers with "pass", and the Pod is as it should be.
    assert_eq!(test(&patched), EXCLUDED);
    // The test can fail.
    assert_eq!(test(&patched.replace("1200000", "1")), "Resource diff");
}

/// Every fixture that is edited, asked about before and after; and what `policy show` says of each
/// Pod must be what the tool says.
#[test]
#[ignore = "needs the Kyverno CLI"]
fn every_shape_means_to_kyverno_what_it_means_to_us() {
    let fixtures = root().join("tests/fixtures/policy");
    let folder = tempfile::tempdir().unwrap();
    let mut asked = Vec::new();
    for entry in fs::read_dir(&fixtures).unwrap() {
        let fixture = entry.unwrap().path();
        let name = fixture.file_name().unwrap().to_string_lossy().into_owned();
        let args = fs::read_to_string(fixture.join("args")).unwrap();
        let Ok(after) = fs::read_to_string(fixture.join("expected.yaml")) else {
            continue;
        };
        let before = fs::read_to_string(fixture.join("input.yaml")).unwrap();
        let bundle = before.contains("ConfigMap") || before.contains("kind: List");
        if args.trim() != "--exclude tts" || bundle {
            continue;
        }
        let mutating = before.contains("kind: MutatingPolicy");
        let policy = if before.contains("name: inject-gpu-workload-priority") {
            "inject-gpu-workload-priority"
        } else {
            "inject"
        };
        let rule = if policy == "inject" { "override" } else { "gpu-priority-override" };
        for (when, text) in [("before", &before), ("after", &after)] {
            let rule = (!mutating).then_some(rule);
            let question = Question { text, name: policy, rule, exception: None };
            ask(&folder.path().join(format!("{name}.{when}")), &question);
        }
        asked.push((name, before, after));
    }
    let answers = answers(folder.path());
    let mut wrong = String::new();
    for (name, before_text, after_text) in &asked {
        let before = reasons(&answers, &format!("{name}.before"));
        let after = reasons(&answers, &format!("{name}.after"));
        let edit = before_text != after_text;
        if after[0] != EXCLUDED || after[1..] != before[1..] || edit != (before[0] == CHANGED) {
            writeln!(wrong, "{name}: {before:?} became {after:?}").unwrap();
        }
        for (text, reasons) in [(before_text, &before), (after_text, &after)] {
            for (namespace, reason) in NAMESPACES.iter().zip(reasons) {
                let effect = effect(text, namespace);
                let agrees = match effect.split(' ').next() {
                    Some("keeps") => *reason == EXCLUDED,
                    Some("priority") => *reason == CHANGED,
                    // Labels or users decide; the Pod has none that do.
                    _ => effect.starts_with("perhaps") && *reason == CHANGED,
                };
                if !agrees {
                    writeln!(wrong, "{name}, {namespace}: {reason}, we say: {effect}").unwrap();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(asked.len() >= 50, "only {} fixtures", asked.len());
}

fn effect(text: &str, namespace: &str) -> String {
    let (sources, source) = load(text);
    let tenant =
        Tenant { namespace, priority_class: Some("tier-2-gpu"), resource: "nvidia.com/gpu" };
    let shown = policy::show(&sources, source, Some(&tenant)).unwrap();
    shown.into_iter().next().unwrap().rules.into_iter().next().unwrap().effect.unwrap()
}

#[test]
#[ignore = "needs the Kyverno CLI"]
fn exceptions_leave_out_the_tenant_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let legacy =
        fs::read_to_string(root().join("policies/inject-gpu-workload-priority.yaml")).unwrap();
    let mutating =
        fs::read_to_string(root().join("tests/fixtures/policy/mutating-cel/input.yaml")).unwrap();
    let cases = [
        (
            Kind::ClusterPolicy,
            &legacy,
            "inject-gpu-workload-priority",
            Some("gpu-priority-override"),
        ),
        (Kind::MutatingPolicy, &mutating, "inject", None),
    ];
    for (kind, text, name, rule) in cases {
        let exception = exception(&ExceptionOf {
            name: "tts-keeps-its-priority",
            namespace: "kyverno",
            kind,
            policy: name,
            rule,
            tenant: "tts",
        });
        let exception = emit(&to_node(&exception).unwrap());
        let question = Question { text, name, rule, exception: Some(exception) };
        ask(&folder.path().join(name), &question);
    }
    let answers = answers(folder.path());
    for (_, _, name, _) in cases {
        let reasons = reasons(&answers, name);
        assert_eq!(reasons[0], EXCLUDED, "{name}: {reasons:?}");
        let others = [CHANGED, CHANGED, EXCLUDED, EXCLUDED, CHANGED, CHANGED, CHANGED];
        assert_eq!(reasons[1..], others, "{name}");
    }
}
