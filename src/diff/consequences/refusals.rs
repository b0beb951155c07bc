//! Changes that the API server refuses because of more than the changed field: of what it filled in itself, or of
//! another field.

use super::allowed_changes::needs_health_check;
use super::definitions;
use super::immutable::CORE;
use crate::model::Message;
use crate::model::object::{Object, items_at, strings_at};
use crate::model::workload::pod_spec;
use yaml_spans::Node;

/// The reasons why the API server refuses an object's change.
pub(super) fn find_refusals(before: &Object, after: &Object) -> impl Iterator<Item = Message> {
    CHECKS
        .iter()
        .filter(|check| before.is_kind(check.group, check.kind))
        .filter_map(|check| (check.refusal)(before, after))
}

/// A refusal that follows from more than the changed field, of objects of one kind.
struct Check {
    group: &'static str,
    kind: &'static str,
    refusal: fn(&Object, &Object) -> Option<Message>,
}

const CHECKS: [Check; 12] = [
    Check { group: "apps", kind: "Deployment", refusal: second_volume_source },
    Check { group: "apps", kind: "StatefulSet", refusal: second_volume_source },
    Check { group: "apps", kind: "DaemonSet", refusal: second_volume_source },
    Check { group: "apps", kind: "ReplicaSet", refusal: second_volume_source },
    Check { group: CORE, kind: "Service", refusal: no_ports },
    Check { group: CORE, kind: "Service", refusal: new_cluster_ip },
    Check { group: CORE, kind: "Service", refusal: new_health_check_port },
    Check { group: CORE, kind: "PersistentVolumeClaim", refusal: changed_class_annotation },
    Check { group: CORE, kind: "Node", refusal: changed_pod_ranges },
    Check { group: "batch", kind: "Job", refusal: new_job_selector },
    Check { group: "networking.k8s.io", kind: "ServiceCIDR", refusal: changed_service_ranges },
    Check { group: definitions::GROUP, kind: definitions::KIND, refusal: dropped_stored_version },
];

/// Returns true for a Service that is a name for another host.
fn is_external(service: &Object) -> bool {
    service.text_at(&["spec", "type"]) == Some("ExternalName")
}

/// Returns true for a Service without an address of its own.
fn is_headless(service: &Object) -> bool {
    service.text_at(&["spec", "clusterIP"]) == Some("None")
}

fn has_ports(service: &Object) -> bool {
    !items_at(&service.node, &["spec", "ports"]).is_empty()
}

/// The API server chose an address when it created the Service (`validateUpgradeDowngradeClusterIPs`).
fn new_cluster_ip(before: &Object, after: &Object) -> Option<Message> {
    const IP: [&str; 2] = ["spec", "clusterIP"];
    let ip = after.text_at(&IP).filter(|ip| !ip.is_empty())?;
    let was_set = before.text_at(&IP).is_some_and(|ip| !ip.is_empty());
    if was_set || is_external(before) || is_external(after) {
        return None;
    }
    let message = Message::of("The API server will refuse to set `spec.clusterIP` to ").code(ip);
    Some(message.and(match ip {
        "None" => ", since the Service has an address: it must be deleted and created again",
        _ => ", unless that is the address that it chose: the Service must be deleted and created again",
    }))
}

fn volumes(object: &Object) -> &[Node] {
    pod_spec(object).map(|spec| items_at(spec, &["volumes"])).unwrap_or_default()
}

fn volume_sources(volume: &Node) -> impl Iterator<Item = &str> {
    let keys = volume.as_mapping().into_iter().flat_map(|map| map.keys());
    keys.map(String::as_str).filter(|key| *key != "name")
}

/// A volume without a source gets `emptyDir` (`SetDefaults_Volume`), which a server-side apply keeps beside another one
/// (`validateVolumeSource`).
fn second_volume_source(before: &Object, after: &Object) -> Option<Message> {
    let (before, after) = (volumes(before), volumes(after));
    let (volume, source) = after.iter().find_map(|volume| {
        let name = volume.get("name")?.as_str()?;
        let old = before.iter().find(|old| old.get("name").and_then(Node::as_str) == Some(name))?;
        let new = volume_sources(volume).find(|source| *source != "emptyDir")?;
        volume_sources(old).next().is_none().then_some((name, new))
    })?;
    let message = Message::of("The API server filled in `emptyDir` for the volume ").code(volume);
    Some(
        message.and(", which a server-side apply (Flux) keeps beside ").code(source).and(
            " and therefore refuses; a client-side apply drops it. Give the volume another name",
        ),
    )
}

/// A Service without ports, unless it is headless or a name for another host (`ValidateService`).
fn no_ports(before: &Object, after: &Object) -> Option<Message> {
    let was_valid = has_ports(before) || is_external(before);
    // The address `None` stays if it is omitted.
    let needs_ports = !is_external(after) && !is_headless(before) && !is_headless(after);
    (was_valid && needs_ports && !has_ports(after))
        .then(|| Message::of("The API server will refuse a Service without `spec.ports`"))
}

/// The API server chose a port when the Service began to need one (`validateServiceExternalTrafficFieldsUpdate`).
fn new_health_check_port(before: &Object, after: &Object) -> Option<Message> {
    const PORT: [&str; 2] = ["spec", "healthCheckNodePort"];
    let port = after.whole_at(&PORT).filter(|port| *port != 0)?;
    if before.whole_at(&PORT).is_some_and(|port| port != 0) {
        return None;
    }
    let is_kept = needs_health_check(before) && needs_health_check(after);
    is_kept.then(|| {
        Message::of("The API server will refuse to set `spec.healthCheckNodePort` to ")
            .code(port.to_string())
            .and(", unless that is the port that it chose: the Service must be deleted and created again")
    })
}

/// The annotation that named a claim's class before the field did (`ValidatePersistentVolumeClaimUpdate`). It may
/// only be replaced by the field.
fn changed_class_annotation(before: &Object, after: &Object) -> Option<Message> {
    const CLASS: [&str; 2] = ["spec", "storageClassName"];
    const ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";
    let old = before.annotation(ANNOTATION).unwrap_or_default();
    let new = after.annotation(ANNOTATION).unwrap_or_default();
    let is_replaced =
        new.is_empty() && before.text_at(&CLASS).is_none() && after.text_at(&CLASS) == Some(old);
    (old != new && !is_replaced).then(|| {
        Message::of("The API server will refuse to change the annotation ").code(ANNOTATION).and(
            " of the claim: remove it together with setting `spec.storageClassName` to its value",
        )
    })
}

/// The ranges of a Node's Pods: `podCIDR` is the first of `podCIDRs`.
fn pod_ranges(node: &Object) -> Vec<&str> {
    let ranges = strings_at(&node.node, &["spec", "podCIDRs"]);
    match node.text_at(&["spec", "podCIDR"]).filter(|first| !first.is_empty()) {
        Some(first) if ranges.first() != Some(&first) => vec![first],
        _ => ranges,
    }
}

/// A Node keeps the ranges that it got once (`ValidateNodeUpdate`).
fn changed_pod_ranges(before: &Object, after: &Object) -> Option<Message> {
    let (old, new) = (pod_ranges(before), pod_ranges(after));
    (!old.is_empty() && old != new).then(|| {
        Message::of("The API server will refuse to change `spec.podCIDRs` from ")
            .codes(old, 2)
            .and(": the Node must be deleted and created again")
    })
}

/// The API server generated a selector when it created the Job (`ValidateJobSpecUpdate`).
fn new_job_selector(before: &Object, after: &Object) -> Option<Message> {
    const SELECTOR: [&str; 2] = ["spec", "selector"];
    let is_new = before.node_at(&SELECTOR).is_none() && after.node_at(&SELECTOR).is_some();
    is_new.then(|| {
        Message::of("The API server will refuse to set `spec.selector`, unless it is the one that it generated: the Job must be deleted and created again")
    })
}

/// A second range may be added; the first stays (`ValidateServiceCIDRUpdate`).
fn changed_service_ranges(before: &Object, after: &Object) -> Option<Message> {
    const RANGES: [&str; 2] = ["spec", "cidrs"];
    let (old, new) = (strings_at(&before.node, &RANGES), strings_at(&after.node, &RANGES));
    let is_extended = old.len() == 1 && new.len() == 2 && new[0] == old[0];
    (old != new && !is_extended).then(|| {
        Message::of("The API server will refuse to change `spec.cidrs`, except to add a range of the other IP family: the ServiceCIDR must be deleted and created again")
    })
}

/// `status.storedVersions` still names the version (`validateCustomResourceDefinitionVersionsUpdate`).
fn dropped_stored_version(before: &Object, after: &Object) -> Option<Message> {
    let stored = definitions::stored_version(before)?;
    let kept = items_at(&after.node, &["spec", "versions"])
        .iter()
        .any(|version| version.get("name").and_then(Node::as_str) == Some(stored));
    (!kept).then(|| {
        Message::of("The API server will refuse to drop the version ").code(stored).and(
            ", which objects are stored in: store them in another version and remove it from `status.storedVersions` first",
        )
    })
}
