//! Workloads: the place of their Pod template by kind, and its contents.

use std::collections::BTreeMap;

use super::object::{Object, items_at, node_at};
use kube_validate::ObjectId;
use yaml_spans::{Node, Path};

/// A kind that makes Pods, and the place of their template.
struct Workload {
    group: &'static str,
    kind: &'static str,
    /// The keys of the Pod template; a Pod is its own.
    template: &'static [&'static str],
    /// Running Pods are replaced when the template changes.
    rolls: bool,
    /// The kind has a scale subresource, which sets `spec.replicas`.
    scales: bool,
}

/// Source: the kinds' types (`v1`, `apps/v1`, `batch/v1`), the workloads' documentation
/// (<https://kubernetes.io/docs/concepts/workloads/controllers/>), and the CustomResourceDefinitions of
/// Argo Rollouts 1.8 and LeaderWorkerSet 0.7. A LeaderWorkerSet's leader may have a template of its own,
/// which is not read.
const WORKLOADS: [Workload; 10] = [
    unscaled("", "Pod", &[]),
    scaled("", "ReplicationController", TEMPLATE, false),
    scaled("apps", "Deployment", TEMPLATE, true),
    scaled("apps", "StatefulSet", TEMPLATE, true),
    Workload { rolls: true, ..unscaled("apps", "DaemonSet", TEMPLATE) },
    scaled("apps", "ReplicaSet", TEMPLATE, false),
    unscaled("batch", "Job", TEMPLATE),
    unscaled("batch", "CronJob", &["spec", "jobTemplate", "spec", "template"]),
    scaled("argoproj.io", "Rollout", TEMPLATE, true),
    scaled(
        "leaderworkerset.x-k8s.io",
        "LeaderWorkerSet",
        &["spec", "leaderWorkerTemplate", "workerTemplate"],
        true,
    ),
];

/// The kinds that scale a workload or restart its Pods, and the keys of their reference.
const SCALERS: [(&str, &str, &str); 3] = [
    ("autoscaling", "HorizontalPodAutoscaler", "scaleTargetRef"),
    ("keda.sh", "ScaledObject", "scaleTargetRef"),
    ("autoscaling.k8s.io", "VerticalPodAutoscaler", "targetRef"),
];

/// The workload that an autoscaler scales or restarts; none for other objects.
pub fn scaled_target(object: &Object) -> Option<ObjectId> {
    let (_, _, key) = SCALERS.iter().find(|(group, kind, _)| object.is_kind(group, kind))?;
    // KEDA's defaults are a Deployment and `apps/v1`.
    let api_version = object.text_at(&["spec", key, "apiVersion"]).unwrap_or("apps/v1");
    Some(ObjectId {
        namespace: object.id.namespace.clone(),
        kind: object.text_at(&["spec", key, "kind"]).unwrap_or("Deployment").to_owned(),
        name: object.text_at(&["spec", key, "name"])?.to_owned(),
        group: kube_validate::group(api_version).to_owned(),
    })
}

/// The place of the Pod template in most kinds.
const TEMPLATE: &[&str] = &["spec", "template"];

const fn scaled(
    group: &'static str,
    kind: &'static str,
    template: &'static [&'static str],
    rolls: bool,
) -> Workload {
    Workload { group, kind, template, rolls, scales: true }
}

/// A kind without a scale that replaces no Pods.
const fn unscaled(
    group: &'static str,
    kind: &'static str,
    template: &'static [&'static str],
) -> Workload {
    Workload { group, kind, template, rolls: false, scales: false }
}

/// The lists of containers in a Pod's specification, in the order in which they start.
pub(crate) const CONTAINER_LISTS: [&str; 2] = ["initContainers", "containers"];

fn find_workload(group: &str, kind: &str) -> Option<&'static Workload> {
    WORKLOADS.iter().find(|known| known.group == group && known.kind == kind)
}

/// Returns true for a known kind with a scale subresource.
pub(crate) fn has_scale(group: &str, kind: &str) -> bool {
    find_workload(group, kind).is_some_and(|known| known.scales)
}

/// The template whose change replaces running Pods; `None` for kinds that replace none.
pub(crate) fn rolls_on(id: &ObjectId) -> Option<&'static [&'static str]> {
    find_workload(&id.group, &id.kind).filter(|known| known.rolls).map(|known| known.template)
}

/// The keys of an object's Pod template; none for a Pod.
pub(crate) fn template_keys(id: &ObjectId) -> Option<&'static [&'static str]> {
    find_workload(&id.group, &id.kind).map(|known| known.template)
}

/// The path of an object's Pod template, which is the root for a Pod.
pub(crate) fn template_path(id: &ObjectId) -> Option<Path> {
    template_path_of(&id.group, &id.kind)
}

fn template_path_of(group: &str, kind: &str) -> Option<Path> {
    let keys = find_workload(group, kind)?.template;
    Some(Path::of_keys(keys.iter().copied()))
}

/// The template of an object's Pods, or the object itself if it is a Pod.
pub(crate) fn template(object: &Object) -> Option<&Node> {
    object.node_at(find_workload(&object.id.group, &object.id.kind)?.template)
}

/// The specification of an object's Pods.
pub(crate) fn pod_spec(object: &Object) -> Option<&Node> {
    pod_spec_of(&object.id.group, &object.id.kind, &object.node)
}

/// The specification of the Pods of an object of a kind; of a Pod, its own.
pub(crate) fn pod_spec_of<'a>(group: &str, kind: &str, node: &'a Node) -> Option<&'a Node> {
    node_at(node, find_workload(group, kind)?.template)?.get("spec")
}

/// The path of the Pods' specification in objects of a kind that makes Pods.
fn pod_spec_path(group: &str, kind: &str) -> Option<Path> {
    Some(template_path_of(group, kind)?.key("spec"))
}

/// The path of the list of containers in objects of a kind that makes Pods.
pub(crate) fn containers_path(group: &str, kind: &str) -> Option<Path> {
    Some(pod_spec_path(group, kind)?.key("containers"))
}

/// The containers of an object's Pods, init containers first.
pub(crate) fn containers(object: &Object) -> impl Iterator<Item = &Node> {
    located_containers(object).map(|(_, container)| container)
}

/// The containers of an object's Pods with their paths, init containers first.
pub(crate) fn located_containers(object: &Object) -> impl Iterator<Item = (Path, &Node)> {
    located_containers_of(&object.id.group, &object.id.kind, &object.node)
}

/// The containers of the Pods of an object of a kind, with their paths, init containers first.
pub(crate) fn located_containers_of<'a>(
    group: &str,
    kind: &str,
    node: &'a Node,
) -> impl Iterator<Item = (Path, &'a Node)> + use<'a> {
    let pod = pod_spec_path(group, kind).zip(pod_spec_of(group, kind, node));
    pod.into_iter().flat_map(|(path, spec)| {
        CONTAINER_LISTS.into_iter().flat_map(move |list| {
            let path = path.key(list);
            items_at(spec, &[list])
                .iter()
                .enumerate()
                .map(move |(index, container)| (path.index(index), container))
        })
    })
}

/// The desired replicas; Kubernetes' default is 1.
pub(crate) fn replicas(object: &Object) -> i64 {
    object.node_at(&["spec", "replicas"]).and_then(Node::as_int).unwrap_or(1)
}

/// The variables of a container, by name; of two with one name the first.
pub(crate) fn variables(container: &Node) -> BTreeMap<&str, &Node> {
    let named = items_at(container, &["env"])
        .iter()
        .filter_map(|variable| Some((variable.get("name")?.as_str()?, variable)));
    // In reverse, since the last of equal keys stays.
    named.rev().collect()
}

/// The text of a variable that is written as a plain value.
pub(crate) fn plain_value(variable: &Node) -> Option<&str> {
    variable.get("value")?.as_str()
}
