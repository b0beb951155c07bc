//! Flux' own apply (`tests/tools/flux-apply`), with the Kustomization that `gitops flux` prints.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::cluster::Cluster;
use crate::common::tool::{finished, objects, ran, repository};

/// The Kustomization of the stack's own folder.
pub fn kustomization() -> Value {
    let set = "gitops.repoURL=https://git.example/infra.git";
    let ran = ran(repository(), &["gitops", "flux", "--set", set]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let wiring = objects(&ran.out);
    let own =
        |object: &&Value| object["kind"] == "Kustomization" && object["metadata"]["name"] == "tts";
    wiring.iter().find(own).unwrap().clone()
}

/// Applies manifests as Flux does; gives what became of each object: `Kind/namespace/name action`.
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
    let mut child = Command::new("flux-apply")
        .arg(&file)
        .env("KUBECONFIG", cluster.kubeconfig())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("flux-apply on PATH");
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), manifests.as_bytes()).unwrap();
    let ran = finished(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran.out.lines().map(str::to_owned).collect()
}
