//! How the items of a list are told apart.
//!
//! The keys are those that Kubernetes merges lists by: `patchMergeKey` and `listMapKey` in its API
//! types (`staging/src/k8s.io/api/*/*/types.go`; the API reference prints them as "Patch strategy:
//! merge on key"). Where a list is replaced as a whole there, or belongs to a custom resource, the
//! key is what people tell its items apart by, for the reader's sake: those rows say so.

use std::collections::BTreeSet;

use crate::model::object::{at, scalar_text};
use yaml_spans::Node;

/// A list by the name of its field, and the keys of its items; the first must be in every item. Of
/// several rows the first that fits counts.
struct Keyed {
    field: &'static str,
    keys: &'static [&'static [&'static str]],
}

const fn keyed(field: &'static str, keys: &'static [&'static [&'static str]]) -> Keyed {
    Keyed { field, keys }
}

const KEYED: &[Keyed] = &[
    keyed("containers", &[&["name"]]),
    keyed("initContainers", &[&["name"]]),
    keyed("ephemeralContainers", &[&["name"]]),
    keyed("env", &[&["name"]]),
    keyed("volumes", &[&["name"]]),
    keyed("volumeMounts", &[&["mountPath"]]),
    keyed("volumeDevices", &[&["devicePath"]]),
    // Kubernetes merges ports by number and protocol; a name outlives a change of number.
    keyed("ports", &[&["name"]]),
    keyed("ports", &[&["containerPort"], &["protocol"]]),
    keyed("ports", &[&["port"], &["protocol"]]),
    keyed("imagePullSecrets", &[&["name"]]),
    keyed("secrets", &[&["name"]]),
    keyed("hostAliases", &[&["ip"]]),
    keyed("topologySpreadConstraints", &[&["topologyKey"], &["whenUnsatisfiable"]]),
    keyed("resourceClaims", &[&["name"]]),
    keyed("schedulingGates", &[&["name"]]),
    keyed("ownerReferences", &[&["uid"]]),
    keyed("webhooks", &[&["name"]]),
    // Replaced as a whole by Kubernetes.
    keyed("tolerations", &[&["key"], &["operator"], &["effect"]]),
    keyed("readinessGates", &[&["conditionType"]]),
    keyed("volumeClaimTemplates", &[&["metadata", "name"]]),
    keyed("subjects", &[&["kind"], &["namespace"], &["name"]]),
    keyed("httpHeaders", &[&["name"]]),
    keyed("sysctls", &[&["name"]]),
    // Kyverno's; a Role's rules have no name, and are not told apart by this row.
    keyed("rules", &[&["name"]]),
    // Of values.
    keyed("clients", &[&["name"]]),
];

/// Lists of scalars in which order means nothing.
const SETS: &[&str] = &[
    "accessModes",
    "add",
    "apiGroups",
    "drop",
    "externalIPs",
    "finalizers",
    "kinds",
    "loadBalancerSourceRanges",
    "namespaces",
    "nonResourceURLs",
    "operations",
    "resourceNames",
    "resources",
    "ruleNames",
    "verbs",
];

/// What the items of a list are.
pub(super) enum Items {
    /// Known by their keys.
    Keyed(&'static [&'static [&'static str]]),
    /// Scalars without order.
    Set,
    /// Known by their place.
    Sequence,
}

/// What the items of a field's list are, the lists of both sides considered.
pub(super) fn items_of(field: &str, before: &[Node], after: &[Node]) -> Items {
    let fits = |row: &&Keyed| {
        row.field == field && [before, after].iter().all(|items| are_told_apart(items, row.keys))
    };
    if let Some(row) = KEYED.iter().find(fits) {
        return Items::Keyed(row.keys);
    }
    let scalar = |item: &Node| item.as_mapping().is_none() && item.as_sequence().is_none();
    if SETS.contains(&field) && before.iter().chain(after).all(scalar) {
        return Items::Set;
    }
    Items::Sequence
}

/// Whether containers start in the order of the list, so that another order is another meaning.
pub(super) fn order_is_meant(field: &str) -> bool {
    field == "initContainers"
}

/// Whether every item has the first key, and no two have all the same.
fn are_told_apart(items: &[Node], keys: &[&[&str]]) -> bool {
    let mut seen = BTreeSet::new();
    items.iter().all(|item| {
        keys.first().is_some_and(|first| at(item, first).is_some())
            && seen.insert(key_of(item, keys))
    })
}

/// What an item is known by; as a person reads it.
pub(super) fn key_of(item: &Node, keys: &[&[&str]]) -> String {
    let parts = keys.iter().filter_map(|key| at(item, key)).map(scalar_text);
    parts.collect::<Vec<_>>().join("/")
}
