//! Restarted Pods and the time of the restart: a Deployment with 0 replicas restarts none until its
//! next window.

use super::{EventTime, Finding, Rule, RuleContext, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::effective::equal_templates;
use crate::model::gate_jobs::admission;
use crate::model::object::{Object, items_at, node_at};
use crate::model::workload::{containers, has_scale, pod_spec, replicas, rolls_on};
use vram_gate::settings::TABLE;
use yaml_spans::{Node, Value};

const ROLLOUT: &str =
    "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#updating-a-deployment";

pub(super) const RESTART: Rule = Rule {
    id: "pods-restart",
    severity: Severity::Warning,
    topic: Topic::Restart,
    summary: "The Pod template changes: running Pods are replaced as soon as it is applied",
    source: ROLLOUT,
};

pub(super) const RESTART_IN_WINDOW: Rule = Rule {
    id: "pods-restart-in-window",
    severity: Severity::Warning,
    topic: Topic::Restart,
    summary: "The Pod template changes while the gate's window is open: a running Pod is replaced as soon as it is applied",
    source: ROLLOUT,
};

pub(super) const RESTART_AT_WINDOW: Rule = Rule {
    id: "pods-restart-at-window",
    severity: Severity::Info,
    topic: Topic::Restart,
    summary: "The Pod template changes at 0 replicas: nothing restarts, and the next start uses the new template",
    source: ROLLOUT,
};

pub(super) const RESTART_HELD: Rule = Rule {
    id: "pods-restart-held",
    severity: Severity::Info,
    topic: Topic::Restart,
    summary: "The Pod template changes and no running Pod is replaced by itself: the rollout is paused, waits for a deletion, or stops at a partition",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#update-strategies; https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#pausing-and-resuming-a-deployment",
};

pub(super) const STALE_CONFIG: Rule = Rule {
    id: "config-not-rolled",
    severity: Severity::Warning,
    topic: Topic::Restart,
    summary: "A ConfigMap or Secret changes but no Pod restarts: environment variables and `subPath` mounts keep the old content",
    source: "https://kubernetes.io/docs/concepts/configuration/configmap/#mounted-configmaps-are-updated-automatically",
};

pub(super) const REPLICAS: Rule = Rule {
    id: "replicas-change",
    severity: Severity::Warning,
    topic: Topic::Restart,
    summary: "The rendered number of replicas changes: the next sync applies it, unless the controller ignores `spec.replicas`",
    source: "https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/#respect-ignore-difference-configs",
};

pub(super) fn pod_restarts(context: &RuleContext<'_>) -> Vec<Finding> {
    context
        .modified()
        .filter(|(_, before, after)| {
            rolls_on(&before.id).is_some() && !equal_templates(before, after)
        })
        .map(|(_, before, after)| restart_finding(context, before, after))
        .collect()
}

fn restart_finding(context: &RuleContext<'_>, before: &Object, after: &Object) -> Finding {
    let id = &after.id;
    let replaced = replaced_pods(after);
    if let Replaced::None(reason) = replaced {
        let message = Message::of("No running Pod is replaced by itself: ").and(reason);
        return Finding::new(&RESTART_HELD, id, message);
    }
    // The gate that is in the cluster now decides whether a Pod runs now.
    if context.gates_before.get(id).is_some_and(|gate| gate.may_be_up(context.now)) {
        let message = "The window is open: a running Pod is replaced as soon as this is applied";
        let message = Message::of(message).then(admission_changes(before, after));
        return Finding::new(&RESTART_IN_WINDOW, id, message);
    }
    let next = context.gates_after.get(id).and_then(|gate| gate.next_start(context.now));
    if let Some((instant, times)) = next {
        let message = Message::of("Nothing restarts now: the next window starts the new Pod, ")
            .and(times.format(instant))
            .and(" ")
            .code(&times.zone_name)
            .then(admission_changes(before, after));
        let when = Some(EventTime { at: instant, text: times.format_short(instant) });
        return Finding { when, ..Finding::new(&RESTART_AT_WINDOW, id, message) };
    }
    let is_gated = context.gates_before.contains_key(id) || context.gates_after.contains_key(id);
    if is_gated || (replicas(before) == 0 && replicas(after) == 0) {
        let message =
            "Nothing restarts: there are 0 replicas, and nothing rendered here starts one";
        return Finding::new(&RESTART_AT_WINDOW, id, Message::of(message));
    }
    let order = match replaced {
        Replaced::Some { count, partition } => format!(
            "{} replaced, from the highest ordinal down to the partition, {partition}",
            if count == 1 { "1 Pod is".to_owned() } else { format!("{count} Pods are") }
        ),
        _ => replacement_order(after),
    };
    let message = Message::of(order).then(admission_changes(before, after));
    Finding::new(&RESTART, id, message)
}

/// The running Pods that a controller replaces after a change of their template.
enum Replaced {
    All,
    /// Those from an ordinal on.
    Some {
        count: i64,
        partition: i64,
    },
    /// None, for a reason.
    None(&'static str),
}

/// Source: `sync` in `pkg/controller/deployment`, `manage` in `pkg/controller/daemon`, and
/// `updateStatefulSet` in `pkg/controller/statefulset`.
fn replaced_pods(workload: &Object) -> Replaced {
    let is_true =
        |keys: &[&str]| workload.node_at(keys).is_some_and(|node| node.value == Value::Bool(true));
    if workload.id.group != "apps" {
        return Replaced::All;
    }
    match workload.id.kind.as_str() {
        "Deployment" if is_true(&["spec", "paused"]) => {
            Replaced::None("the Deployment is paused, and rolls out when it is resumed")
        }
        "DaemonSet" | "StatefulSet"
            if workload.text_at(&["spec", "updateStrategy", "type"]) == Some("OnDelete") =>
        {
            Replaced::None(
                "its update strategy is `OnDelete`, so a Pod gets the new template when somebody deletes it",
            )
        }
        "StatefulSet" => {
            let path = ["spec", "updateStrategy", "rollingUpdate", "partition"];
            let partition = workload.whole_at(&path).unwrap_or(0);
            let count = replicas(workload).saturating_sub(partition);
            if partition <= 0 || replicas(workload) == 0 {
                Replaced::All
            } else if count <= 0 {
                Replaced::None("the partition is not below the number of replicas")
            } else {
                Replaced::Some { count, partition }
            }
        }
        _ => Replaced::All,
    }
}

/// The settings of the gate that are in the Pod template because of an admission, and changed there; an
/// empty message if there are none. A reader of the values may not expect that they restart the server.
fn admission_changes(before: &Object, after: &Object) -> Message {
    let (Some(before), Some(after)) = (admission(before), admission(after)) else {
        return Message::default();
    };
    let changed: Vec<&str> = TABLE
        .iter()
        .filter(|row| before.get(row.key) != after.get(row.key))
        .map(|row| row.env)
        .collect();
    match changed.as_slice() {
        [] => Message::default(),
        _ => {
            Message::of("; the admission's ").codes(changed, 3).and(" is part of the Pod template")
        }
    }
}

/// The order in which a workload replaces its Pods.
fn replacement_order(workload: &Object) -> String {
    let count = replicas(workload);
    if workload.id.kind == "DaemonSet" {
        "The Pod on every node is replaced, one after the other".to_owned()
    } else if workload.text_at(&["spec", "strategy", "type"]) == Some("Recreate") {
        let pods = if count == 1 { "1 Pod stops".to_owned() } else { format!("{count} Pods stop") };
        format!("{pods} before new ones start: requests fail in between")
    } else if count == 1 {
        "1 Pod is replaced, one after the other".to_owned()
    } else {
        format!("{count} Pods are replaced, one after the other")
    }
}

/// The fields of a ConfigMap or Secret that hold its content.
const CONTENT: [&str; 3] = ["data", "binaryData", "stringData"];

pub(super) fn stale_configuration(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (change, before, _) in context.modified() {
        let id = &before.id;
        let is_configuration =
            id.group.is_empty() && matches!(id.kind.as_str(), "ConfigMap" | "Secret");
        let changes_content = change
            .fields
            .iter()
            .any(|field| CONTENT.iter().any(|key| field.path.to_string().starts_with(key)));
        if !is_configuration || !changes_content {
            continue;
        }
        let users: Vec<String> = context
            .head
            .iter()
            .filter(|user| keeps_old_content(context, user, before))
            .map(|user| user.id.to_string())
            .collect();
        if !users.is_empty() {
            let message = Message::of("No Pod of ")
                .codes(users, 3)
                .and(" restarts: running Pods keep the content that they started with");
            findings.push(Finding::new(&STALE_CONFIG, &change.id, message));
        }
    }
    findings
}

/// Returns true if a workload may be running, reads the ConfigMap or Secret only at its start, and is
/// not restarted by this diff.
fn keeps_old_content(context: &RuleContext<'_>, user: &Object, configuration: &Object) -> bool {
    let gate = context.gates_after.get(&user.id);
    let may_run = || replicas(user) > 0 || gate.is_some_and(|gate| gate.may_be_up(context.now));
    // The namespace first: the tree of an object elsewhere need not be parsed for it.
    user.id.namespace == configuration.id.namespace
        && rolls_on(&user.id).is_some()
        && may_run()
        && reads_at_start(user, &configuration.id.kind, &configuration.id.name)
        && context.base.get(&user.id).is_some_and(|old| equal_templates(old, user))
}

/// Returns true if an object's Pods read a ConfigMap or Secret in a way that a change does not reach:
/// as environment variables, or as a file mounted with `subPath`.
fn reads_at_start(object: &Object, kind: &str, name: &str) -> bool {
    let (from, key, volume_key) = match kind {
        "ConfigMap" => ("configMapRef", "configMapKeyRef", "configMap"),
        _ => ("secretRef", "secretKeyRef", "secret"),
    };
    let volume_name = if kind == "ConfigMap" { "name" } else { "secretName" };
    let names_it = |node: Option<&Node>| node.and_then(Node::as_str) == Some(name);
    let Some(spec) = pod_spec(object) else { return false };
    let volumes: Vec<&str> = items_at(spec, &["volumes"])
        .iter()
        .filter(|volume| names_it(node_at(volume, &[volume_key, volume_name])))
        .filter_map(|volume| volume.get("name")?.as_str())
        .collect();
    containers(object).any(|container| {
        let mut sources = items_at(container, &["envFrom"]).iter();
        let mut variables = items_at(container, &["env"]).iter();
        let mut mounts = items_at(container, &["volumeMounts"]).iter();
        sources.any(|source| names_it(node_at(source, &[from, "name"])))
            || variables.any(|variable| names_it(node_at(variable, &["valueFrom", key, "name"])))
            || mounts.any(|mount| {
                let volume = mount.get("name").and_then(Node::as_str);
                mount.get("subPath").is_some() && volume.is_some_and(|name| volumes.contains(&name))
            })
    })
}

pub(super) fn replica_counts(context: &RuleContext<'_>) -> Vec<Finding> {
    context
        .modified()
        .filter(|(_, before, _)| has_scale(&before.id.group, &before.id.kind))
        .filter(|(_, before, after)| replicas(before) != replicas(after))
        .map(|(_, before, after)| {
            let counts = format!("From {} to {} replicas", replicas(before), replicas(after));
            let effect = match context.gates_after.contains_key(&after.id) {
                true => ": the gate scales it from then on; a controller that does not ignore `spec.replicas` resets them at every sync, inside and outside the window",
                false => "",
            };
            Finding::new(&REPLICAS, &after.id, Message::of(counts + effect))
        })
        .collect()
}
