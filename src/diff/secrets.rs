//! A Secret's data never leaves the comparison: the one place that masks it.

use super::fields::{Change, FieldChange, starts_with};
use kube_validate::ObjectId;
use yaml_spans::{Node, Value};

/// Stands for a value that is not shown.
const MASK: &str = "(masked)";
/// Stands for a value that is not shown and is not the one before.
const OTHER: &str = "(masked, another value)";

/// What `kubectl apply` leaves behind: the whole object, its data included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The fields that are masked.
const MASKED: [&[&str]; 3] =
    [&["data"], &["stringData"], &["metadata", "annotations", LAST_APPLIED]];

/// Whether the object is a Secret, of Kubernetes or of a group that calls its own so.
pub(super) fn is_secret(id: &ObjectId) -> bool {
    id.kind == "Secret"
}

/// Masks what a change of a Secret shows.
pub(super) fn mask(field: &mut FieldChange) {
    let path = field.path.clone();
    let within = MASKED.iter().any(|keys| starts_with(&path, keys));
    let cover = |node: &mut Node, text: &str| {
        if within {
            mask_all(node, text);
            return;
        }
        // The change holds what is to be masked: an object that is new or gone, or its metadata.
        let segments = path.segments().len();
        for keys in MASKED.iter().filter(|keys| keys.len() > segments) {
            if starts_with(&path, &keys[..segments])
                && let Some(inner) = at_mut(node, &keys[segments..])
            {
                mask_all(inner, text);
            }
        }
    };
    match &mut field.change {
        Change::Added(node) | Change::Removed(node) => cover(node, MASK),
        Change::Changed(before, after) => {
            cover(before, MASK);
            cover(after, OTHER);
        }
        Change::Reordered(before, after) if within => {
            before.clear();
            after.clear();
        }
        Change::Reordered(..) => {}
    }
}

fn mask_all(node: &mut Node, text: &str) {
    match &mut node.value {
        Value::Mapping(map) => map.values_mut().for_each(|entry| mask_all(&mut entry.node, text)),
        Value::Null => {}
        value => *value = Value::String(text.to_owned()),
    }
}

fn at_mut<'a>(node: &'a mut Node, keys: &[&str]) -> Option<&'a mut Node> {
    keys.iter().try_fold(node, |node, key| match &mut node.value {
        Value::Mapping(map) => map.get_mut(*key).map(|entry| &mut entry.node),
        _ => None,
    })
}
