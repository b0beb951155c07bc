//! The keys that identify the items of a list.
//!
//! They are those that Kubernetes merges lists by: `patchMergeKey` and `listMapKey` in its API types
//! (`staging/src/k8s.io/api/*/*/types.go`; the API reference prints them as "Patch strategy: merge on
//! key"). Kubernetes replaces some lists as a whole, and custom resources have no such keys: there a
//! key that people recognise the items by makes the diff readable. Those rows say so.

use std::collections::BTreeSet;

use super::fields::is_scalar;
use crate::model::object::{node_at, scalar_text};
use yaml_spans::Node;

/// A list by the name of its field, and the keys of its items. Every item must have the first key. If
/// a field has several rows, the first that fits applies.
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
    // Kubernetes merges ports by number and protocol; a name survives a change of the number.
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
    // Kubernetes replaces these as a whole.
    keyed("tolerations", &[&["key"], &["operator"], &["effect"]]),
    keyed("readinessGates", &[&["conditionType"]]),
    keyed("volumeClaimTemplates", &[&["metadata", "name"]]),
    keyed("subjects", &[&["kind"], &["namespace"], &["name"]]),
    keyed("httpHeaders", &[&["name"]]),
    keyed("sysctls", &[&["name"]]),
    // Kyverno's; a Role's rules have no name, so this row does not fit them.
    keyed("rules", &[&["name"]]),
    // In values files.
    keyed("clients", &[&["name"]]),
];

/// Lists of scalars whose order does not matter.
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

/// The way in which the items of a list are matched.
pub(super) enum Items {
    /// By their keys.
    Keyed(&'static [&'static [&'static str]]),
    /// By their value: scalars whose order does not matter.
    Set,
    /// By their index.
    Sequence,
}

/// Returns the way in which the items of a field's list are matched.
pub(super) fn items_of(field: &str, before: &[Node], after: &[Node]) -> Items {
    let row = KEYED
        .iter()
        .filter(|row| row.field == field)
        .find(|row| have_unique_keys(before, row.keys) && have_unique_keys(after, row.keys));
    if let Some(row) = row {
        return Items::Keyed(row.keys);
    }
    if SETS.contains(&field) && before.iter().chain(after).all(is_scalar) {
        return Items::Set;
    }
    Items::Sequence
}

/// Returns true if Kubernetes acts on the order of the field's list: init containers start in it.
pub(super) fn order_matters(field: &str) -> bool {
    field == "initContainers"
}

/// Returns true if every item has the first key, and no two items have the same keys.
fn have_unique_keys(items: &[Node], keys: &[&[&str]]) -> bool {
    let mut seen = BTreeSet::new();
    items.iter().all(|item| {
        keys.first().is_some_and(|first| node_at(item, first).is_some())
            && seen.insert(item_key(item, keys))
    })
}

/// The item's keys in one text: `8020/TCP`.
pub(super) fn item_key(item: &Node, keys: &[&[&str]]) -> String {
    let parts = keys.iter().filter_map(|key| node_at(item, key)).map(scalar_text);
    parts.collect::<Vec<_>>().join("/")
}
