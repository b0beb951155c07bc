//! Configuration whose change restarts nobody.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::{Look, Rule};
use crate::lint::case::{Case, Site, path, template_path};
use crate::model::object::{at, items};
use crate::model::{Message, Object, Severity, workload};
use yaml_spans::Node;

pub(super) const RULE: Rule = Rule {
    id: "checksum-missing",
    severity: Severity::Warning,
    what: "Pods read a ConfigMap of the stack by `subPath` or as variables, and their template has no checksum of it",
    why: "Such Pods keep what they started with: a change of the ConfigMap reaches nobody until something else restarts them.",
    mend: "An annotation of the Pods' template with the SHA-256 of the data: `checksum/config: {{ … | sha256 }}`.",
    source: "https://kubernetes.io/docs/concepts/configuration/configmap/#mounted-configmaps-are-updated-automatically",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let mut found = Vec::new();
    // A CronJob's Pods are new each time.
    for object in case.objects.iter().filter(|object| workload::rolls_on(&object.id).is_some()) {
        let (Some(template), Some(spec)) = (workload::template(object), workload::pod_spec(object))
        else {
            continue;
        };
        let annotations = at(template, &["metadata", "annotations"]).and_then(Node::as_mapping);
        let sums: BTreeSet<&str> = annotations
            .into_iter()
            .flatten()
            .filter_map(|(_, entry)| entry.node.as_str())
            .collect();
        for name in frozen(spec) {
            let namespace = object.id.namespace.as_deref();
            let Some(map) = case.objects.find("", "ConfigMap", namespace, name) else { continue };
            if !digests(map).any(|digest| sums.contains(digest.as_str())) {
                let words =
                    Message::of("A change of ConfigMap ").code(name).and(" restarts no Pod of it");
                let field = template_path(object).join(&path(&["metadata", "annotations"]));
                found.push(Site::field(object, field, words));
            }
        }
    }
    found
}

/// The SHA-256 of each value, in hexadecimal.
fn digests(map: &Object) -> impl Iterator<Item = String> {
    let data = map.at(&["data"]).and_then(Node::as_mapping);
    let values = data.into_iter().flatten().filter_map(|(_, entry)| entry.node.as_str());
    values.map(|value| Sha256::digest(value).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The ConfigMaps that a Pod reads once, when it starts.
fn frozen(spec: &Node) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let volumes = items(spec, &["volumes"]);
    let of_volume = |wanted: &str| {
        let volume =
            volumes.iter().find(|v| v.get("name").and_then(Node::as_str) == Some(wanted))?;
        at(volume, &["configMap", "name"])?.as_str()
    };
    let lists = ["initContainers", "containers"].into_iter();
    for container in lists.flat_map(|list| items(spec, &[list])) {
        let mounts = items(container, &["volumeMounts"]).iter();
        let once = mounts
            .filter(|mount| mount.get("subPath").is_some() || mount.get("subPathExpr").is_some());
        names.extend(once.filter_map(|mount| of_volume(mount.get("name")?.as_str()?)));
        let whole = items(container, &["envFrom"]).iter();
        names.extend(whole.filter_map(|from| at(from, &["configMapRef", "name"])?.as_str()));
        let keys = items(container, &["env"]).iter();
        names.extend(
            keys.filter_map(|from| at(from, &["valueFrom", "configMapKeyRef", "name"])?.as_str()),
        );
    }
    names
}
