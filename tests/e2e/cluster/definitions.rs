//! The definitions of the rendered custom resources, from the Go modules of their projects.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{Cluster, until};
use crate::common::tool::{CommandOutput, objects, repository};

/// A definition: its module, its file in it, and the API version and kind that it defines.
type Definition = (&'static str, &'static str, &'static str, &'static str);

/// The module; `tests/tools/kyverno` pins its version.
const KYVERNO: &str = "github.com/kyverno/kyverno";
/// The newest version that the machine's Go accepts.
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

/// The kinds that connect a repository to Argo CD and to Flux.
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

/// Kinds with a scale subresource that the gate may scale in place of a Deployment.
pub const SCALABLE: &[Definition] = &[
    (
        "github.com/argoproj/argo-rollouts@v1.8.3",
        "manifests/crds/rollout-crd",
        "argoproj.io/v1alpha1",
        "Rollout",
    ),
    (
        "sigs.k8s.io/lws@v0.7.0",
        "config/crd/bases/leaderworkerset.x-k8s.io_leaderworkersets",
        "leaderworkerset.x-k8s.io/v1",
        "LeaderWorkerSet",
    ),
];

/// The Prometheus operator's rules.
pub const ALERTS: &[Definition] = &[(
    PROMETHEUS_OPERATOR,
    "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules",
    "monitoring.coreos.com/v1",
    "PrometheusRule",
)];

/// The newest version that can be had.
pub const PROMETHEUS_OPERATOR: &str = "github.com/prometheus-operator/prometheus-operator@v0.94.0";

/// The folder of a module in Go's cache; downloads it if needed.
pub fn module_folder(module: &str) -> PathBuf {
    // With a version, the folder must be outside any module, which would otherwise have to list it.
    let outside = tempfile::tempdir().unwrap();
    let pinned = repository().join("tests/tools/kyverno");
    let place: &Path = if module.contains('@') { outside.path() } else { &pinned };
    let mut download = Command::new("go");
    download.args(["mod", "download", "-json", module]).current_dir(place);
    let output = CommandOutput::run(&mut download);
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    let module: Value = serde_json::from_str(&output.stdout).unwrap();
    PathBuf::from(module["Dir"].as_str().unwrap())
}

/// A Deployment of Argo CD's own installation.
pub fn of_argo_cd(name: &str) -> Value {
    let manifests = module_folder(ARGO_CD).join("manifests/install.yaml");
    let manifests = objects(&std::fs::read_to_string(manifests).unwrap());
    manifests
        .into_iter()
        .find(|object| object["kind"] == "Deployment" && object["metadata"]["name"] == name)
        .unwrap()
}

impl Cluster {
    /// Defines these kinds on the server.
    #[track_caller]
    pub fn define(&self, definitions: &[Definition]) {
        for (module, file, version, kind) in definitions {
            let file = module_folder(module).join(format!("{file}.yaml")).display().to_string();
            // The definitions are too long for the annotation of a client-side apply.
            self.kubectl_ok(&["apply", "--server-side", "-f", &file], "");
            until(kind, || self.admin().resource(version, kind));
        }
    }
}
