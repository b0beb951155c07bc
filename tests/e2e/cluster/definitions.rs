//! Others' own definitions of the kinds that we write, from their Go modules.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{Cluster, until};
use crate::common::tool::{finished, objects, repository};

/// A definition: its module, its file there, and the kind that it makes.
type Definition = (&'static str, &'static str, &'static str, &'static str);

/// The version is what `tests/tools/kyverno` pins.
const KYVERNO: &str = "github.com/kyverno/kyverno";
/// The newest that the machine's Go takes.
const ARGO_CD: &str = "github.com/argoproj/argo-cd/v3@v3.5.7";
const KUSTOMIZE_CONTROLLER: &str = "github.com/fluxcd/kustomize-controller@v1.9.6";
const SOURCE_CONTROLLER: &str = "github.com/fluxcd/source-controller@v1.9.6";

/// Kyverno's policies and exceptions.
pub const POLICIES: &[Definition] = &[
    (KYVERNO, "config/crds/kyverno/kyverno.io_clusterpolicies", "kyverno.io/v1", "ClusterPolicy"),
    (
        KYVERNO,
        "config/crds/kyverno/kyverno.io_policyexceptions",
        "kyverno.io/v2",
        "PolicyException",
    ),
    (
        KYVERNO,
        "config/crds/policies.kyverno.io/policies.kyverno.io_policyexceptions",
        "policies.kyverno.io/v1",
        "PolicyException",
    ),
    (
        KYVERNO,
        "config/crds/policies.kyverno.io/policies.kyverno.io_mutatingpolicies",
        "policies.kyverno.io/v1",
        "MutatingPolicy",
    ),
];

/// What wires a repository to Argo CD and to Flux.
pub const WIRING: &[Definition] = &[
    (ARGO_CD, "manifests/crds/application-crd", "argoproj.io/v1alpha1", "Application"),
    (ARGO_CD, "manifests/crds/applicationset-crd", "argoproj.io/v1alpha1", "ApplicationSet"),
    (ARGO_CD, "manifests/crds/appproject-crd", "argoproj.io/v1alpha1", "AppProject"),
    (
        KUSTOMIZE_CONTROLLER,
        "config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations",
        "kustomize.toolkit.fluxcd.io/v1",
        "Kustomization",
    ),
    (
        SOURCE_CONTROLLER,
        "config/crd/bases/source.toolkit.fluxcd.io_gitrepositories",
        "source.toolkit.fluxcd.io/v1",
        "GitRepository",
    ),
    (
        SOURCE_CONTROLLER,
        "config/crd/bases/source.toolkit.fluxcd.io_ocirepositories",
        "source.toolkit.fluxcd.io/v1",
        "OCIRepository",
    ),
];

/// The folder of a module in Go's cache, where it is put if it is not there.
fn folder(module: &str) -> PathBuf {
    // With a version, any folder will do; one that belongs to a module would have it written down.
    let outside = tempfile::tempdir().unwrap();
    let pinned = repository().join("tests/tools/kyverno");
    let place: &Path = if module.contains('@') { outside.path() } else { &pinned };
    let download = Command::new("go")
        .args(["mod", "download", "-json", module])
        .current_dir(place)
        .output()
        .expect("go on PATH");
    let ran = finished(download);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let module: Value = serde_json::from_str(&ran.out).unwrap();
    PathBuf::from(module["Dir"].as_str().unwrap())
}

/// A Deployment of Argo CD's own installation.
pub fn of_argo_cd(name: &str) -> Value {
    let manifests = folder(ARGO_CD).join("manifests/install.yaml");
    let manifests = objects(&std::fs::read_to_string(manifests).unwrap());
    let named =
        |object: &Value| object["kind"] == "Deployment" && object["metadata"]["name"] == name;
    manifests.into_iter().find(named).unwrap()
}

impl Cluster {
    /// Makes these kinds of the server's.
    #[track_caller]
    pub fn define(&self, definitions: &[Definition]) {
        for (module, file, version, kind) in definitions {
            let file = folder(module).join(format!("{file}.yaml")).display().to_string();
            // Too long for the annotation that a client-side apply makes.
            self.kubectl_ok(&["apply", "--server-side", "-f", &file], "");
            until(kind, || self.admin().resource(version, kind));
        }
    }
}
