//! The masking of a Secret's data, so that no report can show it.

use super::fields::{Difference, FieldChange, starts_with};
use kube_validate::ObjectId;
use yaml_spans::{Node, Path, Value};

/// The placeholder of a masked value.
const MASK: &str = "(masked)";
/// The placeholder of a masked value that differs from the one before.
const OTHER: &str = "(masked, another value)";

/// The annotation in which `kubectl apply` keeps the whole object, its data included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The fields that are masked.
const MASKED: [&[&str]; 3] =
    [&["data"], &["stringData"], &["metadata", "annotations", LAST_APPLIED]];

/// Returns true if the object is a Secret, whichever API group defines the kind.
pub(super) fn is_secret(id: &ObjectId) -> bool {
    id.kind == "Secret"
}

/// Masks the values in a change of a Secret.
pub(super) fn mask(field: &mut FieldChange) {
    let FieldChange { path, change, .. } = field;
    match change {
        Difference::Added(node) | Difference::Removed(node) => mask_node(path, node, MASK),
        Difference::Changed(before, after) => {
            mask_node(path, before, MASK);
            mask_node(path, after, OTHER);
        }
        Difference::Reordered(before, after) if is_masked(path) => {
            before.clear();
            after.clear();
        }
        Difference::Reordered(..) => {}
    }
}

fn is_masked(path: &Path) -> bool {
    MASKED.iter().any(|keys| starts_with(path, keys))
}

/// Masks a changed value: all of it if it is inside a masked field, or the masked fields inside it if
/// it is the whole object or its metadata.
fn mask_node(path: &Path, node: &mut Node, placeholder: &str) {
    if is_masked(path) {
        mask_all(node, placeholder);
        return;
    }
    let depth = path.segments().len();
    for keys in MASKED.iter().filter(|keys| keys.len() > depth) {
        if starts_with(path, &keys[..depth])
            && let Some(inner) = node_at_mut(node, &keys[depth..])
        {
            mask_all(inner, placeholder);
        }
    }
}

fn mask_all(node: &mut Node, text: &str) {
    match &mut node.value {
        Value::Mapping(map) => map.values_mut().for_each(|entry| mask_all(&mut entry.node, text)),
        Value::Null => {}
        value => *value = Value::String(text.to_owned()),
    }
}

fn node_at_mut<'a>(node: &'a mut Node, keys: &[&str]) -> Option<&'a mut Node> {
    keys.iter().try_fold(node, |node, key| match &mut node.value {
        Value::Mapping(map) => map.get_mut(*key).map(|entry| &mut entry.node),
        _ => None,
    })
}
