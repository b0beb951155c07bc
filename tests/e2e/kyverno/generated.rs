//! Compares `policy show` with Kyverno over generated rules: whatever it claims for certain must be so.
//!
//! Each rule is one filter with one mutation. A mutation that applies only changes priorities, so an object
//! that differs afterwards has another priority.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use tts_render::policy::{self, Tenant, Verdict};

use super::cli::{Row, run_tests};
use super::load;

/// A Pod of the tenant, and a Deployment with the same template.
const OBJECTS: &str = r#"apiVersion: v1
kind: Pod
metadata: {name: pod, namespace: tts, labels: {team: gpu}, annotations: {prio: other}}
spec:
  priorityClassName: tier-2
  containers:
    - name: server
      image: registry.example/server:1
      resources: {limits: {nvidia.com/gpu: "1"}, requests: {nvidia.com/gpu: "1"}}
    - name: proxy
      image: registry.example/proxy:1
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: deployment, namespace: tts, labels: {team: gpu}, annotations: {prio: other}}
spec:
  selector: {matchLabels: {team: gpu}}
  template:
    metadata: {labels: {team: gpu}, annotations: {prio: other}}
    spec:
      priorityClassName: tier-2
      containers:
        - name: server
          image: registry.example/server:1
          resources: {limits: {nvidia.com/gpu: "1"}, requests: {nvidia.com/gpu: "1"}}
        - name: proxy
          image: registry.example/proxy:1
"#;

/// `match`, `exclude`, `context` and `preconditions` of a rule.
const FILTERS: [&str; 28] = [
    "match: {any: [{resources: {kinds: [Pod]}}]}",
    "match: {any: [{resources: {kinds: [v1/Pod], operations: [CREATE]}}]}",
    "match: {any: [{resources: {kinds: [Pod, Deployment]}}]}",
    "match: {any: [{resources: {kinds: [Deployment]}}]}",
    "match: {any: [{resources: {kinds: [apps/v1/Deployment], namespaces: ['t*']}}]}",
    "match: {any: [{resources: {kinds: [StatefulSet]}}]}",
    "match: {all: [{resources: {kinds: [Pod]}}, {resources: {kinds: [Pod], namespaces: [web]}}]}",
    "match: {any: [{resources: {kinds: [Pod], selector: {matchLabels: {team: gpu}}}}]}",
    "match: {any: [{resources: {kinds: [Pod], selector: {matchLabels: {team: web}}}}]}",
    "match: {any: [{resources: {kinds: [Pod], names: [pod]}}]}",
    "match: {any: [{resources: {kinds: [Pod], namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [tts]}]}}}]}",
    "match: {resources: {kinds: [Pod], namespaces: [web, tts]}}",
    "match: {any: [{resources: {kinds: [Pod]}}]}\nexclude: {any: [{resources: {namespaces: [tts]}}]}",
    "match: {any: [{resources: {kinds: [Deployment]}}]}\nexclude: {any: [{resources: {namespaces: [tts]}}]}",
    "match: {any: [{resources: {kinds: [Pod]}}]}\nexclude: {any: [{resources: {kinds: [Pod], namespaces: [tts]}}]}",
    "match: {any: [{resources: {kinds: [Pod]}}]}\nexclude: {any: [{resources: {kinds: [Deployment], namespaces: [tts]}}]}",
    "match: {any: [{resources: {kinds: [Pod]}}]}\nexclude: {all: [{resources: {namespaces: [tts]}}, {resources: {names: [other]}}]}",
    "match: {any: [{resources: {kinds: [Pod]}}]}\nexclude: {any: [{resources: {annotations: {prio: other}}}]}",
    "match: {any: [{resources: {kinds: [Pod]}}]}\npreconditions: {all: [{key: \"{{ request.namespace }}\", operator: NotIn, value: [tts, web]}]}",
    "match: {any: [{resources: {kinds: [Pod]}}]}\npreconditions: {all: [{key: \"{{ request.object.metadata.namespace || '' }}\", operator: NotEquals, value: tts}]}",
    "match: {any: [{resources: {kinds: [Pod]}}]}\npreconditions: {all: [{key: \"{{ request.namespace }}\", operator: Equals, value: 't*'}]}",
    "match: {any: [{resources: {kinds: [Pod]}}]}\npreconditions: {any: [{key: \"{{ request.object.spec.containers[].resources.limits.\\\"nvidia.com/gpu\\\" || '' }}\", operator: NotEquals, value: ''}]}",
    "match: {any: [{resources: {kinds: [Pod]}}]}\npreconditions: {all: [{key: \"{{ length(request.object.spec.containers[?resources.limits.\\\"nvidia.com/gpu\\\"] || `[]`) }}\", operator: Equals, value: 0}]}",
    "match: {any: [{resources: {kinds: [Pod]}}]}\npreconditions: {all: [{key: \"{{ request.object.spec.priorityClassName || '' }}\", operator: Equals, value: ''}]}",
    "match: {any: [{resources: {kinds: [Pod]}}]}\npreconditions: {all: [{key: \"{{ request.object.spec.priorityClassName || '' }}\", operator: AnyIn, value: ['tier-*']}]}",
    "match: {any: [{resources: {kinds: [Pod]}}]}\npreconditions: {all: [{key: \"{{ request.operation }}\", operator: Equals, value: DELETE}]}",
    "match: {any: [{resources: {kinds: [Pod]}}]}\ncontext: [{name: team, variable: {value: gpu}}]\npreconditions: {all: [{key: \"{{ team }}\", operator: NotEquals, value: gpu}]}",
    "match: {any: [{resources: {kinds: [Pod]}}]}\npreconditions: [{key: \"{{ request.object.metadata.labels.team }}\", operator: In, value: [gpu]}]",
];

/// The `mutate` of a rule.
const MUTATIONS: [&str; 23] = [
    "{patchesJson6902: '[{op: add, path: /spec/priorityClassName, value: gpu}]'}",
    "{patchStrategicMerge: {spec: {priorityClassName: gpu}}}",
    "{patchStrategicMerge: {spec: {priorityClassName: gpu, priority: 5}}}",
    "{patchStrategicMerge: {spec: {+(priorityClassName): gpu}}}",
    "{patchStrategicMerge: {spec: {priorityClassName: tier-2}}}",
    "{patchStrategicMerge: {metadata: {labels: {(team): gpu}}, spec: {priorityClassName: gpu}}}",
    "{patchStrategicMerge: {metadata: {labels: {(team): web}}, spec: {priorityClassName: gpu}}}",
    "{patchStrategicMerge: {metadata: {<(annotations): {team: gpu}}, spec: {priorityClassName: gpu}}}",
    "{patchStrategicMerge: {spec: {(priorityClassName): tier-9, priority: 5}}}",
    "{patchStrategicMerge: {spec: {containers: [{(name): server, image: registry.example/server:1}], priorityClassName: gpu}}}",
    "{patchStrategicMerge: {spec: {template: {spec: {priorityClassName: gpu}}}}}",
    "{patchStrategicMerge: {spec: {template: {spec: {+(priorityClassName): gpu}}}}}",
    "{patchStrategicMerge: {spec: {template: {spec: {+(priority): 5}}}}}",
    "{patchStrategicMerge: {spec: {priorityClassName: \"{{ request.object.metadata.annotations.prio }}\"}}}",
    "{patchStrategicMerge: {metadata: {labels: {team: gpu}}}}",
    "{patchesJson6902: '[{\"op\": \"add\", \"path\": \"/spec/priorityClassName\", \"value\": \"gpu\"}]'}",
    "{patchesJson6902: '[{\"op\": \"replace\", \"path\": \"/spec/priorityClassName\", \"value\": \"gpu\"}]'}",
    "{patchesJson6902: '[{\"op\": \"remove\", \"path\": \"/spec/priorityClassName\"}]'}",
    "{patchesJson6902: '[{\"op\": \"copy\", \"from\": \"/metadata/annotations/prio\", \"path\": \"/spec/priorityClassName\"}]'}",
    "{patchesJson6902: '[{\"op\": \"test\", \"path\": \"/metadata/labels/team\", \"value\": \"web\"}, {\"op\": \"add\", \"path\": \"/spec/priorityClassName\", \"value\": \"gpu\"}]'}",
    "{patchesJson6902: '[{\"op\": \"replace\", \"path\": \"/spec/priority\", \"value\": 5}, {\"op\": \"add\", \"path\": \"/spec/priorityClassName\", \"value\": \"gpu\"}]'}",
    "{patchesJson6902: '[{\"op\": \"add\", \"path\": \"/spec/template/spec/priorityClassName\", \"value\": \"gpu\"}]'}",
    "{foreach: [{list: 'request.object.spec.containers', patchStrategicMerge: {spec: {priorityClassName: gpu}}}]}",
];

/// The `resourceRules` of a MutatingPolicy: group and resource.
const RESOURCES: [(&str, &str); 2] = [("''", "pods"), ("apps", "deployments")];

/// Expressions of its one condition; empty for none.
const CONDITIONS: [&str; 14] = [
    "",
    "!(request.namespace in [\"tts\"])",
    "!(request.namespace in [\"web\"])",
    "!(object.metadata.namespace in [\"tts\"]) && has(object.spec)",
    "object.metadata.namespace == \"tts\" || object.metadata.name == \"other\"",
    "request.namespace != \"tts\"",
    "object.metadata.name == \"other\"",
    "has(object.spec.priorityClassName)",
    "!has(object.spec.priorityClassName)",
    "object.spec.priorityClassName == \"tier-2\"",
    "object.spec.containers.exists(c, has(c.resources) && has(c.resources.limits) && \"nvidia.com/gpu\" in c.resources.limits)",
    "!object.spec.containers.exists(c, has(c.resources) && has(c.resources.limits) && \"nvidia.com/gpu\" in c.resources.limits)",
    "object.spec.containers.all(c, \"nvidia.com/gpu\" in c.resources.limits)",
    "request.namespace.startsWith(\"t\") ? false : true",
];

/// Its mutation.
const EXPRESSIONS: [(&str, &str); 6] = [
    ("applyConfiguration", "Object{spec: Object.spec{priorityClassName: \"gpu\"}}"),
    (
        "applyConfiguration",
        "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{priorityClassName: \"gpu\"}}}}",
    ),
    (
        "applyConfiguration",
        "has(object.metadata.annotations) ? Object{spec: Object.spec{priorityClassName: \"gpu\"}} : Object{}",
    ),
    ("jsonPatch", "[JSONPatch{op: \"add\", path: \"/spec/priorityClassName\", value: \"gpu\"}]"),
    (
        "jsonPatch",
        "[JSONPatch{op: \"add\", path: \"/spec/\" + \"priorityClassName\", value: \"gpu\"}]",
    ),
    (
        "jsonPatch",
        "[JSONPatch{op: \"test\", path: \"/metadata/labels/team\", value: \"web\"}, JSONPatch{op: \"replace\", path: \"/spec/priorityClassName\", value: \"gpu\"}]",
    ),
];

/// The place that a mutation writes to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Pod,
    Template,
}

impl Place {
    fn of(mutation: &str) -> Self {
        if mutation.contains("template") { Place::Template } else { Place::Pod }
    }
}

/// A policy.
struct Case {
    text: String,
    /// The words that name it in a test's results.
    rule: &'static str,
    place: Place,
    /// The resource of a MutatingPolicy.
    resource: &'static str,
}

impl Case {
    /// Returns true if a change of this object is one of a Pod's priority: fields that the object does not
    /// have may change too.
    fn is_about(&self, row: &Row) -> bool {
        let is_pod = row.resource.contains("/Pod/");
        match (self.resource, self.place) {
            ("", Place::Pod) => is_pod || row.rule.starts_with("autogen-"),
            ("", Place::Template) => !is_pod && !row.rule.starts_with("autogen-"),
            ("pods", Place::Pod) => true,
            ("deployments", Place::Template) => !is_pod,
            _ => false,
        }
    }
}

fn policies() -> Vec<Case> {
    let mut found = Vec::new();
    for (at, filter) in FILTERS.iter().enumerate() {
        // Every other one, so that each filter and each mutation has many partners.
        for mutation in MUTATIONS.iter().skip(at % 2).step_by(2) {
            let body = format!("{filter}\nmutate: {mutation}").replace('\n', "\n      ");
            let text = format!(
                "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {{name: p}}\nspec:\n  rules:\n    - name: r\n      {body}\n"
            );
            found.push(Case { text, rule: "rule: r", place: Place::of(mutation), resource: "" });
        }
    }
    for (group, resource) in RESOURCES {
        for condition in CONDITIONS {
            for (kind, expression) in EXPRESSIONS {
                let mut text = format!(
                    "apiVersion: policies.kyverno.io/v1\nkind: MutatingPolicy\nmetadata: {{name: p}}\nspec:\n  matchConstraints:\n    resourceRules: [{{apiGroups: [{group}], apiVersions: [v1], operations: [CREATE], resources: [{resource}]}}]\n"
                );
                if !condition.is_empty() {
                    writeln!(text, "  matchConditions: [{{name: c, expression: '{condition}'}}]")
                        .unwrap();
                }
                let patch_type =
                    if kind == "jsonPatch" { "JSONPatch" } else { "ApplyConfiguration" };
                writeln!(
                    text,
                    "  mutations: [{{patchType: {patch_type}, {kind}: {{expression: '{expression}'}}}}]"
                )
                .unwrap();
                let rule = "isMutatingPolicy: true";
                found.push(Case { text, rule, place: Place::of(expression), resource });
            }
        }
    }
    found
}

fn write_test(folder: &Path, text: &str, rule: &str) {
    fs::create_dir(folder).unwrap();
    fs::write(folder.join("policy.yaml"), text).unwrap();
    fs::write(folder.join("objects.yaml"), OBJECTS).unwrap();
    let namespaces = "apiVersion: cli.kyverno.io/v1alpha1\nkind: Values\nnamespaceSelector:\n  - {name: tts, labels: {kubernetes.io/metadata.name: tts}}\n";
    fs::write(folder.join("values.yaml"), namespaces).unwrap();
    let results = [("Pod", "tts/pod"), ("Deployment", "tts/deployment")].map(|(kind, name)| {
        format!("  - {{policy: p, {rule}, kind: {kind}, resources: [{name}], patchedResources: objects.yaml, failOnMissingResources: true, result: pass}}\n")
    });
    let test = format!(
        "apiVersion: cli.kyverno.io/v1alpha1\nkind: Test\nmetadata: {{name: t}}\npolicies: [policy.yaml]\nresources: [objects.yaml]\nvariables: values.yaml\nresults:\n{}",
        results.concat()
    );
    fs::write(folder.join("kyverno-test.yaml"), test).unwrap();
}

fn verdict(text: &str) -> (Verdict, String) {
    let (sources, source) = load(text);
    let tenant = Tenant {
        namespace: "tts",
        priority_class: Some("tier-2"),
        resource: "nvidia.com/gpu",
        controller: Some("Deployment"),
    };
    let shown = policy::show_policies(&sources, source, Some(&tenant)).unwrap();
    let rule = shown.into_iter().next().unwrap().rules.into_iter().next().unwrap();
    (rule.verdict.unwrap(), rule.effect.unwrap())
}

#[test]
#[ignore = "tests/e2e/run"]
fn policy_show_is_never_certain_and_wrong_about_a_generated_rule() {
    let policies = policies();
    let folder = tempfile::tempdir().unwrap();
    for (at, case) in policies.iter().enumerate() {
        write_test(&folder.path().join(format!("{at:04}")), &case.text, case.rule);
    }
    let results = run_tests(folder.path());
    let (mut wrong, mut invalid) = (String::new(), String::new());
    let (mut changes, mut keeps, mut perhaps) = (0, 0, [0, 0]);
    for (at, case) in policies.iter().enumerate() {
        let text = &case.text;
        let rows = &results[&format!("{at:04}")];
        assert_eq!(rows.len(), 2, "{text}{rows:?}");
        if rows.iter().any(|row| row.reason == "Invalid Policy") {
            writeln!(invalid, "{text}").unwrap();
            continue;
        }
        // Any other result leaves the object as it is: the rule is skipped, excluded or fails.
        let is_changed = rows.iter().any(|row| row.reason == "Resource diff" && case.is_about(row));
        let (verdict, effect) = verdict(text);
        match verdict {
            Verdict::Changes if is_changed => changes += 1,
            Verdict::Keeps if !is_changed => keeps += 1,
            Verdict::MayChange => perhaps[usize::from(is_changed)] += 1,
            _ => writeln!(wrong, "{text}`policy show`: {effect}\nkyverno: {rows:?}\n").unwrap(),
        }
    }
    println!(
        "{} policies: certain and right {} ({changes} change, {keeps} keep), perhaps {} ({} change)",
        policies.len(),
        changes + keeps,
        perhaps[0] + perhaps[1],
        perhaps[1],
    );
    assert!(invalid.is_empty(), "Kyverno refuses these policies:\n{invalid}\n{wrong}");
    assert!(wrong.is_empty(), "{} wrong:\n{wrong}", wrong.matches("kyverno:").count());
    assert!(changes >= 30 && keeps >= 150, "too few certain answers: {changes}, {keeps}");
}
