//! Changes that stop the gate: of the Jobs and Pods of its jobs, of objects that keep them
//! from starting, workloads beside the gate on the GPU, and a second owner of the replicas.

use vram_gate::decision::Action;
use vram_gate::settings::{Key, TABLE};

use super::coverage::any_leaf;
use super::images::repository;
use super::pods::field_list;
use super::{Finding, Rule, RuleContext, Topic};
use crate::diff::fields::FieldChange;
use crate::model::gate_jobs::{Gate, GateJob};
use crate::model::object::{Object, items_at, node_at};
use crate::model::workload::{containers, has_scale, pod_spec, replicas, scaled_target};
use crate::model::{Message, Severity};
use kube_validate::ObjectId;
use yaml_spans::{Node, Value};

pub(super) const WEAKENED: Rule = Rule {
    id: "guard-weakened",
    severity: Severity::Critical,
    topic: Topic::Gate,
    summary: "The `guard` or `down` job runs otherwise than before: if it does not start, does not finish or runs something else, the server keeps the GPU",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/; https://kubernetes.io/docs/concepts/workloads/controllers/job/; gate/src/decision.rs: only `guard` and `down` scale to 0",
};

pub(super) const UP_CHANGES: Rule = Rule {
    id: "gate-job-changes",
    severity: Severity::Warning,
    topic: Topic::Gate,
    summary: "The `up` job runs otherwise than before: it may start the server without the gate's check, or not at all",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/; gate/src/decision.rs: only `up` scales to 1",
};

pub(super) const BLOCKED: Rule = Rule {
    id: "gate-blocked",
    severity: Severity::Critical,
    topic: Topic::Gate,
    summary: "A quota, a limit range, a network policy or the service account can keep the gate's Pods from starting or from reaching the API server: nothing stops the server then",
    source: "https://kubernetes.io/docs/concepts/policy/resource-quotas/; https://kubernetes.io/docs/concepts/policy/limit-range/; https://kubernetes.io/docs/concepts/services-networking/network-policies/",
};

pub(super) const UNGATED: Rule = Rule {
    id: "gpu-ungated",
    severity: Severity::Critical,
    topic: Topic::Gpu,
    summary: "A workload uses the GPU and no gate scales it: it takes memory from the other users at any time, and nothing stops it",
    source: "docs/gate.md; https://kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus/; https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/docker-specialized.html",
};

pub(super) const SECOND_OWNER: Rule = Rule {
    id: "second-owner",
    severity: Severity::Critical,
    topic: Topic::Gate,
    summary: "Something beside the gate scales its server: it starts the server again after the guard stopped it, or starts it without the gate's check",
    source: "https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/; https://keda.sh/docs/latest/concepts/scaling-deployments/",
};

pub(super) fn changed_jobs(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (change, before, after) in context.modified() {
        let Some(job) = GateJob::read(before) else { continue };
        let container =
            job.container.find(&before.node).and_then(|node| node.get("name")?.as_str());
        let fields: Vec<&FieldChange> = change
            .fields
            .iter()
            .filter(|field| {
                any_leaf(field, |keys| {
                    is_execution(keys)
                        && !is_strengthened(job.action, keys, before, after)
                        && !is_setting(field, keys, container.unwrap_or_default())
                })
            })
            .collect();
        if fields.is_empty() {
            continue;
        }
        let (rule, effect) = match job.action {
            Action::Guard | Action::Watch => (
                &WEAKENED,
                ": if it does not start, finish and act as before, the server keeps the GPU while others need it",
            ),
            Action::Down => (
                &WEAKENED,
                ": if it does not start, finish and act as before, nothing stops the server when the window ends",
            ),
            Action::Up | Action::Admit => {
                (&UP_CHANGES, ": it may start the server without the gate's check, or not at all")
            }
        };
        let message = Message::of("It runs otherwise than before: ").then(field_list(&fields));
        findings.push(Finding::new(rule, &after.id, message.and(effect)));
    }
    findings
}

/// The fields of a gate job's CronJob that the rules about schedules and windows judge.
const SCHEDULE_FIELDS: [&str; 3] = ["schedule", "timeZone", "suspend"];

/// The fields of a gate job that decide neither whether it runs nor how.
const BOOKKEEPING: [&[&str]; 3] = [
    &["spec", "successfulJobsHistoryLimit"],
    &["spec", "failedJobsHistoryLimit"],
    &["spec", "jobTemplate", "spec", "ttlSecondsAfterFinished"],
];

/// Returns true if a leaf decides when or how the job's Pod runs, its schedule and labels for people apart.
fn is_execution(keys: &[String]) -> bool {
    let is_spec = keys.first().is_some_and(|key| key == "spec");
    let is_scheduling =
        keys.get(1).is_some_and(|key| SCHEDULE_FIELDS.contains(&key.as_str())) && keys.len() == 2;
    let is_bookkeeping = BOOKKEEPING
        .iter()
        .any(|path| path.len() == keys.len() && path.iter().zip(keys).all(|(a, b)| a == b));
    let is_label = keys.windows(3).any(|part| {
        part[0] == "metadata"
            && part[1] == "labels"
            && (part[2] == "app" || part[2].starts_with("app.kubernetes.io/"))
    });
    is_spec && !is_scheduling && !is_bookkeeping && !is_label
}

/// Returns true if a leaf's change lets `guard` or `down` start in more cases than before: beside a Job
/// that does not end, or later than before.
fn is_strengthened(action: Action, keys: &[String], before: &Object, after: &Object) -> bool {
    if action == Action::Up {
        return false;
    }
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    match keys[..] {
        ["spec", "concurrencyPolicy"] => after.text_at(&keys) == Some("Replace"),
        ["spec", "startingDeadlineSeconds"] => {
            // Without a deadline, a run may start however late.
            let [old, new] = [before, after].map(|job| job.whole_at(&keys).unwrap_or(i64::MAX));
            new > old
        }
        _ => false,
    }
}

/// The gate's settings that decide where it reads its credentials and whom it asks: no change of them
/// is ordinary.
const CONNECTION: [Key; 3] =
    [Key::ServiceAccountDir, Key::KubernetesServiceHost, Key::KubernetesServicePort];

/// Returns true if the change of a leaf is one of the gate's settings, or its image under the same
/// name, which other rules judge.
fn is_setting(field: &FieldChange, keys: &[String], container: &str) -> bool {
    if field.names.first().map(String::as_str) != Some(container) {
        return false;
    }
    let ends_with = |end: &[&str]| {
        keys.len() >= end.len()
            && keys[keys.len() - end.len()..].iter().zip(end).all(|(a, b)| a == b)
    };
    let (before, after) = (field.change.before(), field.change.after());
    if ends_with(&["containers", "image"]) {
        let [old, new] = [before, after].map(|node| node.and_then(Node::as_str).map(repository));
        return old.is_some() && old == new;
    }
    if !(ends_with(&["env", "value"]) || ends_with(&["env", "name"])) {
        return false;
    }
    let Some(variable) = field.names.get(1) else { return false };
    let Some(row) = TABLE.iter().find(|row| row.env == variable) else { return false };
    !CONNECTION.contains(&row.key) && !is_shortened(row.key, before, after)
}

/// Returns true if the time that the gate has for its work becomes shorter.
fn is_shortened(key: Key, before: Option<&Node>, after: Option<&Node>) -> bool {
    if ![Key::Deadline, Key::ScaleBudget].contains(&key) {
        return false;
    }
    let [old, new] = [before, after].map(|node| {
        node.and_then(Node::as_str).and_then(|text| vram_gate::duration::parse(text).ok())
    });
    old.zip(new).is_some_and(|(old, new)| new < old)
}

/// The kinds that decide whether a Pod may start and what it may reach.
const BLOCKING_KINDS: [(&str, &str); 6] = [
    ("", "ResourceQuota"),
    ("", "LimitRange"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("cilium.io", "CiliumNetworkPolicy"),
    ("crd.projectcalico.org", "NetworkPolicy"),
    ("projectcalico.org", "NetworkPolicy"),
];

pub(super) fn blocked_gates(context: &RuleContext<'_>) -> Vec<Finding> {
    let jobs: Vec<&GateJob> =
        context.gates_after.values().flat_map(|gate: &Gate| &gate.jobs).collect();
    let mut findings = Vec::new();
    for pair in context.changed() {
        let Some(after) = pair.after else { continue };
        let id = &after.id;
        let in_namespace: Vec<&&GateJob> =
            jobs.iter().filter(|job| job.id.namespace == id.namespace).collect();
        if in_namespace.is_empty() {
            continue;
        }
        let message = if BLOCKING_KINDS.iter().any(|(group, kind)| after.is_kind(group, kind)) {
            let verb = if pair.before.is_none() { "It is new" } else { "It changes" };
            Message::of(format!(
                "{verb} in the gate's namespace: if it keeps the gate's Pods from starting or from reaching the exporter and the API server, nothing stops the server"
            ))
        } else if after.is_kind("", "ServiceAccount")
            && loses_token(pair.before, after)
            && in_namespace.iter().any(|job| uses_account(context, job, &id.name))
        {
            Message::of(
                "Its token is no longer mounted: the gate can't call the API server, so nothing stops the server",
            )
        } else {
            continue;
        };
        findings.push(Finding::new(&BLOCKED, id, message));
    }
    findings
}

fn loses_token(before: Option<&Object>, after: &Object) -> bool {
    let is_off = |object: &Object| {
        object
            .node_at(&["automountServiceAccountToken"])
            .is_some_and(|node| node.value == Value::Bool(false))
    };
    is_off(after) && !before.is_some_and(is_off)
}

fn uses_account(context: &RuleContext<'_>, job: &GateJob, account: &str) -> bool {
    let spec = context.head.get(&job.id).and_then(pod_spec);
    let name = spec.and_then(|spec| spec.get("serviceAccountName")).and_then(Node::as_str);
    name.unwrap_or("default") == account
}

/// The variables by which the container runtime gives a container the GPU, without any request.
const GPU_VARIABLES: [&str; 2] = ["NVIDIA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"];

/// Returns what an object's Pods ask for the GPU with, if they do.
fn gpu_request(object: &Object) -> Option<String> {
    let spec = pod_spec(object)?;
    let class = spec.get("runtimeClassName").and_then(Node::as_str);
    if let Some(class) = class.filter(|class| class.contains("nvidia") || class.contains("gpu")) {
        return Some(format!("runtimeClassName: {class}"));
    }
    if !items_at(spec, &["resourceClaims"]).is_empty() {
        return Some("resourceClaims".to_owned());
    }
    let device = items_at(spec, &["volumes"])
        .iter()
        .filter_map(|volume| node_at(volume, &["hostPath", "path"])?.as_str())
        .find(|path| path.starts_with("/dev/nvidia") || path.starts_with("/dev/dri"));
    device.map(str::to_owned).or_else(|| containers(object).find_map(container_gpu_request))
}

fn container_gpu_request(container: &Node) -> Option<String> {
    for list in ["limits", "requests"] {
        let resources = node_at(container, &["resources", list]).and_then(Node::as_mapping);
        let gpu = resources.and_then(|map| map.keys().find(|name| is_gpu_resource(name)));
        if let Some(name) = gpu {
            return Some(name.clone());
        }
    }
    items_at(container, &["env"]).iter().find_map(|variable| {
        let name = variable.get("name")?.as_str()?;
        let value = variable.get("value").and_then(Node::as_str).unwrap_or_default();
        let asks = GPU_VARIABLES.contains(&name) && !["", "void", "none", "-1"].contains(&value);
        asks.then(|| format!("{name}={value}"))
    })
}

/// Returns true for the name of an extended resource of a GPU, or of a part of one.
fn is_gpu_resource(name: &str) -> bool {
    name.starts_with("nvidia.com/")
        || name.split_once('/').is_some_and(|(_, kind)| kind.contains("gpu"))
}

pub(super) fn ungated_workloads(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pair in context.changed() {
        let Some(after) = pair.after else { continue };
        let Some(request) = gpu_request(after) else { continue };
        let Some(effect) = ungated_effect(after, context.gates_after.get(&after.id)) else {
            continue;
        };
        let previous = pair.before.filter(|before| gpu_request(before).is_some());
        let was_ungated = previous.is_some_and(|before| {
            ungated_effect(before, context.gates_before.get(&before.id)).is_some()
        });
        if !was_ungated {
            let message = Message::of("It uses the GPU (").code(request).and(effect);
            findings.push(Finding::new(&UNGATED, &after.id, message));
        }
    }
    findings
}

/// The effect of a GPU workload that runs without a gate's control, if it does.
fn ungated_effect(workload: &Object, gate: Option<&Gate>) -> Option<&'static str> {
    let is_scalable = has_scale(&workload.id.group, &workload.id.kind);
    match gate {
        None if is_scalable && replicas(workload) == 0 => None,
        None => Some(
            ") and no gate scales it: it takes memory from the other users at any time, and nothing stops it",
        ),
        Some(gate) => {
            let is_active = |action| gate.active_job(action).is_some();
            (is_active(Action::Up) && !is_active(Action::Guard)).then_some(
                ") and its gate has no active `guard`: once started, it keeps the GPU while others need it",
            )
        }
    }
}

pub(super) fn second_owners(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pair in context.changed() {
        let Some(after) = pair.after else { continue };
        if let Some(target) = scaled_target(after)
            && context.gates_after.contains_key(&target)
        {
            let message = Message::of("It scales or restarts ")
                .code(target.to_string())
                .and(" beside the gate: it can start the server whoever uses the GPU, and again after the guard stopped it");
            findings.push(Finding::new(&SECOND_OWNER, &after.id, message));
        }
    }
    for (target, gate) in &context.gates_after {
        for job in gate.jobs.iter().filter(|job| is_changed(context, &job.id)) {
            let is_second = |gate: &Gate| {
                gate.jobs.iter().any(|other| other.id != job.id && other.action == job.action)
            };
            let is_outside = job.id.namespace != target.namespace;
            let was_known = context.base.get(&job.id).and_then(GateJob::read).is_some_and(|old| {
                old.target == *target
                    && (is_outside || context.gates_before.get(target).is_some_and(is_second))
            });
            if (is_second(gate) || is_outside) && !was_known {
                let message = Message::of("It is another gate of ")
                    .code(target.to_string())
                    .and(": the server starts and stops by the settings of both");
                findings.push(Finding::new(&SECOND_OWNER, &job.id, message));
            }
        }
    }
    findings
}

fn is_changed(context: &RuleContext<'_>, id: &ObjectId) -> bool {
    context.changes.iter().any(|change| change.id == *id)
}
