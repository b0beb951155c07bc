//! The masking of a Secret's data, so that no report can show it.

use super::fields::{Difference, FieldChange, starts_with};
use kube_validate::ObjectId;
use yaml_spans::{Node, Path, Segment, Value};

/// The placeholder of a masked value.
const MASK: &str = "(masked)";
/// The placeholder of a masked value that differs from the one before.
const OTHER: &str = "(masked, another value)";

/// The annotation in which `kubectl apply` keeps the whole object, its data included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The fields that are masked.
const MASKED: [&[&str]; 3] =
    [&["data"], &["stringData"], &["metadata", "annotations", LAST_APPLIED]];

/// The objects in an object that are masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Masked {
    /// None.
    Nothing,
    /// The object itself.
    Itself,
    /// Each of its `items`. In a `List` they are masked whatever they are, since the change of one field
    /// does not show the kind of its item.
    Items,
}

impl Masked {
    /// The masking of an object. A Secret is one whichever API group defines the kind.
    pub(super) fn of(id: &ObjectId) -> Self {
        match id.kind.as_str() {
            "Secret" => Masked::Itself,
            "List" | "SecretList" => Masked::Items,
            _ => Masked::Nothing,
        }
    }

    /// Masks the values in a change of the object.
    pub(super) fn mask(self, field: &mut FieldChange) {
        let FieldChange { path, change, .. } = field;
        match change {
            Difference::Added(node) | Difference::Removed(node) => self.mask_at(path, node, MASK),
            Difference::Changed(before, after) => {
                self.mask_at(path, before, MASK);
                self.mask_at(path, after, OTHER);
            }
            Difference::Reordered(before, after) => {
                let is_masked = match (self, path.segments()) {
                    (Masked::Nothing, _) => false,
                    (Masked::Items, [_, _, rest @ ..]) => {
                        is_masked(&rest.iter().cloned().collect())
                    }
                    (Masked::Items, _) => true,
                    (Masked::Itself, _) => is_masked(path),
                };
                if is_masked {
                    before.clear();
                    after.clear();
                }
            }
        }
    }

    fn mask_at(self, path: &Path, node: &mut Node, placeholder: &str) {
        match (self, path.segments()) {
            (Masked::Nothing, _) => {}
            (Masked::Itself, _) => mask_node(path, node, placeholder),
            (Masked::Items, []) => {
                if let Some(items) = node_at_mut(node, &["items"]) {
                    mask_items(items, placeholder);
                }
            }
            (Masked::Items, [Segment::Key(key)]) if key == "items" => mask_items(node, placeholder),
            (Masked::Items, [Segment::Key(key), _, rest @ ..]) if key == "items" => {
                mask_node(&rest.iter().cloned().collect(), node, placeholder);
            }
            (Masked::Items, _) => {}
        }
    }
}

fn mask_items(items: &mut Node, placeholder: &str) {
    if let Value::Sequence(items) = &mut items.value {
        items.iter_mut().for_each(|item| mask_node(&Path::root(), item, placeholder));
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
