//! Workloads: where their Pods' template is, and what is in it.

use super::object::{Object, at, items};
use kube_validate::ObjectId;
use yaml_spans::{Node, Path};

/// A kind that makes Pods, and where their template is.
struct Workload {
    group: &'static str,
    kind: &'static str,
    template: &'static [&'static str],
    /// Whether running Pods are replaced when the template changes.
    rolls: bool,
}

/// Source: the kinds' types (`apps/v1`, `batch/v1`), and the workloads' documentation
/// (<https://kubernetes.io/docs/concepts/workloads/controllers/>).
const WORKLOADS: [Workload; 6] = [
    Workload { group: "apps", kind: "Deployment", template: &["spec", "template"], rolls: true },
    Workload { group: "apps", kind: "StatefulSet", template: &["spec", "template"], rolls: true },
    Workload { group: "apps", kind: "DaemonSet", template: &["spec", "template"], rolls: true },
    Workload { group: "apps", kind: "ReplicaSet", template: &["spec", "template"], rolls: false },
    Workload { group: "batch", kind: "Job", template: &["spec", "template"], rolls: false },
    Workload {
        group: "batch",
        kind: "CronJob",
        template: &["spec", "jobTemplate", "spec", "template"],
        rolls: false,
    },
];

fn workload(group: &str, kind: &str) -> Option<&'static Workload> {
    WORKLOADS.iter().find(|known| known.kind == kind && known.group == group)
}

/// The path of the list of containers in objects of a kind that makes Pods.
pub(crate) fn containers_path(group: &str, kind: &str) -> Option<Path> {
    let keys = workload(group, kind)?.template.iter().chain(&["spec", "containers"]);
    Some(keys.fold(Path::root(), |path, key| path.key(*key)))
}

/// The specification of the Pods of an object of a kind; of a Pod, its own.
pub(crate) fn pod_spec_of<'a>(group: &str, kind: &str, node: &'a Node) -> Option<&'a Node> {
    match (group, kind) {
        ("", "Pod") => node.get("spec"),
        _ => at(node, workload(group, kind)?.template)?.get("spec"),
    }
}

/// The template whose change replaces running Pods; none for kinds that don't.
pub(crate) fn rolls_on(id: &ObjectId) -> Option<&'static [&'static str]> {
    workload(&id.group, &id.kind).filter(|known| known.rolls).map(|known| known.template)
}

/// The template of an object's Pods, or the object itself if it is a Pod.
pub(crate) fn template(object: &Object) -> Option<&Node> {
    if object.is("", "Pod") {
        return Some(&object.node);
    }
    object.at(workload(&object.id.group, &object.id.kind)?.template)
}

/// The specification of an object's Pods.
pub(crate) fn pod_spec(object: &Object) -> Option<&Node> {
    template(object)?.get("spec")
}

/// The containers of an object's Pods, those that run first included.
pub(crate) fn containers(object: &Object) -> impl Iterator<Item = &Node> {
    let lists = ["initContainers", "containers"];
    let spec = pod_spec(object);
    lists
        .into_iter()
        .flat_map(move |list| spec.map(|spec| items(spec, &[list])).unwrap_or_default())
}

/// The replicas that are asked for; Kubernetes' default is 1.
pub(crate) fn replicas(object: &Object) -> i64 {
    object.at(&["spec", "replicas"]).and_then(Node::as_int).unwrap_or(1)
}

/// A variable of a container that is written as a plain value.
pub(crate) fn env<'a>(container: &'a Node, name: &str) -> Option<&'a str> {
    items(container, &["env"])
        .iter()
        .find(|variable| variable.get("name").and_then(Node::as_str) == Some(name))
        .and_then(|variable| at(variable, &["value"])?.as_str())
}

/// The path of the Pods' specification in objects of a kind that makes Pods.
pub(crate) fn pod_spec_path(group: &str, kind: &str) -> Option<Path> {
    let workload = WORKLOADS.iter().find(|known| known.group == group && known.kind == kind)?;
    let keys = workload.template.iter().chain(&["spec"]);
    Some(keys.fold(Path::root(), |path, key| path.key(*key)))
}
