//! `doctor`: the things that a stack needs of the cluster.

#![cfg(test)]

mod common;

use std::process::{Command, Stdio};

use common::http::{self, Response};
use common::output::CommandOutput;
use common::tool::{self, Sandbox};
use serde_json::{Value, json};

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
        "kubectl -n tts get secret registry-credentials </dev/null"
    );
    assert_eq!(
        check("StorageClass nfs-truenas"),
        "kubectl get storageclass nfs-truenas </dev/null"
    );
    assert_eq!(
        check("CSIDriver nfs.csi.k8s.io"),
        "kubectl get csidriver nfs.csi.k8s.io </dev/null"
    );
    assert_eq!(
        check("PriorityClass tier-2-gpu"),
        "kubectl get priorityclass tier-2-gpu </dev/null"
    );
    assert_eq!(
        check("image forgejo.viktorbarzin.me/viktor/vram-gate:0.1.0"),
        "tts-render image inspect --remote forgejo.viktorbarzin.me/viktor/vram-gate:0.1.0 </dev/null"
    );
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
    assert!(text.contains("\n# tts needs, and does not render:\n"), "{text}");
    assert!(text.contains("\nkubectl get priorityclass tier-2-gpu </dev/null"), "{text}");
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
        let stub = Stub::new("");
        let output = stub.run_script("sh", &ran.stdout);
        assert!(!stub.folder.path("PWNED").exists(), "{to}: {output:?}\n{}", ran.stdout);
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
    let stub = Stub::new("");
    let output = stub.run_script("sh", &text);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{}", output.stdout);
    let calls = stub.calls();
    assert!(calls.contains(r#""path":"/srv/a'b\nrm -rf /srv; $(id)""#), "{calls}");
}

/// Programs that answer like those of a cluster in which everything is there but what matches a pattern.
struct Stub {
    folder: Sandbox,
    missing: String,
    /// The images of kustomize-controller.
    flux: String,
    /// The answer of the demand's URL.
    queue: String,
}

/// `kubectl` and `tts-render`: each reads all of its input, and logs how it was called.
const STUB: &str = r#"#!/bin/sh
cat >/dev/null
printf '%s\n' "${0##*/} $*" | tr '\n' ' ' >>"$STUB_LOG"
echo >>"$STUB_LOG"
case "$*" in
  $STUB_MISSING) echo 'Error from server (NotFound): no such thing' >&2; exit 1 ;;
  *'get nodes -l'*'nothing=here'*) exit 0 ;;
  *'--raw /version') echo '{"major": "1", "minor": "31", "gitVersion": "v1.31.4"}' ;;
  *'get nodes -l'*) echo node/first ;;
  *'get nodes -o'*) printf 'first 100\nsecond \n' ;;
  *'=kustomize-controller'*) echo "$STUB_FLUX" ;;
  *'-n kyverno get deployments'*) echo reg.kyverno.io/kyverno/kyverno:v1.18.2 ;;
  *'get clusterpolicy'*) cat "$STUB_POLICY" ;;
  *'get resourcequota'*) echo '{"items": []}' ;;
  *'--raw '*/tts-queue) echo "$STUB_QUEUE" ;;
  *'--raw '*metrics) echo 'gpu_pod_memory_used_bytes{namespace="immich",pod="a"} 3221225472' ;;
  *'get deployment tripit'*) echo '[{"configMapRef":{"name":"tts-client"}}]' ;;
esac
"#;

impl Stub {
    /// `missing` is a pattern of the shell for the calls that fail.
    fn new(missing: &str) -> Self {
        let folder = Sandbox::empty();
        for name in ["kubectl", "tts-render"] {
            common::write_program(&folder.path("bin").join(name), STUB);
        }
        Stub { folder, missing: missing.to_owned(), flux: String::new(), queue: String::new() }
    }

    /// Adds the stubs to a command's environment.
    fn apply<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let policy = "rendered/kyverno/clusterpolicy-inject-gpu-workload-priority.yaml";
        let path = std::env::var("PATH").unwrap();
        command
            .env("PATH", format!("{}:{path}", self.folder.path("bin").display()))
            .env("STUB_FLUX", &self.flux)
            .env("STUB_QUEUE", &self.queue)
            .env("STUB_LOG", self.folder.path("calls"))
            .env("STUB_MISSING", &self.missing)
            .env("STUB_POLICY", tool::repository().join(policy))
    }

    /// Runs a script as a shell's input, as `doctor | sh` does.
    fn run_script(&self, shell: &str, script: &str) -> CommandOutput {
        let mut command = Command::new(shell);
        self.apply(&mut command).current_dir(self.folder.path("."));
        CommandOutput::with_input(&mut command, script)
    }

    /// Runs `tts-render` in the repository, with images of a registry that does not answer.
    fn run(&self, args: &[&str]) -> CommandOutput {
        let mut command = tool::tts_render(tool::repository());
        command.args(args).args([
            "--set",
            "server.image={repository: 127.0.0.1:1/tts, tag: 1.0.0}",
            "--set",
            "gate.image={repository: 127.0.0.1:1/vram-gate, tag: 1.0.0}",
        ]);
        CommandOutput::run(self.apply(&mut command).stdin(Stdio::null()))
    }

    fn calls(&self) -> String {
        self.folder.read("calls")
    }
}

/// The script's own shell reads it as its input, and no command of it may read the rest.
#[test]
fn the_script_runs_every_check_in_every_shell() {
    let script = tool::run_in(tool::repository(), &["doctor"]).stdout;
    let listed = tool::run_in(tool::repository(), &["doctor", "--format", "json"]).stdout;
    let all = serde_json::from_str::<Vec<Value>>(&listed).unwrap().len();
    let shells = ["sh", "dash", "bash"];
    for shell in shells.into_iter().filter(|shell| common::require(&[shell, "-c", ":"])) {
        let stub = Stub::new("");
        let output = stub.run_script(shell, &script);
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{shell}: {}", output.stdout);
        assert!(output.stdout.ends_with(&format!("0 of {all} checks failed\n")), "{shell}");
        assert_eq!(stub.calls().lines().count(), all, "{shell}: {}", stub.calls());
        // One failure does not end the script, and is its exit status.
        let stub = Stub::new("*secret*");
        let output = stub.run_script(shell, &script);
        assert_eq!(output.code, 1, "{shell}: {}", output.stdout);
        assert!(output.stdout.ends_with(&format!("1 of {all} checks failed\n")), "{shell}");
        assert_eq!(stub.calls().lines().count(), all, "{shell}: {}", stub.calls());
    }
}

/// A cluster need not have Flux; one that has it must have it new enough.
#[test]
fn the_version_of_a_controller_counts_if_the_cluster_has_it() {
    let script = tool::run_in(tool::repository(), &["doctor"]).stdout;
    for (image, code, line) in [
        ("", 0, "ok       kustomize-controller 1.9 or later, if Flux is used: it is not in"),
        ("ghcr.io/fluxcd/kustomize-controller:v1.8.9", 1, "failed   kustomize-controller 1.9"),
        ("ghcr.io/fluxcd/kustomize-controller:v1.9.0", 0, "ok       kustomize-controller 1.9"),
        ("kustomize-controller:v1.10.2@sha256:0f1e", 0, "ok       kustomize-controller 1.9"),
        ("kustomize-controller:2.0.0", 0, "ok       kustomize-controller 1.9"),
    ] {
        let stub = Stub { flux: image.to_owned(), ..Stub::new("") };
        assert_eq!(stub.run_script("sh", &script).code, code, "{image}");
        let run = stub.run(&["doctor", "--run"]);
        assert_eq!(run.code, code, "{image}: {}", run.stderr);
        assert!(run.stdout.contains(line), "{image}: {}", run.stdout);
    }
}

/// The demand's answer is judged by the gate's own reader.
#[test]
fn the_number_of_the_demand_is_read_as_the_gate_reads_it() {
    let demand = ["doctor", "-f", "overlays/demand.yaml"];
    let script = tool::run_in(tool::repository(), &demand).stdout;
    let url = "/api/v1/namespaces/tripit/services/tripit:8080/proxy/internal/tts-queue";
    assert!(script.contains(&format!("kubectl get --raw {url} </dev/null | grep .")), "{script}");
    for (answer, code, line) in [
        (r#"{"queued": 3}"#, 0, "ok       the number /queued at "),
        (r#"{"queued": "3"}"#, 1, "`/queued` is not a number"),
        ("<html>Sign in</html>", 1, "the answer is not valid JSON"),
    ] {
        let stub = Stub { queue: answer.to_owned(), ..Stub::new("") };
        let run = stub.run(&[&demand[..], &["--run"]].concat());
        assert_eq!(run.code, code, "{answer}: {}", run.stderr);
        assert!(run.stdout.contains(line), "{answer}: {}", run.stdout);
    }
    let run = Stub::new("*tts-queue").run(&[&demand[..], &["--run"]].concat());
    assert_eq!(run.code, 1, "{}", run.stdout);
}

#[test]
fn an_exception_needs_the_kyverno_that_serves_it() {
    let project = Sandbox::repository();
    assert!(!project.ok(&["doctor"]).stdout.contains("Kyverno 1.12 or later"));
    project.replace("values/tts.yaml", "mode: edit", "mode: exception");
    let listed = project.ok(&["doctor"]).stdout;
    assert!(listed.contains("\n# Kyverno 1.12 or later\n"), "{listed}");
    assert!(listed.contains("kyverno:(v?[2-9][.]|v?1[.](1[2-9]|"), "{listed}");
}

/// `kubectl` succeeds with a list that has no items.
#[test]
fn a_label_that_no_node_has_is_a_failure() {
    let project = Sandbox::repository();
    project.replace("values/tts.yaml", "nvidia.com/gpu.present: \"true\"", "nothing: here");
    let stub = Stub::new("");
    let output = stub.run_script("sh", &project.ok(&["doctor"]).stdout);
    assert_eq!(output.code, 1, "{}", output.stdout);
    assert!(output.stdout.contains("\n1 of "), "{}", output.stdout);
    let set = "server.nodeSelector={nothing: here}";
    let output = stub.run(&["doctor", "--run", "--set", set]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    let line = "  failed   a node labelled nothing=here: there is none\n";
    assert!(output.stdout.contains(line), "{}", output.stdout);
}

#[test]
fn run_checks_everything_and_changes_nothing() {
    let stub = Stub::new("");
    let output = stub.run(&["doctor", "--run"]);
    assert_eq!((output.code, output.stderr.contains("error:")), (0, false), "{}", output.stderr);
    for line in [
        "tts\n",
        "  ok       Kubernetes 1.27 or later: v1.31.4\n",
        "  ok       Secret tts/registry-credentials\n",
        "  ok       a node labelled nvidia.com/gpu.present=true: node/first\n",
        "  ok       a node that offers nvidia.com/gpu: first 100\n",
        "metrics: 3Gi in use\n",
        "  ok       Kyverno, 1.19 at most for a ClusterPolicy: 1.18\n",
        "applied by its owner: it excludes the namespace\n",
        "  unknown  image 127.0.0.1:1/tts:1.0.0: ",
        "  unknown  the directory /srv/nfs-ssd/chatterbox on the NFS server 192.168.1.127: only a Pod",
        "17 checks: 14 ok, 0 failed, 3 unknown\n",
    ] {
        assert!(output.stdout.contains(line), "{line}{}", output.stdout);
    }
    for call in stub.calls().lines() {
        let words: Vec<&str> = call.split(' ').collect();
        assert_eq!(words[..2], ["kubectl", "--request-timeout=20s"], "{call}");
        assert!(words[2] == "get" || words[4] == "get", "{call}");
    }
}

#[test]
fn run_exits_with_1_if_something_is_missing() {
    let stub = Stub::new("*storageclass*");
    let output = stub.run(&["doctor", "--run", "--format", "json"]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(report["version"], 1);
    assert_eq!(report["counts"], json!({"ok": 13, "failed": 1, "unknown": 3}));
    let checks = report["checks"].as_array().unwrap();
    let failed: Vec<&Value> = checks.iter().filter(|item| item["status"] == "failed").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["summary"], "StorageClass nfs-truenas");
    assert_eq!(failed[0]["detail"], "Error from server (NotFound): no such thing");
    assert_eq!(failed[0]["stack"], "tts");
    assert!(failed[0]["command"].as_str().unwrap().starts_with("kubectl get storageclass"));
}

/// A policy that its owner has not changed yet still raises the priority.
#[test]
fn run_evaluates_the_policy_in_the_cluster() {
    let stub = Stub::new("");
    let mut command = tool::tts_render(tool::repository());
    stub.apply(command.args(["doctor", "--run", "--format", "json"]).stdin(Stdio::null()));
    command.env("STUB_POLICY", "policies/inject-gpu-workload-priority.yaml");
    for part in ["server", "gate"] {
        command.args(["--set", &format!("{part}.image.repository=127.0.0.1:1/{part}")]);
    }
    let output = CommandOutput::run(&mut command);
    assert_eq!(output.code, 1, "{}", output.stderr);
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let failed = checks.iter().find(|item| item["status"] == "failed").unwrap();
    assert!(failed["summary"].as_str().unwrap().starts_with("ClusterPolicy"), "{failed}");
    assert!(failed["detail"].as_str().unwrap().contains("1200000"), "{failed}");
}

#[test]
fn run_exits_with_2_if_the_cluster_cant_be_asked() {
    let output = Stub::new("*").run(&["doctor", "--run"]);
    assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{}", output.stderr);
    assert!(output.stderr.contains("can't reach the cluster"), "{}", output.stderr);
    let mut command = tool::tts_render(tool::repository());
    command.args(["doctor", "--run"]).env("PATH", "/nonexistent");
    let output = CommandOutput::run(&mut command);
    assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{}", output.stderr);
    assert!(output.stderr.contains("`kubectl` can't be started"), "{}", output.stderr);
}

/// An image for two machines, and one that is not there.
#[test]
fn run_looks_for_each_image_and_says_how_heavy_it_is() {
    let manifest = |layers: &[u64]| {
        let descriptor = |kind: &str, size: u64| {
            let media_type = format!("application/vnd.oci.image.{kind}");
            json!({"mediaType": media_type, "digest": format!("sha256:{size:064}"), "size": size})
        };
        let layers: Vec<Value> =
            layers.iter().map(|size| descriptor("layer.v1.tar+gzip", *size)).collect();
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        json!({"schemaVersion": 2, "mediaType": media_type,
            "config": descriptor("config.v1+json", 1024), "layers": layers})
        .to_string()
    };
    let parts = [manifest(&[3 << 30, 1 << 29]), manifest(&[1 << 20])];
    let digest = |text: &str| oci_scratch::Digest::of(text.as_bytes()).to_string();
    let list: Vec<Value> = ["amd64", "arm64"]
        .iter()
        .zip(&parts)
        .map(|(architecture, part)| {
            json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest(part),
                "size": part.len(), "platform": {"os": "linux", "architecture": architecture}})
        })
        .collect();
    let index = json!({"schemaVersion": 2, "manifests": list,
        "mediaType": "application/vnd.oci.image.index.v1+json"})
    .to_string();
    let mut pages: Vec<(String, String)> = parts
        .iter()
        .map(|part| (format!("/v2/tts/manifests/{}", digest(part)), part.clone()))
        .collect();
    pages.push(("/v2/tts/manifests/1.0.0".to_owned(), index));
    let server = http::serve(move |request| {
        if request.target == "/v2/" {
            return Response::new(200, "{}");
        }
        match pages.iter().find(|(path, _)| *path == request.target) {
            Some((_, page)) => {
                let kind = if page.contains("manifests") { "index" } else { "manifest" };
                let header = format!("Content-Type: application/vnd.oci.image.{kind}.v1+json");
                Response::new(200, page.as_str()).with_header(header)
            }
            None => Response::new(404, "{}"),
        }
    });
    let stub = Stub::new("");
    let mut command = tool::tts_render(tool::repository());
    stub.apply(command.args(["doctor", "--run", "--plain-http"]).stdin(Stdio::null()));
    command.env("HOME", stub.folder.path("."));
    for (part, name) in [("server", "tts"), ("gate", "vram-gate")] {
        let image = format!("{part}.image={{repository: {}/{name}, tag: 1.0.0}}", server.address);
        command.args(["--set", &image]);
    }
    let output = CommandOutput::run(&mut command);
    assert_eq!(output.code, 1, "{}", output.stderr);
    let found = format!(
        "  ok       image {}/tts:1.0.0: linux/amd64: 3.5 GiB in 2 layers, linux/arm64: 1.0 MiB in 1 layers; not checked: a node's own pull of it with Secret registry-credentials\n",
        server.address
    );
    assert!(output.stdout.contains(&found), "{}", output.stdout);
    let missing = format!("  failed   image {}/vram-gate:1.0.0: ", server.address);
    assert!(output.stdout.contains(&missing), "{}", output.stdout);
    assert!(
        output.stdout.contains("pulled by CronJob tts/chatterbox-vram-guard, "),
        "{}",
        output.stdout
    );
    // The same by hand.
    let of = format!("{}/tts:1.0.0", server.address);
    let mut command = tool::tts_render(tool::repository());
    command.args(["image", "inspect", "--plain-http", "--remote", &of]);
    let output = CommandOutput::run(command.env("HOME", stub.folder.path(".")));
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(output.stdout.ends_with("\nlinux/arm64: 1.0 MiB in 1 layers\n"), "{}", output.stdout);
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
