//! Flux' own apply (`tests/tools/flux-apply`), with the Kustomization that `gitops flux` prints.

use std::process::Command;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::common::tool::{CommandOutput, objects, repository, run_in};

/// The Kustomization of the stack's own folder.
pub fn kustomization() -> Value {
    let set = "gitops.repoURL=https://git.example/infra.git";
    let output = run_in(repository(), &["gitops", "flux", "--set", set]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let wiring = objects(&output.stdout);
    let own =
        |object: &&Value| object["kind"] == "Kustomization" && object["metadata"]["name"] == "tts";
    wiring.iter().find(own).unwrap().clone()
}

/// Applies manifests as Flux does. Returns a line for each object: `Kind/namespace/name action`.
#[track_caller]
pub fn apply(cluster: &Cluster, manifests: &str) -> Vec<String> {
    apply_with(cluster, manifests, &kustomization())
}

/// The same, with another Kustomization.
#[track_caller]
pub fn apply_with(cluster: &Cluster, manifests: &str, kustomization: &Value) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kustomization.yaml");
    std::fs::write(&file, kustomization.to_string()).unwrap();
    let mut command = Command::new("flux-apply");
    command.arg(&file).env("KUBECONFIG", cluster.kubeconfig());
    let output = CommandOutput::with_input(&mut command, manifests);
    assert_eq!(output.code, 0, "{}", output.stderr);
    output.stdout.lines().map(str::to_owned).collect()
}
