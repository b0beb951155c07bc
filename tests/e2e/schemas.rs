//! `kubeconform -strict`, with the schemas of the oldest and the newest Kubernetes that we serve, and of
//! the custom resources as Kyverno and Argo CD define them; and Flux' own build of its layout.

mod custom;
mod flux;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::common::manifests::{everything, served, written};
use crate::common::tool::{Sandbox, objects, ran, repository};
use crate::programs::program;

/// A Kubernetes' own schemas, as the Python package `kubernetes-validate` carries them. They refer to
/// each other by addresses of a server; without those, kubeconform looks beside the file.
fn own_schemas(version: &str, into: &Path) {
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

/// The verdicts on all manifests of a folder.
fn verdicts(folder: &Sandbox, version: &str) -> Vec<Value> {
    let schemas = Sandbox::empty();
    own_schemas(version, &schemas.path(""));
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

/// What it has against them.
fn complaints(verdicts: &[Value]) -> Vec<String> {
    let refused = verdicts.iter().filter(|one| one["status"] != "statusValid");
    refused.map(|one| format!("{} {}: {}", one["kind"], one["filename"], one["msg"])).collect()
}

#[test]
#[ignore = "tests/e2e/run"]
fn every_manifest_is_what_both_kubernetes_define() {
    let mut all = everything();
    for (name, arguments) in
        [("argocd", &["argocd"][..]), ("argocd-application-set", &["argocd", "--application-set"])]
    {
        let url = "gitops.repoURL=https://git.example/me/infra.git";
        let made = ran(repository(), &[&["gitops"], arguments, &["--set", url]].concat());
        assert_eq!((made.code, made.err.as_str()), (0, ""));
        for (number, object) in objects(&made.out).iter().enumerate() {
            all.insert(format!("{name}/{number}.json"), object.to_string());
        }
    }
    let folder = written(&all);
    for version in served() {
        let verdicts = verdicts(&folder, &version);
        assert_eq!(complaints(&verdicts), Vec::<String>::new(), "Kubernetes {version}");
        // All of them were looked at, ours and custom ones.
        assert_eq!(verdicts.len(), all.len());
        for kind in ["Deployment", "CronJob", "ClusterPolicy", "PolicyException", "Application"] {
            assert!(verdicts.iter().any(|one| one["kind"] == kind), "no {kind}");
        }
    }
}

#[test]
#[ignore = "tests/e2e/run"]
fn one_field_too_many_is_found_in_every_manifest() {
    let all = everything();
    let mut broken = all.clone();
    for text in broken.values_mut() {
        let mut object = objects(text).remove(0);
        // Where there is a spec, in it; a Role's rules, a ConfigMap's data have none.
        let inside = if object.get("spec").is_some() { &mut object["spec"] } else { &mut object };
        inside.as_object_mut().unwrap().insert("nmae".to_owned(), Value::from("x"));
        *text = object.to_string();
    }
    let folder = written(&broken);
    for version in served() {
        let verdicts = verdicts(&folder, &version);
        assert_eq!(complaints(&verdicts).len(), all.len(), "Kubernetes {version}");
        assert!(verdicts.iter().all(|one| one["msg"].as_str().unwrap().contains("nmae")));
    }
}
