//! Differences between the live objects of the gate and the rendered ones.
//!
//! Only what is rendered is compared: what the API server adds is not a difference. The target's replicas
//! are the gate's.

use kube_validate::ObjectId;
use yaml_spans::{Node, Path, Value};

use super::live::LiveObjects;
use crate::model::object::{Objects, scalar_text};
use kube_formats::quantity::Quantity;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The object.
    pub object: ObjectId,
    /// The field.
    pub path: String,
    /// The rendered value.
    pub rendered: String,
    /// The live value; `None` if there is no such field.
    pub live: Option<String>,
}

/// The kinds that decide when and how the gate runs, and what it runs for.
const KINDS: [(&str, &str); 4] = [
    ("batch", "CronJob"),
    ("apps", "Deployment"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
];

/// The differences of a stack's objects in the namespace of the gate's target. An object of a kind of which none
/// was read is not missed.
pub(super) fn find(rendered: &Objects, live: &LiveObjects, target: &ObjectId) -> Vec<Drift> {
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let mut drift = Vec::new();
    for (group, kind) in KINDS {
        if live.of_kind(group, kind, namespace).next().is_none() {
            continue;
        }
        for object in rendered.of_kind(group, kind) {
            if object.id.namespace.as_deref() != Some(namespace) {
                continue;
            }
            let mut add = |path: String, rendered: String, live: Option<String>| {
                if object.id == *target && path == "spec.replicas" {
                    return;
                }
                drift.push(Drift { object: object.id.clone(), path, rendered, live });
            };
            match live.find(&object.id) {
                None => add(String::new(), "rendered".to_owned(), None),
                Some(found) => {
                    for key in ["spec", "rules", "subjects", "roleRef"] {
                        if let Some(written) = object.node.get(key) {
                            let path = Path::root().key(key);
                            compare(written, found.node.get(key), &path, &mut add);
                        }
                    }
                }
            }
        }
    }
    drift
}

/// Compares what is rendered with what is live, field by field.
fn compare(
    rendered: &Node,
    live: Option<&Node>,
    path: &Path,
    add: &mut impl FnMut(String, String, Option<String>),
) {
    match (&rendered.value, live.map(|live| &live.value)) {
        (Value::Mapping(entries), Some(Value::Mapping(_))) => {
            for (key, entry) in entries {
                let found = live.and_then(|live| live.get(key));
                compare(&entry.node, found, &path.key(key.as_str()), add);
            }
        }
        (Value::Sequence(items), Some(Value::Sequence(found))) => {
            for (index, item) in items.iter().enumerate() {
                // Items with a name keep it, wherever others were put between them.
                let name = item.get("name").and_then(Node::as_str);
                let by_name = name.and_then(|name| {
                    found.iter().find(|one| one.get("name").and_then(Node::as_str) == Some(name))
                });
                let other = if name.is_some() { by_name } else { found.get(index) };
                compare(item, other, &path.index(index), add);
            }
        }
        // An empty value is what the API server omits.
        (_, None) if is_empty(rendered) => {}
        (written, Some(found)) if are_equal(written, found) => {}
        _ => add(path.to_string(), scalar_text(rendered), live.map(scalar_text)),
    }
}

fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Sequence(items) => items.is_empty(),
        Value::Mapping(entries) => entries.is_empty(),
        _ => false,
    }
}

/// Returns true for equal values, and for equal amounts in other units.
fn are_equal(one: &Value, two: &Value) -> bool {
    let amount = |value: &Value| match value {
        Value::String(text) => Quantity::parse(text),
        Value::Int(number) => Quantity::parse(&number.to_string()),
        _ => None,
    };
    let are_amounts = || amount(one)?.compare(&amount(two)?).is_eq().then_some(());
    one == two || are_amounts().is_some()
}
