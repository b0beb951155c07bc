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

/// The definitions' files, and the kind of each.
const KINDS: [(&str, &str, &str); 4] = [
    ("kyverno/kyverno.io_clusterpolicies", "kyverno.io/v1", "ClusterPolicy"),
    ("kyverno/kyverno.io_policyexceptions", "kyverno.io/v2", "PolicyException"),
    (
        "policies.kyverno.io/policies.kyverno.io_policyexceptions",
        "policies.kyverno.io/v1",
        "PolicyException",
    ),
    (
        "policies.kyverno.io/policies.kyverno.io_mutatingpolicies",
        "policies.kyverno.io/v1",
        "MutatingPolicy",
    ),
];

impl Cluster {
    /// Makes Kyverno's policies and exceptions kinds of the server, as its own definitions have them.
    #[track_caller]
    pub fn define_policies(&self) {
        let folder = folder();
        for (file, version, kind) in KINDS {
            let file = folder.join(format!("{file}.yaml")).display().to_string();
            // Too long for the annotation that a client-side apply makes.
            self.kubectl_ok(&["apply", "--server-side", "-f", &file], "");
            until(kind, || self.admin().resource(version, kind));
        }
    }
}
