//! Validates manifests with `kubeconform -strict`, by the schemas of the oldest and the newest supported
//! Kubernetes and of Kyverno's and Argo CD's definitions; and builds the Flux layout with Flux' own library.

mod custom;
mod flux;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::common::manifests::{everything, served, written};
use crate::common::tool::{Sandbox, objects, repository, run_in};
use crate::programs::program;

/// Copies the schemas of a Kubernetes version from the Python package `kubernetes-validate`. They refer to
/// each other by URLs of a server; without those, kubeconform looks beside the file.
fn copy_kubernetes_schemas(version: &str, into: &Path) {
    let place = "import kubernetes_validate as one; print(one.__path__[0])";
    let found = Command::new("python3").args(["-c", place]).output().unwrap();
    let said = String::from_utf8_lossy(&found.stderr);
    assert!(found.status.success(), "what .ci/requirements.txt lists is not installed: {said}");
    let package = PathBuf::from(String::from_utf8(found.stdout).unwrap().trim());
    let folder = package.join(format!("kubernetes-json-schema/v{version}.0-local-strict"));
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        let text = text.replace("\"/api/_definitions.json#", "\"_definitions.json#");
        let mut schema: Value = serde_json::from_str(&text).unwrap();
        schema.as_object_mut().unwrap().remove("$id");
        std::fs::write(into.join(file.file_name()), schema.to_string()).unwrap();
    }
}

/// Runs kubeconform on all manifests of a folder, and returns its verdicts.
fn run_kubeconform(folder: &Sandbox, version: &str) -> Vec<Value> {
    let schemas = Sandbox::empty();
    copy_kubernetes_schemas(version, &schemas.path(""));
    custom::write(&schemas.path(""));
    let location = |name: &str| schemas.path(name).display().to_string();
    let output = Command::new(program("kubeconform"))
        .args(["-strict", "-verbose", "-output", "json", "-kubernetes-version"])
        .arg(format!("{version}.0"))
        .args(["-schema-location", &location("{{.ResourceKind}}{{.KindSuffix}}.json")])
        .args([
            "-schema-location",
            &location("{{.Group}}_{{.ResourceKind}}_{{.ResourceAPIVersion}}.json"),
        ])
        .arg(folder.path(""))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let answer: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    answer["resources"].as_array().unwrap().clone()
}

/// The messages about invalid manifests.
fn failures(verdicts: &[Value]) -> Vec<String> {
    let refused = verdicts.iter().filter(|one| one["status"] != "statusValid");
    refused.map(|one| format!("{} {}: {}", one["kind"], one["filename"], one["msg"])).collect()
}

#[test]
#[ignore = "tests/e2e/run"]
fn every_manifest_fits_the_schemas_of_both_kubernetes() {
    let mut all = everything();
    for (name, arguments) in
        [("argocd", &["argocd"][..]), ("argocd-application-set", &["argocd", "--application-set"])]
    {
        let url = "gitops.repoURL=https://git.example/me/infra.git";
        let sets = ["--set", url, "--set", "gitops.policies=true"];
        let made = run_in(repository(), &[&["gitops"], arguments, &sets].concat());
        assert_eq!((made.code, made.stderr.as_str()), (0, ""));
        for (number, object) in objects(&made.stdout).iter().enumerate() {
            all.insert(format!("{name}/{number}.json"), object.to_string());
        }
    }
    let folder = written(&all);
    for version in served() {
        let verdicts = run_kubeconform(&folder, &version);
        assert_eq!(failures(&verdicts), Vec::<String>::new(), "Kubernetes {version}");
        // All were validated, Kubernetes' kinds and custom resources.
        assert_eq!(verdicts.len(), all.len());
        for kind in ["Deployment", "CronJob", "ClusterPolicy", "PolicyException", "Application"] {
            assert!(verdicts.iter().any(|one| one["kind"] == kind), "no {kind}");
        }
    }
}

#[test]
#[ignore = "tests/e2e/run"]
fn an_unknown_field_is_found_in_every_manifest() {
    let all = everything();
    let mut broken = all.clone();
    for text in broken.values_mut() {
        let mut object = objects(text).remove(0);
        // Into the spec, if there is one: a Role and a ConfigMap have none.
        let inside = if object.get("spec").is_some() { &mut object["spec"] } else { &mut object };
        inside.as_object_mut().unwrap().insert("nmae".to_owned(), Value::from("x"));
        *text = object.to_string();
    }
    let folder = written(&broken);
    for version in served() {
        let verdicts = run_kubeconform(&folder, &version);
        assert_eq!(failures(&verdicts).len(), all.len(), "Kubernetes {version}");
        assert!(verdicts.iter().all(|one| one["msg"].as_str().unwrap().contains("nmae")));
    }
}
