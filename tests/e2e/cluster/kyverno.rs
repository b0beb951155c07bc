//! Kyverno's own definitions, from the Go module that `tests/tools/kyverno` pins.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::{Cluster, until};
use crate::common::tool::{finished, repository};

/// The folder of Kyverno's definitions in Go's module cache.
fn folder() -> PathBuf {
    let module = repository().join("tests/tools/kyverno");
    let download = Command::new("go")
        .args(["mod", "download", "-json", "github.com/kyverno/kyverno"])
        .current_dir(module)
        .output()
        .expect("go on PATH");
    let ran = finished(download);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let module: Value = serde_json::from_str(&ran.out).unwrap();
    PathBuf::from(module["Dir"].as_str().unwrap()).join("config/crds")
}

impl Cluster {
    /// Makes ClusterPolicy a kind of the server, as Kyverno's own definition has it.
    #[track_caller]
    pub fn define_cluster_policies(&self) {
        let file = folder().join("kyverno/kyverno.io_clusterpolicies.yaml");
        // Its text is too long for the annotation that a client-side apply makes.
        self.kubectl_ok(&["create", "-f", &file.display().to_string()], "");
        until("ClusterPolicy", || self.admin().resource("kyverno.io/v1", "ClusterPolicy"));
    }
}
