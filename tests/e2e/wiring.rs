//! The files that wire a repository to Argo CD and Flux, validated against their own definitions.

use serde_json::{Value, json};

use crate::apply::name;
use crate::cluster::{Cluster, WIRING, of_argo_cd};
use crate::common::tool::{objects, repository, run_in};
use crate::compare::changed;

const STRICT: &str = "fieldManager=e2e&force=true&dryRun=All&fieldValidation=Strict";

/// The objects that `gitops` prints.
fn wiring(arguments: &[&str]) -> Vec<Value> {
    let set = ["--set", "gitops.repoURL=https://git.example/infra.git"];
    let output = run_in(repository(), &[&["gitops"], arguments, &set].concat());
    assert_eq!(output.code, 0, "{arguments:?}: {}", output.stderr);
    objects(&output.stdout)
}

/// A cluster that has Argo CD's and Flux' kinds.
fn prepared() -> &'static Cluster {
    let cluster = Cluster::shared();
    cluster.define(WIRING);
    cluster.admin().namespace("argocd");
    cluster.admin().namespace("flux-system");
    cluster
}

const IMAGE: &str =
    "gitops.argocd.pluginImage={repository: registry.example/tts-render, tag: 0.1.0}";

#[test]
#[ignore = "tests/e2e/run"]
fn argo_cds_and_flux_definitions_take_it() {
    let cluster = prepared();
    let artifact = "gitops.flux.artifact=oci://registry.example/rendered";
    let keel = ["--set", "gitops.images=keel"];
    let mut kinds = Vec::new();
    for arguments in [
        &["argocd"][..],
        &["argocd", "--application-set"],
        &["argocd", "--from", "plugin", "--set", IMAGE],
        &["argocd", "--application-set", "--from", "plugin", "--set", IMAGE],
        &[&["argocd"], &keel[..]].concat(),
        &["flux"],
        &["flux", "--set", artifact],
        &[&["flux"], &keel[..]].concat(),
    ] {
        for object in wiring(arguments).iter().filter(|object| !is_patch(object)) {
            let answer = cluster.admin().apply(object, STRICT);
            assert_eq!(answer.warnings, [""; 0], "{arguments:?}: {}", name(object));
            let held = answer.object();
            assert_eq!(changed(object, &held), [""; 0], "{arguments:?}: {}", name(object));
            kinds.push(object["kind"].as_str().unwrap().to_owned());
        }
    }
    for (_, _, _, kind) in WIRING {
        assert!(kinds.iter().any(|found| found == kind), "{kind} is not printed");
    }
}

/// Returns true for the patch, which is only a part of an object.
fn is_patch(object: &Value) -> bool {
    object["kind"] == "Deployment"
}

#[test]
#[ignore = "tests/e2e/run"]
fn the_patch_puts_the_plugin_beside_argo_cds_own_repo_server() {
    let cluster = prepared();
    let mut server = of_argo_cd("argocd-repo-server");
    server["metadata"]["namespace"] = Value::from("argocd");
    let unpatched = cluster.admin().apply(&server, "fieldManager=argocd").object();
    let printed = wiring(&["argocd", "--from", "plugin", "--set", IMAGE]);
    let patch = printed.iter().find(|object| is_patch(object)).unwrap();
    let patch = patch.to_string();
    let arguments = ["-n", "argocd", "patch", "deployment", "argocd-repo-server", "-o", "json"];
    let patched = cluster.kubectl_ok(&[&arguments[..], &["-p", &patch]].concat(), "");
    let patched: Value = serde_json::from_str(&patched).unwrap();
    let held = cluster.admin().live(&server);
    assert_ne!(held["metadata"]["generation"], json!(1), "the patch did something");

    // What was there is as it was; new are one container and two volumes.
    let pod = |object: &Value| object["spec"]["template"]["spec"].clone();
    let (mut before, mut after) = (pod(&unpatched), pod(&held));
    for (key, new) in [
        ("containers", vec!["tts-render"]),
        ("volumes", vec!["tts-render-plugin", "tts-render-tmp"]),
    ] {
        let (was, is) = (before[key].take(), after[key].take());
        let (was, is) = (was.as_array().unwrap(), is.as_array().unwrap());
        assert!(was.iter().all(|item| is.contains(item)), "{key}");
        let more: Vec<&str> = is
            .iter()
            .filter(|item| !was.contains(item))
            .map(|item| item["name"].as_str().unwrap())
            .collect();
        assert_eq!(more, new);
    }
    assert_eq!(before, after);
    assert_eq!(pod(&patched), pod(&held));
}
