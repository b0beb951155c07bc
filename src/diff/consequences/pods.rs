//! Pods that gain rights on their node, lose protection, or run other code, elsewhere or with other
//! settings; and workloads that are new.

use std::collections::BTreeSet;

use super::coverage::any_leaf;
use super::immutable::old_and_new;
use super::{Finding, Rule, RuleContext, Topic};
use crate::diff::fields::FieldChange;
use crate::model::gate_jobs::GateJob;
use crate::model::object::{Object, items_at, node_at, scalar_text, strings_at};
use crate::model::workload::{pod_spec, template_path};
use crate::model::{Message, Severity};
use yaml_spans::{Node, Value};

pub(super) const PRIVILEGE: Rule = Rule {
    id: "pod-privilege",
    severity: Severity::Critical,
    topic: Topic::Pod,
    summary: "A Pod gains rights on its node: privileged, root, a capability, the node's namespaces, files or ports. Whoever controls its container can control the node",
    source: "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
};

pub(super) const HARDENING_LOST: Rule = Rule {
    id: "pod-hardening-lost",
    severity: Severity::Warning,
    topic: Topic::Pod,
    summary: "A Pod loses a protection: a fault in its container reaches further",
    source: "https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted",
};

pub(super) const IDENTITY: Rule = Rule {
    id: "pod-identity",
    severity: Severity::Warning,
    topic: Topic::Pod,
    summary: "A Pod runs as another service account, with other permissions, or its token is mounted or no longer mounted",
    source: "https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/",
};

pub(super) const CODE: Rule = Rule {
    id: "pod-code",
    severity: Severity::Warning,
    topic: Topic::Pod,
    summary: "A Pod runs other code: another command, hook or probe command, or another container",
    source: "https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/",
};

pub(super) const PLACEMENT: Rule = Rule {
    id: "pod-placement",
    severity: Severity::Warning,
    topic: Topic::Pod,
    summary: "Pods are scheduled or evicted by other rules: they may run on other nodes, evict others, or stay pending",
    source: "https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/",
};

pub(super) const VOLUMES: Rule = Rule {
    id: "pod-volumes",
    severity: Severity::Warning,
    topic: Topic::Pod,
    summary: "A Pod mounts other volumes, or at other paths: its program finds other files",
    source: "https://kubernetes.io/docs/concepts/storage/volumes/",
};

pub(super) const SETTINGS: Rule = Rule {
    id: "pod-settings",
    severity: Severity::Info,
    topic: Topic::Pod,
    summary: "A Pod gets other resources, probes, a shorter or longer time to stop, or pulls its image otherwise",
    source: "https://kubernetes.io/docs/concepts/workloads/pods/",
};

pub(super) const ADDED: Rule = Rule {
    id: "workload-added",
    severity: Severity::Warning,
    topic: Topic::Pod,
    summary: "A workload is new: its code runs in the cluster as soon as it is applied or scheduled",
    source: "https://kubernetes.io/docs/concepts/workloads/",
};

/// The lists of containers in a Pod's specification, debugging containers included.
const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

fn all_containers(spec: &Node) -> impl Iterator<Item = (&str, &Node)> {
    LISTS.into_iter().flat_map(|list| items_at(spec, &[list])).map(|container| {
        (node_at(container, &["name"]).and_then(Node::as_str).unwrap_or("?"), container)
    })
}

fn is_true(node: &Node, keys: &[&str]) -> bool {
    node_at(node, keys).is_some_and(|node| node.value == Value::Bool(true))
}

fn is_false(node: &Node, keys: &[&str]) -> bool {
    node_at(node, keys).is_some_and(|node| node.value == Value::Bool(false))
}

/// The rights on the node that an object's Pods have, as they are written.
fn node_rights(object: &Object) -> BTreeSet<String> {
    let mut rights = BTreeSet::new();
    if object.is_kind("", "PersistentVolume") {
        for source in ["hostPath", "local"] {
            let path = object.text_at(&["spec", source, "path"]);
            rights.extend(path.map(|path| format!("{source}: {path}")));
        }
        return rights;
    }
    let Some(spec) = pod_spec(object) else { return rights };
    for key in ["hostPID", "hostIPC", "hostNetwork"] {
        if is_true(spec, &[key]) {
            rights.insert(format!("{key}: true"));
        }
    }
    for volume in items_at(spec, &["volumes"]) {
        let path = node_at(volume, &["hostPath", "path"]).and_then(Node::as_str);
        rights.extend(path.map(|path| format!("hostPath: {path}")));
    }
    rights.extend(context_rights(spec));
    for (name, container) in all_containers(spec) {
        let own = context_rights(container).into_iter();
        rights.extend(own.map(|right| format!("{right} ({name})")));
        for port in items_at(container, &["ports"]) {
            let number = node_at(port, &["hostPort"]).map(scalar_text);
            rights.extend(number.map(|port| format!("hostPort: {port} ({name})")));
        }
    }
    rights
}

/// The rights that the security context of a Pod or container grants.
fn context_rights(node: &Node) -> Vec<String> {
    let Some(context) = node.get("securityContext") else { return Vec::new() };
    let mut rights = Vec::new();
    for key in ["privileged", "allowPrivilegeEscalation"] {
        if is_true(context, &[key]) {
            rights.push(format!("{key}: true"));
        }
    }
    if node_at(context, &["runAsUser"]).and_then(Node::as_int) == Some(0) {
        rights.push("runAsUser: 0".to_owned());
    }
    for (keys, value) in [
        (&["seccompProfile", "type"][..], "Unconfined"),
        (&["appArmorProfile", "type"], "Unconfined"),
        (&["procMount"], "Unmasked"),
    ] {
        if node_at(context, keys).and_then(Node::as_str) == Some(value) {
            rights.push(format!("{}: {value}", keys[0]));
        }
    }
    if is_true(context, &["windowsOptions", "hostProcess"]) {
        rights.push("hostProcess: true".to_owned());
    }
    let capabilities = strings_at(context, &["capabilities", "add"]);
    rights.extend(capabilities.iter().map(|name| format!("capability {name}")));
    rights
}

/// The protections that each container of an object's Pods has, its own or its Pod's.
fn protections(object: &Object) -> BTreeSet<(String, String)> {
    let mut all = BTreeSet::new();
    let Some(spec) = pod_spec(object) else { return all };
    for (name, container) in all_containers(spec) {
        let own = container.get("securityContext");
        let effective = |keys: &[&str]| {
            own.and_then(|own| node_at(own, keys))
                .or_else(|| spec.get("securityContext").and_then(|shared| node_at(shared, keys)))
        };
        let mut found = Vec::new();
        if effective(&["runAsNonRoot"]).is_some_and(|node| node.value == Value::Bool(true)) {
            found.push("runAsNonRoot".to_owned());
        }
        if effective(&["runAsUser"]).and_then(Node::as_int).is_some_and(|user| user != 0) {
            found.push("runAsUser".to_owned());
        }
        let seccomp = effective(&["seccompProfile", "type"]).and_then(Node::as_str);
        if seccomp.is_some_and(|profile| profile != "Unconfined") {
            found.push("seccompProfile".to_owned());
        }
        if is_false(spec, &["hostUsers"]) {
            found.push("hostUsers: false".to_owned());
        }
        if let Some(own) = own {
            if is_true(own, &["readOnlyRootFilesystem"]) {
                found.push("readOnlyRootFilesystem".to_owned());
            }
            if is_false(own, &["allowPrivilegeEscalation"]) {
                found.push("allowPrivilegeEscalation: false".to_owned());
            }
            let dropped = strings_at(own, &["capabilities", "drop"]);
            found.extend(dropped.iter().map(|name| format!("dropped capability {name}")));
        }
        all.extend(found.into_iter().map(|protection| (name.to_owned(), protection)));
    }
    all
}

pub(super) fn pod_rights(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pair in context.changed() {
        let Some(after) = pair.after else { continue };
        let before = pair.before.map(node_rights).unwrap_or_default();
        let gained: Vec<String> = node_rights(after).difference(&before).cloned().collect();
        if !gained.is_empty() {
            let message = Message::of(match after.is_kind("", "PersistentVolume") {
                true => "A Pod that mounts it reads and writes files of its node: ",
                false => "Its Pods gain rights on their node: ",
            });
            findings.push(Finding::new(&PRIVILEGE, &after.id, message.codes(gained, 8)));
        }
        let Some(before) = pair.before else { continue };
        let now = protections(after);
        let containers: BTreeSet<String> = pod_spec(after)
            .map(|spec| all_containers(spec).map(|(name, _)| name.to_owned()).collect())
            .unwrap_or_default();
        let lost: Vec<String> = protections(before)
            .difference(&now)
            .filter(|(container, _)| containers.contains(container))
            .map(|(container, protection)| format!("{protection} ({container})"))
            .collect();
        if !lost.is_empty() {
            let message = Message::of("Its Pods lose protection: ").codes(lost, 8);
            findings.push(Finding::new(&HARDENING_LOST, &after.id, message));
        }
    }
    findings
}

/// A field of a Pod's specification and the rule that reports its changes.
struct PodField {
    rule: &'static Rule,
    /// The keys below the specification or, for `container`, below a container.
    keys: &'static [&'static str],
    container: bool,
}

const fn in_pod(rule: &'static Rule, keys: &'static [&'static str]) -> PodField {
    PodField { rule, keys, container: false }
}

const fn in_container(rule: &'static Rule, keys: &'static [&'static str]) -> PodField {
    PodField { rule, keys, container: true }
}

/// The fields whose changes are reported as such; the first row that matches decides.
const POD_FIELDS: &[PodField] = &[
    in_pod(&IDENTITY, &["serviceAccountName"]),
    in_pod(&IDENTITY, &["serviceAccount"]),
    in_pod(&IDENTITY, &["automountServiceAccountToken"]),
    in_pod(&PLACEMENT, &["priorityClassName"]),
    in_pod(&PLACEMENT, &["priority"]),
    in_pod(&PLACEMENT, &["preemptionPolicy"]),
    in_pod(&PLACEMENT, &["nodeSelector"]),
    in_pod(&PLACEMENT, &["nodeName"]),
    in_pod(&PLACEMENT, &["affinity"]),
    in_pod(&PLACEMENT, &["tolerations"]),
    in_pod(&PLACEMENT, &["topologySpreadConstraints"]),
    in_pod(&PLACEMENT, &["schedulerName"]),
    in_pod(&PLACEMENT, &["schedulingGates"]),
    in_pod(&PLACEMENT, &["runtimeClassName"]),
    in_pod(&PLACEMENT, &["resourceClaims"]),
    in_pod(&VOLUMES, &["volumes"]),
    in_pod(&SETTINGS, &["imagePullSecrets"]),
    in_pod(&SETTINGS, &["terminationGracePeriodSeconds"]),
    in_container(&CODE, &["name"]),
    in_container(&CODE, &["command"]),
    in_container(&CODE, &["args"]),
    in_container(&CODE, &["workingDir"]),
    in_container(&CODE, &["lifecycle"]),
    in_container(&CODE, &["restartPolicy"]),
    in_container(&CODE, &["livenessProbe", "exec"]),
    in_container(&CODE, &["readinessProbe", "exec"]),
    in_container(&CODE, &["startupProbe", "exec"]),
    in_container(&VOLUMES, &["volumeMounts"]),
    in_container(&VOLUMES, &["volumeDevices"]),
    in_container(&SETTINGS, &["resources"]),
    in_container(&SETTINGS, &["livenessProbe"]),
    in_container(&SETTINGS, &["readinessProbe"]),
    in_container(&SETTINGS, &["startupProbe"]),
    in_container(&SETTINGS, &["imagePullPolicy"]),
];

/// The rule that reports a change of a leaf, by the leaf's keys below the Pods' template.
pub(super) fn rule_of_leaf(keys: &[String]) -> Option<&'static Rule> {
    let (spec, keys) = keys.split_first()?;
    let in_container = keys
        .split_first()
        .filter(|(list, _)| LISTS.contains(&list.as_str()))
        .map(|(_, below)| below);
    POD_FIELDS
        .iter()
        .filter(|_| spec == "spec")
        .find(|field| {
            let keys = if field.container { in_container } else { Some(keys) };
            keys.is_some_and(|keys| {
                keys.len() >= field.keys.len() && field.keys.iter().zip(keys).all(|(a, b)| a == b)
            })
        })
        .map(|field| field.rule)
}

pub(super) fn pod_changes(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (change, before, after) in context.modified() {
        let Some(template) = template_path(&change.id) else { continue };
        // The gate's own rules report its jobs.
        if GateJob::read(before).is_some() {
            continue;
        }
        let depth = template.segments().len();
        for rule in [&IDENTITY, &CODE, &PLACEMENT, &VOLUMES, &SETTINGS] {
            let fields: Vec<&FieldChange> = change
                .fields
                .iter()
                .filter(|field| field.path.starts_with(&template))
                .filter(|field| {
                    any_leaf(field, |keys| {
                        rule_of_leaf(&keys[depth..]).is_some_and(|one| one.id == rule.id)
                    })
                })
                .collect();
            if fields.is_empty() {
                continue;
            }
            let message = effect(rule).then(field_list(&fields));
            findings.push(Finding::new(rule, &after.id, message));
        }
    }
    findings
}

fn effect(rule: &Rule) -> Message {
    Message::of(match rule.id {
        "pod-identity" => "Its Pods act with other permissions in the cluster: ",
        "pod-code" => "Its Pods run other code: ",
        "pod-placement" => "Its Pods may run on other nodes, evict others or stay pending: ",
        "pod-volumes" => "Its Pods see other files: ",
        _ => "Its Pods run with other settings: ",
    })
}

/// The most changed fields that one message lists.
const MAX_FIELDS: usize = 4;

/// The changed fields by path and list items' keys, with their values if there is only one.
pub(super) fn field_list(fields: &[&FieldChange]) -> Message {
    if let [field] = fields {
        return Message::default().code(field_label(field)).then(old_and_new(field));
    }
    let labels: BTreeSet<String> = fields.iter().map(|field| field_label(field)).collect();
    Message::default().codes(labels, MAX_FIELDS)
}

fn field_label(field: &FieldChange) -> String {
    match field.names.is_empty() {
        true => field.path.to_string(),
        false => format!("{} ({})", field.path, field.names.join(" › ")),
    }
}

pub(super) fn added_workloads(context: &RuleContext<'_>) -> Vec<Finding> {
    let added =
        context.changed().filter(|pair| pair.before.is_none()).filter_map(|pair| pair.after);
    added
        .filter_map(|object| {
            let spec = pod_spec(object)?;
            let images = all_containers(spec)
                .filter_map(|(_, container)| container.get("image").and_then(Node::as_str));
            let account = spec.get("serviceAccountName").and_then(Node::as_str);
            let message = Message::of("It is new and runs ")
                .codes(images.map(str::to_owned).collect::<Vec<_>>(), MAX_FIELDS)
                .and(" as service account ")
                .code(account.unwrap_or("default"));
            Some(Finding::new(&ADDED, &object.id, message))
        })
        .collect()
}
