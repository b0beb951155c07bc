//! The objects of the cluster that a status is made from.

use kube_validate::ObjectId;
use yaml_spans::Node;
use yaml_spans::diagnostic::Diagnostic;

use crate::model::object::{Object, items_at};

/// The resources that a status reads, besides the target's own.
pub(super) const RESOURCES: [&str; 4] = ["cronjobs.batch", "jobs.batch", "pods", "events"];

/// The objects that were read, and those that could not be.
#[derive(Debug, Default)]
pub struct LiveObjects {
    objects: Vec<Object>,
    /// A sentence for each resource that could not be read.
    pub(super) unseen: Vec<String>,
}

impl LiveObjects {
    /// Adds the objects of a JSON text: a list, as `kubectl get -o json` prints it, or one object.
    /// `name` is the text's name in messages.
    ///
    /// # Errors
    /// The text is not JSON, or holds no object.
    pub fn add_json(&mut self, text: &[u8], name: &str) -> Result<(), Box<Diagnostic>> {
        let node: Node = serde_json::from_slice(text).map_err(|error| {
            Box::new(Diagnostic::new(format!("invalid JSON in `{name}`: {error}")))
        })?;
        let kind = node.get("kind").and_then(Node::as_str).unwrap_or_default();
        if kind.ends_with("List") && node.get("items").is_some() {
            let items = items_at(&node, &["items"]).to_vec();
            self.objects.extend(items.into_iter().filter_map(|item| read_object(item, name)));
            return Ok(());
        }
        let found = format!(
            "invalid state in `{name}`: expected a list of objects, as printed by `kubectl get -o json`"
        );
        let object = read_object(node, name).ok_or_else(|| Box::new(Diagnostic::new(found)))?;
        self.objects.push(object);
        Ok(())
    }

    /// The objects of a kind in a namespace.
    pub(super) fn of_kind<'a>(
        &'a self,
        group: &'a str,
        kind: &'a str,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a Object> {
        self.objects.iter().filter(move |object| {
            object.is_kind(group, kind) && object.id.namespace.as_deref() == Some(namespace)
        })
    }

    /// The events of a namespace, of either API group.
    pub(super) fn events<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Object> {
        self.of_kind("", "Event", namespace).chain(self.of_kind(
            "events.k8s.io",
            "Event",
            namespace,
        ))
    }

    /// An object by its identity.
    pub(super) fn find(&self, id: &ObjectId) -> Option<&Object> {
        self.objects.iter().find(|object| object.id == *id)
    }
}

fn read_object(node: Node, name: &str) -> Option<Object> {
    Object::read(node, name).ok()
}
