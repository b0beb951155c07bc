//! Which Pods are replaced, and when: a Deployment at 0 replicas replaces none until its next window.

use super::{Case, Finding, Moment, Rule, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::object::{Object, at, items};
use crate::model::workload::{containers, pod_spec, replicas, rolls_on, template};
use yaml_spans::Node;

const ROLLOUT: &str =
    "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#updating-a-deployment";

pub(super) const RESTART: Rule = Rule {
    id: "pods-restart",
    severity: Severity::Warning,
    topic: Topic::Restart,
    what: "The Pods' template changes: running Pods are replaced as soon as it is applied",
    source: ROLLOUT,
    detect: |case| restarts(case, When::Now),
};

pub(super) const RESTART_IN_WINDOW: Rule = Rule {
    id: "pods-restart-in-window",
    severity: Severity::Warning,
    topic: Topic::Restart,
    what: "The Pods' template changes while the gate's window is open: a Pod that runs is replaced at once",
    source: ROLLOUT,
    detect: |case| restarts(case, When::Window),
};

pub(super) const RESTART_AT_WINDOW: Rule = Rule {
    id: "pods-restart-at-window",
    severity: Severity::Info,
    topic: Topic::Restart,
    what: "The Pods' template changes at 0 replicas: nothing restarts, the next start has it",
    source: ROLLOUT,
    detect: |case| restarts(case, When::Later),
};

pub(super) const STALE_CONFIG: Rule = Rule {
    id: "config-not-rolled",
    severity: Severity::Warning,
    topic: Topic::Restart,
    what: "A ConfigMap or Secret changes and no Pod restarts for it: variables and `subPath` mounts keep what they had",
    source: "https://kubernetes.io/docs/concepts/configuration/configmap/#mounted-configmaps-are-updated-automatically",
    detect: stale_config,
};

pub(super) const REPLICAS: Rule = Rule {
    id: "replicas-change",
    severity: Severity::Warning,
    topic: Topic::Restart,
    what: "The rendered number of replicas changes: applied at the next sync, unless the controller is told to leave it",
    source: "https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/#respect-ignore-difference-configs",
    detect: replicas_change,
};

/// When Pods are replaced.
#[derive(PartialEq, Eq)]
enum When {
    /// On applying.
    Now,
    /// On applying, if the gate started them: its window is open.
    Window,
    /// When they start next.
    Later,
}

fn restarts(case: &Case<'_>, wanted: When) -> Vec<Finding> {
    case.both()
        .filter(|(_, before, after)| {
            rolls_on(&before.id).is_some() && template(before) != template(after)
        })
        .filter_map(|(_, before, after)| {
            let (when, words, short) = restart(case, before, after);
            (when == wanted).then(|| Finding { when: short, ..Finding::new(&after.id, words) })
        })
        .collect()
}

fn restart(case: &Case<'_>, before: &Object, after: &Object) -> (When, Message, Option<Moment>) {
    let id = &after.id;
    let next = case.gates_after.get(id).and_then(|gate| gate.next_start(case.now));
    // What runs now was started by the gate that is in the cluster now.
    let open = case.gates_before.get(id).is_some_and(|gate| gate.may_be_up(case.now));
    if open {
        let words = Message::of(
            "The window is open: a Pod that runs now is replaced as soon as this is applied",
        );
        return (When::Window, words, None);
    }
    if let Some((instant, times)) = next {
        let words = Message::of("Nothing restarts now: the next window has the new Pod, ")
            .and(times.format(instant))
            .and(" ")
            .code(&times.zone_name);
        return (
            When::Later,
            words,
            Some(Moment { at: instant, text: times.format_short(instant) }),
        );
    }
    let gated = case.gates_before.contains_key(id) || case.gates_after.contains_key(id);
    if gated || (replicas(before) == 0 && replicas(after) == 0) {
        let words =
            Message::of("Nothing restarts: there are 0 replicas, and nothing here starts one");
        return (When::Later, words, None);
    }
    let pods = |one: &str, many: &str| match replicas(after) {
        1 => format!("1 Pod {one}"),
        count => format!("{count} Pods {many}"),
    };
    let recreate = after.text(&["spec", "strategy", "type"]) == Some("Recreate");
    let words = match (id.kind.as_str(), recreate) {
        ("DaemonSet", _) => Message::of("The Pod of every node is replaced, one after the other"),
        (_, true) => Message::of(format!(
            "{} before new ones start: nothing answers meanwhile",
            pods("stops", "stop")
        )),
        _ => Message::of(format!("{}, one after the other", pods("is replaced", "are replaced"))),
    };
    (When::Now, words, None)
}

fn stale_config(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (change, before, _) in case.both() {
        let (core, kind) = (before.id.group.is_empty(), before.id.kind.as_str());
        if !core || !matches!(kind, "ConfigMap" | "Secret") {
            continue;
        }
        let data = ["data", "binaryData", "stringData"];
        if !change
            .fields
            .iter()
            .any(|field| data.iter().any(|key| field.path.to_string().starts_with(key)))
        {
            continue;
        }
        let may_run = |user: &Object| {
            let gate = case.gates_after.get(&user.id);
            replicas(user) > 0 || gate.is_some_and(|gate| gate.may_be_up(case.now))
        };
        let stale = |user: &&Object| {
            user.id.namespace == before.id.namespace
                && rolls_on(&user.id).is_some()
                && may_run(user)
                && uses(user, kind, &before.id.name)
                && case.base.get(&user.id).is_some_and(|was| template(was) == template(user))
        };
        let users: Vec<String> =
            case.head.iter().filter(stale).map(|user| user.id.to_string()).collect();
        if !users.is_empty() {
            let words = Message::of("No Pod of ")
                .codes(users, 3)
                .and(" restarts for it: what was read at the start stays until then");
            findings.push(Finding::new(&change.id, words));
        }
    }
    findings
}

/// Whether an object's Pods read a ConfigMap or Secret where a change does not reach them: as
/// variables, or as a file mounted by `subPath`.
fn uses(object: &Object, kind: &str, name: &str) -> bool {
    let (from, key, volume_key) = match kind {
        "ConfigMap" => ("configMapRef", "configMapKeyRef", "configMap"),
        _ => ("secretRef", "secretKeyRef", "secret"),
    };
    let volume_name = if kind == "ConfigMap" { "name" } else { "secretName" };
    let is = |node: Option<&Node>| node.and_then(Node::as_str) == Some(name);
    let Some(spec) = pod_spec(object) else { return false };
    let volumes: Vec<&str> = items(spec, &["volumes"])
        .iter()
        .filter(|volume| is(at(volume, &[volume_key, volume_name])))
        .filter_map(|volume| volume.get("name")?.as_str())
        .collect();
    containers(object).any(|container| {
        let mounted = |mount: &Node| {
            mount.get("subPath").is_some()
                && mount
                    .get("name")
                    .and_then(Node::as_str)
                    .is_some_and(|name| volumes.contains(&name))
        };
        items(container, &["envFrom"]).iter().any(|source| is(at(source, &[from, "name"])))
            || items(container, &["env"])
                .iter()
                .any(|variable| is(at(variable, &["valueFrom", key, "name"])))
            || items(container, &["volumeMounts"]).iter().any(mounted)
    })
}

fn replicas_change(case: &Case<'_>) -> Vec<Finding> {
    case.both()
        .filter(|(_, before, _)| {
            matches!(before.id.kind.as_str(), "Deployment" | "StatefulSet" | "ReplicaSet")
                && before.id.group == "apps"
        })
        .filter(|(_, before, after)| replicas(before) != replicas(after))
        .map(|(_, before, after)| {
            let words = Message::of(format!("From {} to {} replicas", replicas(before), replicas(after)));
            let words = match case.gates_after.contains_key(&after.id) {
                true => words.and(
                    ": the gate decides them from then on; a controller that is not told to leave `spec.replicas` alone sets them at every sync, in or out of the window",
                ),
                false => words,
            };
            Finding::new(&after.id, words)
        })
        .collect()
}
