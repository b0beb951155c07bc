//! The scripts: what goes wrong in a window, second by second, and what may follow.

use serde_json::{Value, json};

use super::gpu::Answers;
use super::stage::{Mode, Stage};
use crate::cluster::{MERGE, until};
use crate::gate::deployed_stack::ACCOUNT;
use crate::jobs::{jobs, list, name};
use crate::night::{Night, OWN, cron_job_name, gpu_taint};

/// The reason why a mode may not see that residents need memory, or can't act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blind {
    /// Nobody needs memory.
    Never,
    /// Until the guard that is so many runs later has ended.
    Guards(u32),
    /// Until the watch's next look.
    Look,
    /// Until the watch has had no reading for too long.
    Stale,
    /// Until the window ends.
    Window,
}

/// A window in which something goes wrong.
pub struct Script {
    /// Its name, which begins its namespaces'.
    pub name: &'static str,
    pub text: &'static str,
    /// `simulated` if the script sets a part of what a kubelet or a node's controller does.
    pub mark: &'static str,
    /// The cluster's API server is stopped in it.
    pub stops_server: bool,
    /// The guard's minutes with `jobs`.
    pub guards: &'static [i64],
    /// The guard's minutes with `watch`.
    pub fallback_guards: &'static [i64],
    pub settings: fn(&str) -> Vec<String>,
    pub prepare: fn(&Night, &str),
    pub play: fn(&Stage),
    /// The seconds for which something is broken, and the reason for the time after that.
    pub bound: fn(Mode) -> (u64, Blind),
    /// The failures that `status` shows: cause, action and minute.
    pub failures: fn(Mode) -> &'static [&'static str],
    /// Failures that it may show, too: whether a run is late enough depends on the controllers.
    pub may_fail: &'static [&'static str],
    /// Decisions that `status` shows, in order: action, decision and reason.
    pub decisions: fn(Mode) -> &'static [&'static str],
    /// A part of what it says deserves a look.
    pub attention: Option<&'static str>,
}

const EVERY_MINUTE: &[i64] = &[0, 1, 2, 3, 4, 5, 6];

/// The API server is away from the first second to the other.
pub const OUTAGE: [i64; 2] = [150, 210];

/// The longest time without the API server and its controllers: a minute, its start, and twice the controllers' longest
/// pause before they connect again, since one may wait for another.
const OUTAGE_AT_MOST: u64 = 60 + 15 + 2 * 30;

/// A calm window.
const CALM: Script = Script {
    name: "calm",
    text: "nothing happens",
    mark: "",
    stops_server: false,
    guards: EVERY_MINUTE,
    fallback_guards: &[1, 4],
    settings: |_| vec!["gate.preferTenantNode=false".to_owned()],
    prepare: |_, _| {},
    play: |_| {},
    bound: |_| (0, Blind::Never),
    failures: |_| &[],
    may_fail: &[],
    decisions: |mode| match mode {
        Mode::Jobs => &["up start floor-free", "guard leave floor-holds", "down stop window-end"],
        Mode::Watch => &["watch start ", "watch stop window-end"],
    },
    attention: None,
};

/// The decisions of a window in which a resident takes its memory back, and others leave room again.
fn yielded(mode: Mode) -> &'static [&'static str] {
    match mode {
        Mode::Jobs => {
            &["up start floor-free", "guard stop floor-broken", "guard leave floor-holds"]
        }
        Mode::Watch => {
            &["watch start ", "watch stop floor-broken", "watch start ", "watch stop window-end"]
        }
    }
}

/// The same, if it is too late to start again.
fn yielded_once(mode: Mode) -> &'static [&'static str] {
    match mode {
        Mode::Jobs => yielded(mode),
        Mode::Watch => &["watch start ", "watch stop floor-broken", "watch stop window-end"],
    }
}

pub const SCRIPTS: &[Script] = &[
    CALM,
    Script {
        name: "resident",
        text: "a resident wakes, and is quiet again after 70 s",
        play: resident_wakes,
        bound: |mode| (0, or_look(mode, Blind::Guards(1))),
        decisions: yielded,
        ..CALM
    },
    Script {
        name: "budget",
        text: "the tenant grows over its budget",
        play: tenant_grows,
        bound: |mode| (0, or_look(mode, Blind::Guards(1))),
        decisions: |mode| match mode {
            Mode::Jobs => &["up start floor-free", "guard stop budget-broken"],
            Mode::Watch => &["watch start ", "watch stop budget-broken", "watch start "],
        },
        ..CALM
    },
    Script {
        name: "exporter",
        text: "the exporter restarts for 40 s, and a resident wakes meanwhile",
        play: exporter_restarts,
        bound: |mode| match mode {
            Mode::Jobs => (0, Blind::Guards(1)),
            Mode::Watch => (0, Blind::Stale),
        },
        decisions: |mode| match mode {
            Mode::Jobs => &["up start floor-free", "guard stop no-reading"],
            Mode::Watch => &["watch start ", "watch stop no-reading", "watch start "],
        },
        ..CALM
    },
    Script {
        name: "server",
        text: "the API server is away for a minute, and a resident wakes meanwhile",
        stops_server: true,
        play: server_away,
        bound: |mode| (OUTAGE_AT_MOST, or_look(mode, Blind::Guards(1))),
        may_fail: &["missed guard 3", "replaced guard 3", "missed guard 4", "replaced guard 4"],
        // By its retries, a watch may have had no reading for too long when the server is back.
        decisions: |mode| match mode {
            Mode::Jobs => yielded(mode),
            Mode::Watch => &["watch start ", "watch stop window-end"],
        },
        ..CALM
    },
    Script {
        name: "node",
        text: "the node of the gate's Pod is lost, and a resident wakes",
        mark: "simulated",
        settings: |namespace| {
            vec![format!("server.nodeSelector[\"nvidia.com/gpu.present\"]={namespace}")]
        },
        prepare: add_nodes,
        play: node_lost,
        bound: |mode| match mode {
            Mode::Jobs => (0, Blind::Guards(2)),
            Mode::Watch => (0, Blind::Guards(1)),
        },
        failures: |mode| match mode {
            Mode::Jobs => &["replaced guard 3"],
            Mode::Watch => &["killed watch 0"],
        },
        decisions: |mode| match mode {
            Mode::Jobs => yielded(mode),
            Mode::Watch => &["watch stop floor-broken", "watch stop window-end"],
        },
        ..CALM
    },
    Script {
        name: "killed",
        text: "the gate is killed, and a resident wakes",
        mark: "simulated",
        play: gate_killed,
        bound: |mode| (0, or_look(mode, Blind::Guards(2))),
        failures: |mode| match mode {
            Mode::Jobs => &["killed guard 3"],
            Mode::Watch => &["killed watch 0"],
        },
        decisions: yielded_once,
        ..CALM
    },
    Script {
        name: "denied",
        text: "a policy denies the gate's new Pods for 110 s, and a resident wakes",
        play: pods_denied,
        bound: |mode| match mode {
            Mode::Jobs => (110, Blind::Guards(1)),
            Mode::Watch => (0, Blind::Look),
        },
        failures: |mode| match mode {
            Mode::Jobs => &["refused guard 3"],
            Mode::Watch => &[],
        },
        may_fail: &["refused guard 4", "replaced guard 4"],
        decisions: yielded_once,
        ..CALM
    },
    Script {
        name: "story",
        text: "a missed guard, one that hangs and is replaced, a resident that wakes, a failed pull, a scale by \
               hand, and the Role removed",
        mark: "simulated",
        guards: &[0, 1, 2, 3, 4, 6],
        fallback_guards: &[1, 2, 3, 4, 6],
        settings: |_| {
            vec![
                "gate.preferTenantNode=false".to_owned(),
                "offPeak.startingDeadlineSeconds=20".to_owned(),
            ]
        },
        play: story,
        bound: |_| (0, Blind::Window),
        failures: |_| {
            &[
                "missed guard 1",
                "replaced guard 2",
                "image-pull guard 4",
                "exit-1 guard 6",
                "exit-1 guard 6",
            ]
        },
        decisions: |mode| match mode {
            Mode::Jobs => {
                &["up start floor-free", "guard stop floor-broken", "down stop window-end"]
            }
            Mode::Watch => &[
                "watch start ",
                "watch stop floor-broken",
                "watch stop floor-broken",
                "watch stop window-end",
            ],
        },
        attention: Some("was scaled up between"),
        ..CALM
    },
];

fn or_look(mode: Mode, jobs: Blind) -> Blind {
    match mode {
        Mode::Jobs => jobs,
        Mode::Watch => Blind::Look,
    }
}

fn resident_wakes(stage: &Stage) {
    stage.at(130);
    stage.gpu.wake_resident();
    stage.at(200);
    stage.gpu.calm_residents();
}

fn tenant_grows(stage: &Stage) {
    stage.at(130);
    stage.gpu.grow_tenant();
}

fn exporter_restarts(stage: &Stage) {
    stage.at(165);
    stage.gpu.answer(Answers::Nothing);
    stage.at(170);
    stage.gpu.wake_resident();
    stage.at(205);
    stage.gpu.answer(Answers::Page);
    stage.at(220);
    stage.gpu.calm_residents();
}

fn server_away(stage: &Stage) {
    stage.at(160);
    stage.gpu.wake_resident();
    stage.at(340);
    stage.gpu.calm_residents();
}

/// The tenant's node, and one without a GPU that the gate's Pods prefer: of both, it has no taint that they do not
/// tolerate.
fn add_nodes(night: &Night, namespace: &str) {
    let avoided = json!({"key": "avoided", "effect": "PreferNoSchedule"});
    night.add_node_with(
        &format!("gpu-{namespace}"),
        &json!([gpu_taint(), avoided]),
        namespace,
        100,
    );
    night.add_node_with(&format!("{OWN}{namespace}"), &json!([gpu_taint()]), namespace, 0);
}

fn node_lost(stage: &Stage) {
    let night = stage.night;
    let node = format!("{OWN}{}", stage.stack.namespace);
    stage.at(170);
    night.kubelet.lose(&node);
    stage.at(175);
    stage.gpu.wake_resident();
    // With `jobs` the next guard is bound to that node.
    stage.at(200);
    night.lose(&node);
    let taint = |effect: &str| json!({"key": "node.kubernetes.io/unreachable", "effect": effect});
    let taints = json!([gpu_taint(), taint("NoSchedule"), taint("NoExecute")]);
    let patch = json!({"spec": {"taints": taints}});
    night.cluster.admin().patch(&format!("/api/v1/nodes/{node}"), MERGE, &patch, "").object();
    // After five minutes, by default.
    stage.at(230);
    evict(stage, &node);
    stage.at(330);
    stage.gpu.calm_residents();
}

/// Evicts the Pods of a node as the controller of taints does. The node does not answer, so they stay.
fn evict(stage: &Stage, node: &str) {
    let admin = stage.night.cluster.admin();
    for pod in list(&stage.stack, "api/v1", "pods") {
        if pod["spec"]["nodeName"] != node || pod["status"]["phase"] == "Succeeded" {
            continue;
        }
        let mut conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.push(json!({"type": "DisruptionTarget", "status": "True",
            "reason": "DeletionByTaintManager",
            "message": "Taint manager: deleting due to NoExecute taint"}));
        let status = json!({"status": {"conditions": conditions}});
        let path = admin.path(&json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name(&pod), "namespace": pod["metadata"]["namespace"]}}));
        admin.patch(&format!("{path}/status"), MERGE, &status, "").object();
        admin.send("DELETE", &path, "", "").unwrap().object();
    }
}

fn gate_killed(stage: &Stage) {
    let (night, namespace) = (stage.night, &stage.stack.namespace);
    if stage.mode == Mode::Jobs {
        stage.at(165);
        stage.gpu.wake_resident();
        // The guard of the next minute gets no answer, so that it is there to be killed.
        stage.at(175);
        stage.gpu.answer(Answers::Silence);
        stage.at(180);
    } else {
        stage.at(165);
        stage.gpu.wake_resident();
    }
    let action = if stage.mode == Mode::Jobs { "guard" } else { "watch" };
    until("a gate to kill", || (night.kubelet.kill(namespace, action) > 0).then_some(()));
    stage.gpu.answer(Answers::Page);
    stage.at(260);
    stage.gpu.calm_residents();
}

/// A policy of the API server that denies the gate's Pods in a namespace, and its binding.
fn denial(namespace: &str) -> [Value; 2] {
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": namespace},
        "spec": {
            "matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"],
                "operations": ["CREATE"], "resources": ["pods"]}]},
            "validations": [{
                "expression": "object.spec.containers.all(container, container.name != 'vram-gate')",
                "message": "images must come from the new registry",
            }],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": namespace},
        "spec": {"policyName": namespace, "validationActions": ["Deny"], "matchResources": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}},
    });
    [policy, binding]
}

fn pods_denied(stage: &Stage) {
    let admin = stage.night.cluster.admin();
    let objects = denial(&stage.stack.namespace);
    stage.at(150);
    for object in &objects {
        admin.create(object, "").object();
    }
    stage.at(160);
    stage.gpu.wake_resident();
    stage.at(260);
    for object in &objects {
        admin.send("DELETE", &admin.path(object), "", "").unwrap().object();
    }
    stage.at(340);
    stage.gpu.calm_residents();
}

fn story(stage: &Stage) {
    let (night, namespace) = (stage.night, &stage.stack.namespace);
    let admin = night.cluster.admin();
    // Somebody suspends the guard for a minute.
    stage.at(30);
    stage.patch("guard", &json!({"spec": {"suspend": true}}));
    stage.at(85);
    stage.patch("guard", &json!({"spec": {"suspend": false}}));
    // The next one hangs, until the one after that.
    stage.at(100);
    night.kubelet.freeze_next(namespace);
    stage.at(150);
    stage.gpu.wake_resident();
    stage.at(180);
    until("the guard that hangs is replaced", || {
        let guards = jobs(&stage.stack, cron_job_name("guard"));
        (!guards.iter().any(|job| name(job).ends_with(&stage.job_suffix(2)))).then_some(())
    });
    stage.at(195);
    night.kubelet.kill(namespace, "guard");
    // The next one has no image, until its Job's deadline.
    stage.at(200);
    stage.set_image(Some("one-node"));
    let pod = until("a Pod without an image", || {
        let all = list(&stage.stack, "api/v1", "pods");
        all.into_iter().find(|pod| {
            pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"]
                == "ImagePullBackOff"
        })
    });
    admin.create(&pull_failed(&pod), "").object();
    stage.at(270);
    stage.set_image(None);
    // The residents are busy still. Somebody starts the tenant, and then somebody removes the gate's Role.
    stage.at(318);
    stage.scale_by_hand();
    stage.at(335);
    let role = stage.stack.rendered("Role", ACCOUNT);
    admin.send("DELETE", &admin.path(role), "", "").unwrap().object();
    stage.at(385);
    stage.stack.apply(role);
}

/// The Event with which a kubelet reports that it can't pull an image.
fn pull_failed(pod: &Value) -> Value {
    let now = jiff::Timestamp::now().strftime("%FT%TZ").to_string();
    let image = pod["spec"]["containers"][0]["image"].as_str().unwrap();
    json!({
        "apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "Failed",
        "metadata": {"name": format!("{}.pull", name(pod)), "namespace": pod["metadata"]["namespace"]},
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": name(pod),
            "namespace": pod["metadata"]["namespace"], "uid": pod["metadata"]["uid"],
            "fieldPath": "spec.containers{vram-gate}"},
        "message": format!("Failed to pull image \"{image}\": not found"),
        "source": {"component": "kubelet", "host": pod["spec"]["nodeName"]},
        "firstTimestamp": now, "lastTimestamp": now, "count": 1,
    })
}
