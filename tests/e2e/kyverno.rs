//! Tests exclusions with the real Kyverno: its command line tool evaluates Pods before and after the edit.

mod cli;
mod generated;
mod rendered;

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use tts_render::policy::{self, ExceptionRequest, Kind, Request, Tenant, policy_exception};
use yaml_spans::source::{Source, SourceId, Sources};
use yaml_spans::{emit, to_node};

use self::cli::{CHANGED, EXCLUDED, NAMESPACES, Question, answers, pod, reasons, write_question};
use crate::common::tool::repository;

fn root() -> PathBuf {
    repository().to_owned()
}

fn load(text: &str) -> (Sources, SourceId) {
    let mut sources = Sources::new();
    let source = sources.add(Source::written("p.yaml", text));
    (sources, source)
}

fn edited(text: &str, request: &Request<'_>) -> String {
    let (sources, source) = load(text);
    policy::exclude_namespace(&sources, source, request).unwrap().text
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_edit_excludes_only_the_tenant() {
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
        write_question(&folder.path().join(name), &question, pod);
    }
    let answers = answers(folder.path());
    let (before, after) = (reasons(&answers, "before"), reasons(&answers, "after"));
    assert_eq!(before, [CHANGED, CHANGED, CHANGED, EXCLUDED, EXCLUDED, CHANGED, CHANGED, CHANGED]);
    assert_eq!(after[0], EXCLUDED);
    assert_eq!(after[1..], before[1..]);
}

#[test]
#[ignore = "tests/e2e/run"]
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
    // "Ok" means that the rule passes and the Pod is as expected.
    assert_eq!(test(&patched), EXCLUDED);
    // The test can fail.
    assert_eq!(test(&patched.replace("1200000", "1")), "Resource diff");
}

/// Evaluates every edited fixture before and after. `policy show` must agree with the tool for each Pod.
#[test]
#[ignore = "tests/e2e/run"]
fn policy_show_agrees_with_kyverno_on_every_fixture() {
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
        let bundle = ["ConfigMap", "kind: List", "kind: ValidatingPolicy", "variables.excluded"]
            .iter()
            .any(|text| before.contains(text));
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
            write_question(&folder.path().join(format!("{name}.{when}")), &question, pod);
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
                    _ => effect.starts_with("perhaps"),
                };
                if !agrees {
                    writeln!(wrong, "{name}, {namespace}: {reason}, `policy show`: {effect}")
                        .unwrap();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(asked.len() >= 50, "only {} fixtures", asked.len());
}

fn effect(text: &str, namespace: &str) -> String {
    let (sources, source) = load(text);
    let tenant = Tenant {
        namespace,
        priority_class: Some("tier-2-gpu"),
        resource: "nvidia.com/gpu",
        controller: None,
    };
    let shown = policy::show_policies(&sources, source, Some(&tenant)).unwrap();
    shown.into_iter().next().unwrap().rules.into_iter().next().unwrap().effect.unwrap()
}

#[test]
#[ignore = "tests/e2e/run"]
fn exceptions_exclude_only_the_tenant() {
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
        let exception = policy_exception(&ExceptionRequest {
            name: "tts-keeps-its-priority",
            namespace: "kyverno",
            kind,
            policy: name,
            rule,
            has_generated_rules: false,
            tenant: "tts",
        });
        let exception = emit(&to_node(&exception).unwrap());
        let question = Question { text, name, rule, exception: Some(exception) };
        write_question(&folder.path().join(name), &question, pod);
    }
    let answers = answers(folder.path());
    for (_, _, name, _) in cases {
        let reasons = reasons(&answers, name);
        assert_eq!(reasons[0], EXCLUDED, "{name}: {reasons:?}");
        let others = [CHANGED, CHANGED, EXCLUDED, EXCLUDED, CHANGED, CHANGED, CHANGED];
        assert_eq!(reasons[1..], others, "{name}");
    }
}
