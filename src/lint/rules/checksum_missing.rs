//! Configuration whose change restarts no Pod.

use std::collections::BTreeSet;

use oci_scratch::Digest;

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::model::object::{items_at, node_at};
use crate::model::{Message, Object, Severity, workload};
use yaml_spans::Node;

pub(super) const RULE: Rule = Rule {
    id: "checksum-missing",
    severity: Severity::Warning,
    summary: "Pods read a ConfigMap of the stack by `subPath` or as variables, and their template has no checksum of it",
    rationale: "Such Pods keep the data that they started with: a change of the ConfigMap has no effect until something else restarts them.",
    fix: "Add an annotation with the SHA-256 of the data to the Pod template: `checksum/config: {{ … | sha256 }}`.",
    source: "https://kubernetes.io/docs/concepts/configuration/configmap/#mounted-configmaps-are-updated-automatically",
    check: Check::Stack(checksum_missing),
};

fn checksum_missing(context: &RuleContext<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    // Kinds that replace no Pods, such as a CronJob, start new ones anyway.
    for object in context.objects.iter().filter(|object| workload::rolls_on(&object.id).is_some()) {
        let (Some(path), Some(template), Some(spec)) = (
            workload::template_path(&object.id),
            workload::template(object),
            workload::pod_spec(object),
        ) else {
            continue;
        };
        let annotations =
            node_at(template, &["metadata", "annotations"]).and_then(Node::as_mapping);
        let checksums: BTreeSet<&str> = annotations
            .into_iter()
            .flatten()
            .filter_map(|(_, entry)| entry.node.as_str())
            .collect();
        for name in maps_read_at_start(spec) {
            let namespace = object.id.namespace.as_deref();
            let Some(map) = context.objects.find("", "ConfigMap", namespace, name) else {
                continue;
            };
            if !value_digests(map).any(|digest| checksums.contains(digest.as_str())) {
                let message = Message::of("A change of ConfigMap ")
                    .code(name)
                    .and(" restarts none of its Pods");
                let field = path.key("metadata").key("annotations");
                violations.push(Violation::at_field(object, field, message));
            }
        }
    }
    violations
}

/// The SHA-256 of each value in hexadecimal.
fn value_digests(map: &Object) -> impl Iterator<Item = String> {
    let data = map.node_at(&["data"]).and_then(Node::as_mapping);
    let values = data.into_iter().flatten().filter_map(|(_, entry)| entry.node.as_str());
    values.map(|value| Digest::of(value.as_bytes()).hex().to_owned())
}

/// The ConfigMaps that a Pod reads only when it starts.
fn maps_read_at_start(spec: &Node) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let volumes = items_at(spec, &["volumes"]);
    for container in workload::CONTAINER_LISTS.iter().flat_map(|list| items_at(spec, &[list])) {
        for mount in items_at(container, &["volumeMounts"]) {
            if mount.get("subPath").is_some() || mount.get("subPathExpr").is_some() {
                names.extend(mounted_map(volumes, mount));
            }
        }
        for source in items_at(container, &["envFrom"]) {
            names.extend(node_at(source, &["configMapRef", "name"]).and_then(Node::as_str));
        }
        for variable in items_at(container, &["env"]) {
            let name = node_at(variable, &["valueFrom", "configMapKeyRef", "name"]);
            names.extend(name.and_then(Node::as_str));
        }
    }
    names
}

/// The ConfigMap behind a volume mount.
fn mounted_map<'a>(volumes: &'a [Node], mount: &Node) -> Option<&'a str> {
    let name = mount.get("name")?.as_str();
    let volume = volumes.iter().find(|volume| volume.get("name").and_then(Node::as_str) == name)?;
    node_at(volume, &["configMap", "name"])?.as_str()
}
