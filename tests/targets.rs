//! Targets other than a Deployment: what is rendered, and what the other commands make of them.

#![cfg(test)]

mod common;

use std::fs;

use common::tool::{Sandbox, objects, repository};
use serde_json::{Value, json};

/// A project whose gate scales another object, and the fields that name it.
struct Case {
    sandbox: Sandbox,
    args: Vec<&'static str>,
    group: &'static str,
    kind: &'static str,
    resource: &'static str,
    name: &'static str,
}

impl Case {
    fn stateful_set() -> Self {
        Case {
            sandbox: Sandbox::repository(),
            args: vec!["--set", "target.kind=StatefulSet"],
            group: "apps",
            kind: "StatefulSet",
            resource: "statefulsets",
            name: "chatterbox-tts",
        }
    }

    /// With a template of its own, from the fixtures.
    fn custom(fixture: &str, [group, kind, resource, name]: [&'static str; 4]) -> Self {
        let sandbox = Sandbox::repository();
        let read = |extension: &str| {
            let file = format!("tests/fixtures/targets/{fixture}.{extension}");
            fs::read_to_string(repository().join(file)).unwrap()
        };
        sandbox.write(&format!("templates/{fixture}.yaml.j2"), read("yaml.j2"));
        sandbox.write("target.yaml", read("yaml"));
        Case { sandbox, args: vec!["-f", "target.yaml"], group, kind, resource, name }
    }

    fn all() -> [Self; 3] {
        [
            Self::stateful_set(),
            Self::custom("rollout", ["argoproj.io", "Rollout", "rollouts", "chatterbox-tts"]),
            Self::custom(
                "leaderworkerset",
                ["leaderworkerset.x-k8s.io", "LeaderWorkerSet", "leaderworkersets", "model"],
            ),
        ]
    }

    #[track_caller]
    fn run(&self, command: &[&str]) -> String {
        self.sandbox.ok(&[command, &self.args].concat()).stdout
    }

    #[track_caller]
    fn generated(&self) -> Vec<Value> {
        objects(&self.run(&["generate", "--app", "tts"]))
    }

    fn version(&self) -> &'static str {
        match self.group {
            "argoproj.io" => "argoproj.io/v1alpha1",
            "apps" => "apps/v1",
            _ => "leaderworkerset.x-k8s.io/v1",
        }
    }
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

#[test]
fn the_target_takes_the_place_of_the_deployment() {
    for case in Case::all() {
        let rendered = case.generated();
        assert_eq!(of_kind(&rendered, "Deployment"), [&Value::Null; 0], "{}", case.kind);
        let [target] = of_kind(&rendered, case.kind)[..] else { panic!("{}", case.kind) };
        assert_eq!(target["apiVersion"], case.version());
        assert_eq!(target["metadata"]["name"], case.name);
        assert_eq!(target["spec"]["replicas"], 0);
        // The Service finds its Pods.
        let [service] = of_kind(&rendered, "Service")[..] else { panic!("{}", case.kind) };
        let labels = match case.kind {
            "LeaderWorkerSet" => &target["spec"]["leaderWorkerTemplate"]["workerTemplate"],
            _ => &target["spec"]["template"],
        };
        assert_eq!(labels["metadata"]["labels"], service["spec"]["selector"]);
    }
}

#[test]
fn a_stateful_set_has_the_pods_of_the_deployment() {
    let sandbox = Sandbox::repository();
    let deployment = objects(&sandbox.ok(&["generate", "--app", "tts"]).stdout);
    let deployment = of_kind(&deployment, "Deployment")[0].clone();
    let rendered = Case::stateful_set().generated();
    let set = of_kind(&rendered, "StatefulSet")[0];
    let mut expected = deployment;
    expected["kind"] = json!("StatefulSet");
    expected["spec"].as_object_mut().unwrap().remove("strategy");
    expected["spec"]["serviceName"] = json!("chatterbox-tts");
    assert_eq!(set, &expected);
}

#[test]
fn the_role_and_the_gate_name_exactly_the_target() {
    for case in Case::all() {
        let rendered = case.generated();
        let [role] = of_kind(&rendered, "Role")[..] else { panic!("{}", case.kind) };
        let scale = format!("{}/scale", case.resource);
        assert_eq!(
            role["rules"],
            json!([{
                "apiGroups": [case.group], "resources": [scale],
                "resourceNames": [case.name], "verbs": ["get", "patch"],
            }])
        );
        let jobs = of_kind(&rendered, "CronJob");
        assert_eq!(jobs.len(), 3);
        for job in jobs {
            let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
            let environment = pod["containers"][0]["env"].as_array().unwrap();
            for (name, value) in [
                ("DEPLOYMENT", case.name),
                ("TARGET_API_VERSION", case.version()),
                ("TARGET_KIND", case.kind),
                ("TARGET_RESOURCE", case.resource),
            ] {
                let variable = json!({"name": name, "value": value});
                assert!(environment.contains(&variable), "{variable}: {environment:?}");
            }
        }
    }
}

#[test]
fn controllers_ignore_the_replicas_of_the_target() {
    let url = ["--set", "gitops.repoURL=https://git.example/me/infra.git"];
    for case in Case::all() {
        let argo_cd = objects(&case.run(&[&["gitops", "argocd"], &url[..]].concat()));
        let app = argo_cd
            .iter()
            .find(|object| object["kind"] == "Application" && object["metadata"]["name"] == "tts");
        assert_eq!(
            app.unwrap()["spec"]["ignoreDifferences"],
            json!([{
                "group": case.group, "kind": case.kind, "name": case.name, "namespace": "tts",
                "jsonPointers": ["/spec/replicas"],
            }])
        );
        let flux = objects(&case.run(&[&["gitops", "flux"], &url[..]].concat()));
        let app = flux.iter().find(|object| {
            object["kind"] == "Kustomization" && object["metadata"]["name"] == "tts"
        });
        let target = json!({
            "group": case.group, "kind": case.kind,
            "name": format!("^{}$", case.name), "namespace": "^tts$",
        });
        assert_eq!(
            app.unwrap()["spec"]["ignore"],
            json!([{"paths": ["/spec/replicas"], "target": target}])
        );
        let set =
            objects(&case.run(&[&["gitops", "argocd", "--application-set"], &url[..]].concat()));
        let [set] = of_kind(&set, "ApplicationSet")[..] else { panic!("{}", case.kind) };
        let rules = set["spec"]["template"]["spec"]["ignoreDifferences"].as_array().unwrap();
        let mut expected = json!({
            "group": case.group, "kind": case.kind, "jsonPointers": ["/spec/replicas"],
        });
        if case.name == "chatterbox-tts" {
            expected["name"] = json!("{{ .server.name }}");
        }
        assert!(rules.contains(&expected), "{rules:?}");
        assert_eq!(rules.len(), 2, "and the Deployments of stacks to come: {rules:?}");
    }
}

#[test]
fn lint_accepts_the_role_and_the_replicas_of_another_target() {
    for case in Case::all() {
        let mut args = vec!["lint"];
        args.extend(&case.args);
        let output = case.sandbox.run(&args);
        assert!(output.code < 2, "{}: {}", case.kind, output.stderr);
        for rule in ["target-not-rendered", "role-too-wide", "starts-ungated", "two-pods-at-once"] {
            assert!(!output.stdout.contains(rule), "{}: {}", case.kind, output.stdout);
        }
    }
}

#[test]
fn a_target_that_nothing_renders_is_found() {
    let sandbox = Sandbox::repository();
    let args = ["--set", "target.name=model"];
    let found = sandbox.run(&[&["lint"], &args[..]].concat());
    assert!(found.stdout.contains("target-not-rendered"), "{}", found.stdout);
    let list = sandbox.ok(&[&["doctor", "--format", "json"], &args[..]].concat()).stdout;
    let list: Vec<Value> = serde_json::from_str(&list).unwrap();
    let item = list.iter().find(|item| item["summary"] == "Deployment tts/model").unwrap();
    assert_eq!(item["command"], "kubectl -n tts get deployments.apps model </dev/null");
}

#[test]
fn a_custom_kind_needs_its_definition() {
    let case = Case::custom("rollout", ["argoproj.io", "Rollout", "rollouts", "chatterbox-tts"]);
    let list: Vec<Value> =
        serde_json::from_str(&case.run(&["doctor", "--format", "json"])).unwrap();
    let summary = "CustomResourceDefinition rollouts.argoproj.io with a scale subresource";
    let item = list.iter().find(|item| item["summary"] == summary).unwrap();
    assert!(item["command"].as_str().unwrap().contains("rollouts.argoproj.io"), "{item}");
    assert!(list.iter().all(|item| item["summary"] != "Rollout tts/chatterbox-tts"), "{list:#?}");
}

#[test]
fn a_resource_that_is_not_the_plural_is_written() {
    let sandbox = Sandbox::repository();
    let out = sandbox
        .ok(&[
            "generate",
            "--app",
            "tts",
            "--set",
            "target.apiVersion=example.org/v1",
            "--set",
            "target.kind=Inference",
            "--set",
            "target.resource=inference",
        ])
        .stdout;
    assert!(out.contains("      - inference/scale\n"), "{out}");
    assert!(out.contains("  - apiGroups:\n      - example.org\n"), "{out}");
}

/// The change of a target is seen by `diff`: the Role, and the object that takes the other's place.
#[test]
fn diff_shows_the_change_of_the_target() {
    let case = Case::stateful_set();
    fs::create_dir(case.sandbox.path("before")).unwrap();
    case.sandbox.ok(&["render", "--out", "before"]);
    let args = ["diff", "--base-dir", "before", "--now", "2026-11-24T12:00:00Z"];
    let output = case.sandbox.run(&[&args[..], &case.args].concat());
    assert!(output.stdout.contains("StatefulSet tts/chatterbox-tts"), "{}", output.stdout);
    assert!(output.stdout.contains("statefulsets/scale"), "{}", output.stdout);
}

/// The guide's example is the tested one.
#[test]
fn the_guide_shows_the_tested_template() {
    let guide = fs::read_to_string(repository().join("docs/targets.md")).unwrap();
    for file in ["rollout.yaml", "rollout.yaml.j2"] {
        let text = fs::read_to_string(repository().join("tests/fixtures/targets").join(file));
        assert!(guide.contains(&text.unwrap()), "{file}");
    }
}
