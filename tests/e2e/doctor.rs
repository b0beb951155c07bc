//! `doctor --run` with the real `kubectl`, against a real API server: what is missing, and what is there.

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::common::output::CommandOutput;
use crate::common::tool::{repository, tts_render};

/// The report of `doctor --run`, with images of a registry that does not answer.
fn run(cluster: &Cluster) -> (i32, Value) {
    let mut command = tts_render(repository());
    command
        .args(["doctor", "--run", "--format", "json"])
        .args(["--set", "server.image={repository: 127.0.0.1:1/tts, tag: 1.0.0}"])
        .args(["--set", "gate.image={repository: 127.0.0.1:1/vram-gate, tag: 1.0.0}"])
        .env("KUBECONFIG", cluster.kubeconfig())
        .env("KUBECACHEDIR", cluster.ca().with_file_name("doctor-cache"));
    let output = CommandOutput::run(&mut command);
    (output.code, serde_json::from_str(&output.stdout).expect(&output.stderr))
}

/// The status of the check whose summary starts with a text, and its detail.
fn status<'a>(report: &'a Value, summary: &str) -> (&'a str, &'a str) {
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|item| item["summary"].as_str().unwrap().starts_with(summary));
    let check = check.unwrap_or_else(|| panic!("{summary} is not listed: {report:#}"));
    (check["status"].as_str().unwrap(), check["detail"].as_str().unwrap())
}

#[test]
#[ignore = "tests/e2e/run"]
fn what_is_missing_fails_until_it_is_there() {
    let cluster = Cluster::start();
    let (code, report) = run(&cluster);
    assert_eq!(code, 1, "{report:#}");
    assert_eq!(status(&report, "Kubernetes 1.27 or later").0, "ok");
    let absent = [
        "Secret tts/registry-credentials",
        "PriorityClass tier-2-gpu",
        "StorageClass nfs-truenas",
        "CSIDriver nfs.csi.k8s.io",
        "a node labelled nvidia.com/gpu.present=true",
        "a node that offers nvidia.com/gpu",
        "the metric gpu_pod_memory_used_bytes",
        "Kyverno, 1.19 at most",
        "ClusterPolicy inject-gpu-workload-priority",
        "Deployment tripit/tripit",
    ];
    for summary in absent {
        assert_eq!(status(&report, summary).0, "failed", "{summary}: {report:#}");
    }
    assert_eq!(status(&report, "room in the quotas").0, "ok");
    for summary in ["image 127.0.0.1:1/tts", "the directory /srv/nfs-ssd/chatterbox"] {
        assert_eq!(status(&report, summary).0, "unknown", "{summary}: {report:#}");
    }

    let admin = cluster.admin();
    admin.namespace("tts");
    for object in [
        json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "registry-credentials", "namespace": "tts"}}),
        json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
            "metadata": {"name": "tier-2-gpu"}, "value": 900}),
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
            "metadata": {"name": "nfs-truenas"}, "provisioner": "nfs.csi.k8s.io"}),
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver",
            "metadata": {"name": "nfs.csi.k8s.io"}, "spec": {}}),
        json!({"apiVersion": "v1", "kind": "ResourceQuota",
            "metadata": {"name": "small", "namespace": "tts"},
            "spec": {"hard": {"requests.memory": "1Gi"}}}),
        json!({"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": "gpu", "labels": {"nvidia.com/gpu.present": "true"}}}),
    ] {
        admin.create(&object, "").object();
    }
    let (code, report) = run(&cluster);
    assert_eq!(code, 1, "{report:#}");
    for summary in &absent[..5] {
        assert_eq!(status(&report, summary).0, "ok", "{summary}: {report:#}");
    }
    // It is labelled, and offers nothing.
    assert_eq!(status(&report, "a node that offers nvidia.com/gpu").0, "failed");
    let (quota, detail) = status(&report, "room in the quotas");
    assert_eq!(quota, "failed", "{report:#}");
    assert!(detail.contains("`small` allows requests.memory 1Gi"), "{detail}");

    cluster.stop_server();
    let mut command = tts_render(repository());
    command.args(["doctor", "--run"]).env("KUBECONFIG", cluster.kubeconfig());
    let output = CommandOutput::run(&mut command);
    assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{}", output.stderr);
    assert!(output.stderr.contains("can't reach the cluster"), "{}", output.stderr);
}
