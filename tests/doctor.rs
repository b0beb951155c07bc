//! `doctor`: the things that a stack needs of the cluster.

#![cfg(test)]

mod common;

use std::process::Command;

use common::tool::{self, Sandbox};
use serde_json::Value;

/// Returns true if a shell can read the text.
fn is_shell(text: &str) -> bool {
    Command::new("sh").args(["-n", "-c", text]).status().unwrap().success()
}

#[test]
fn every_requirement_has_a_command() {
    let output = tool::run_in(tool::repository(), &["doctor", "--format", "json"]);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    let list: Vec<Value> = serde_json::from_str(&output.stdout).unwrap();
    let check = |summary: &str| {
        let item = list.iter().find(|item| item["summary"].as_str().unwrap().starts_with(summary));
        item.unwrap_or_else(|| panic!("{summary} is not listed: {list:#?}"))["command"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        check("Secret tts/registry-credentials"),
        "kubectl -n tts get secret registry-credentials"
    );
    assert_eq!(check("StorageClass nfs-truenas"), "kubectl get storageclass nfs-truenas");
    assert_eq!(check("CSIDriver nfs.csi.k8s.io"), "kubectl get csidriver nfs.csi.k8s.io");
    assert_eq!(check("PriorityClass tier-2-gpu"), "kubectl get priorityclass tier-2-gpu");
    assert!(
        check("the directory /srv/nfs-ssd/chatterbox on the NFS server 192.168.1.127")
            .contains("--overrides=")
    );
    assert!(
        check("the metric gpu_pod_memory_used_bytes")
            .contains("/namespaces/nvidia/services/gpu-pod-exporter:80/proxy/metrics")
    );
    assert!(check("Kyverno, 1.19 at most").contains("-n kyverno"));
    assert!(
        check("ClusterPolicy inject-gpu-workload-priority applied")
            .contains("kubectl get clusterpolicy")
    );
    assert!(check("Deployment tripit/tripit").contains("tts-client"));
    let room = list.iter().find(|item| item["summary"] == "room in the quotas of tts").unwrap();
    assert!(room["reason"].as_str().unwrap().contains("requests.nvidia.com/gpu 1"), "{room}");
    // The stack renders these itself.
    assert!(
        list.iter().all(|item| !item["summary"].as_str().unwrap().starts_with("ConfigMap")),
        "{list:#?}"
    );
    for item in &list {
        assert!(is_shell(item["command"].as_str().unwrap()), "{item}");
    }
    let text = tool::run_in(tool::repository(), &["doctor", "tts"]).stdout;
    assert!(text.starts_with("# tts needs, and does not render:\n"), "{text}");
    assert!(text.contains("\nkubectl get priorityclass tier-2-gpu\n"), "{text}");
}

#[test]
fn a_secret_that_a_pod_names_is_required() {
    let project = Sandbox::repository();
    project.replace(
        "values/tts.yaml",
        "    TTS_BF16: \"off\"\n",
        "    TTS_BF16: \"off\"\n    TOKEN: {valueFrom: {secretKeyRef: {name: api-token, key: token}}}\n    MAYBE: {valueFrom: {secretKeyRef: {name: perhaps, key: token, optional: true}}}\n",
    );
    let text = project.ok(&["doctor", "tts"]).stdout;
    assert!(text.contains("# Secret tts/api-token\n") && !text.contains("perhaps"), "{text}");
}

#[test]
fn two_classes_are_compared_by_their_values() {
    let project = Sandbox::repository();
    let compared = "kubectl get priorityclass guards tier-2-gpu";
    assert!(!project.ok(&["doctor", "tts"]).stdout.contains(compared));
    project.replace(
        "values/tts.yaml",
        "  priorityClassName: tier-2-gpu\n  # The node that ran",
        "  priorityClassName: guards\n  # The node that ran",
    );
    let text = project.ok(&["doctor", "tts"]).stdout;
    assert!(text.contains("PriorityClass guards that is at least tier-2-gpu's"), "{text}");
    assert!(text.contains(compared), "{text}");
}

/// Everything that a Pod template refers to is required, but for what the stack renders itself and
/// what is there in every cluster.
#[test]
fn objects_that_a_template_refers_to_are_required() {
    let project = Sandbox::repository();
    project.write(
        "templates/job.yaml.j2",
        r#"apiVersion: batch/v1
kind: Job
metadata:
  name: warm-up
  namespace: {{ namespace.name }}
spec:
  template:
    spec:
      restartPolicy: Never
      serviceAccountName: default
      runtimeClassName: nvidia
      priorityClassName: system-node-critical
      initContainers:
        - name: first
          image: a
          envFrom:
            - secretRef:
                name: from-init
      containers:
        - name: main
          image: a
          envFrom:
            - configMapRef:
                name: chatterbox-config
            - configMapRef:
                name: maybe
                optional: true
      volumes:
        - name: all
          projected:
            sources:
              - secret:
                  name: projected
        - name: scratch
          ephemeral:
            volumeClaimTemplate:
              spec:
                storageClassName: fast
                accessModes:
                  - ReadWriteOnce
                resources:
                  requests:
                    storage: 1Gi
"#,
    );
    let text = project.ok(&["doctor", "tts"]).stdout;
    let summaries: Vec<&str> = text
        .split("\n\n# ")
        .filter(|part| part.contains("Job tts/warm-up refers to it"))
        .map(|part| part.lines().next().unwrap())
        .collect();
    assert_eq!(
        summaries,
        [
            "RuntimeClass nvidia",
            "Secret tts/from-init",
            "Secret tts/projected",
            "StorageClass fast"
        ],
        "{text}"
    );
}

/// Whoever pastes the commands has an administrator's kubeconfig.
#[test]
fn no_value_runs_a_command_of_its_own() {
    for (from, to) in [
        ("  exporter: gpu-pod-exporter\n", "  metric: \"x'; touch PWNED; echo '\"\n"),
        ("  exporter: gpu-pod-exporter\n", "  select: {gpu: \"0'; touch PWNED; '\"}\n"),
        (
            "  metricsUrl: http://gpu-pod-exporter.nvidia.svc.cluster.local:80/metrics\n",
            "  metricsUrl: \"http://x/metrics';touch${IFS}PWNED;'\"\n",
        ),
        ("    server: 192.168.1.127\n", "    server: \"nfs\\ntouch PWNED #\"\n"),
        ("    path: /srv/nfs-ssd/chatterbox\n", "    path: \"/srv/`touch PWNED`$(touch PWNED)\"\n"),
    ] {
        let project = Sandbox::repository();
        project.replace("values/tts.yaml", from, to);
        let ran = project.run(&["doctor", "tts"]);
        // A value may also be refused, by the type of its field.
        if ran.code != 0 {
            assert_eq!(ran.stdout, "");
            continue;
        }
        let folder = Sandbox::empty();
        let stubs = "kubectl() { cat >/dev/null; }\ncurl() { :; }\ngrep() { cat >/dev/null; }\n";
        let output = Command::new("sh")
            .args(["-c", &format!("{stubs}{}", ran.stdout)])
            .stdin(std::process::Stdio::null())
            .current_dir(folder.path("."))
            .output()
            .unwrap();
        assert!(!folder.path("PWNED").exists(), "{to}: {output:?}\n{}", ran.stdout);
    }
}

#[test]
fn values_can_neither_end_a_comment_nor_reach_the_shell() {
    let project = Sandbox::repository();
    project.replace(
        "values/tts.yaml",
        "    path: /srv/nfs-ssd/chatterbox\n",
        "    path: \"/srv/a'b\\nrm -rf /srv; $(id)\"\n",
    );
    let text = project.ok(&["doctor", "tts"]).stdout;
    assert!(text.contains("# the directory /srv/a'b\\nrm -rf /srv; $(id) on"), "{text}");
    assert!(is_shell(&text), "{text}");
    // A shell that only prints what it would call calls nothing but the commands.
    let mut functions = String::from("kubectl() { printf '<%s>' \"$@\"; }\n");
    functions.push_str("grep() { cat; }\n");
    let output = Command::new("sh").args(["-ec", &(functions + &text)]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains(r#""path":"/srv/a'b\nrm -rf /srv; $(id)""#), "{printed}");
}

/// The classes and Gateways of routes, and the default class of claims.
#[test]
fn routes_and_claims_need_their_classes() {
    let sandbox = Sandbox::repository();
    let fixture = tool::repository().join("tests/fixtures/values/everything.yaml");
    let args = ["--set", "storage.storageClassName=null", "--set", "storage.nfs=null"];
    let list = |more: &[&str]| {
        let file = fixture.to_str().unwrap();
        let base = ["doctor", "--format", "json", "-f", file];
        sandbox.ok(&[&base, &args[..], more].concat()).stdout
    };
    let found = list(&[]);
    for command in [
        "kubectl get ingressclass nginx",
        "kubectl -n gateways get gateway public",
        "kubectl get customresourcedefinition httproutes.gateway.networking.k8s.io",
        "kubectl get runtimeclass nvidia",
        "kubectl -n tts get secret hugging-face",
        "kubectl -n tts get persistentvolumeclaim outputs",
        "is-default-class",
    ] {
        assert!(found.contains(command), "{command}: {found}");
    }
    let found: Vec<Value> = serde_json::from_str(&list(&["--set", "ingress=null"])).unwrap();
    assert!(found.iter().all(|item| is_shell(item["command"].as_str().unwrap())));
    assert!(
        found.iter().all(|item| !item["summary"].as_str().unwrap().starts_with("IngressClass"))
    );
}
