//! Objects by identity, wherever their files lie.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use kube_validate::{MissingField, ObjectId};
use yaml_spans::{Node, Value};

/// An object and the file that holds it.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its identity.
    pub id: ObjectId,
    /// Its data.
    pub node: Node,
    /// Its file, relative to the folder of rendered files.
    pub file: String,
}

/// An error in a set of documents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// A document has no `apiVersion`, `kind` or `metadata.name`.
    #[error("invalid object in `{file}`: {missing}")]
    NoObject {
        /// The file.
        file: String,
        /// The field.
        missing: MissingField,
    },
    /// Two documents have one identity.
    #[error("`{id}` is in `{first}` and in `{second}`")]
    Twice {
        /// The identity.
        id: Box<ObjectId>,
        /// One file.
        first: String,
        /// The other file.
        second: String,
    },
}

impl Object {
    /// Reads a document as an object.
    pub fn read(node: Node, file: &str) -> Result<Self, ObjectError> {
        let id = ObjectId::read(&node)
            .map_err(|missing| ObjectError::NoObject { file: file.to_owned(), missing })?;
        Ok(Object { id, node, file: file.to_owned() })
    }

    /// Returns true for a kind: `is_kind("apps", "Deployment")`.
    pub fn is_kind(&self, group: &str, kind: &str) -> bool {
        self.id.kind == kind && self.id.group == group
    }

    /// The value under some keys.
    pub fn node_at(&self, keys: &[&str]) -> Option<&Node> {
        node_at(&self.node, keys)
    }

    /// The string under some keys.
    pub fn text_at(&self, keys: &[&str]) -> Option<&str> {
        self.node_at(keys)?.as_str()
    }

    /// The whole number under some keys.
    pub fn whole_at(&self, keys: &[&str]) -> Option<i64> {
        match self.node_at(keys)?.value {
            Value::Int(number) => Some(number),
            _ => None,
        }
    }

    /// An annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.text_at(&["metadata", "annotations", key])
    }
}

/// The value under some keys of nested maps.
pub(crate) fn node_at<'a>(node: &'a Node, keys: &[&str]) -> Option<&'a Node> {
    keys.iter().try_fold(node, |node, key| node.get(key))
}

/// The items of a list under some keys; empty if there is no list.
pub(crate) fn items_at<'a>(node: &'a Node, keys: &[&str]) -> &'a [Node] {
    node_at(node, keys).and_then(Node::as_sequence).unwrap_or_default()
}

/// The strings of a list under some keys.
pub(crate) fn strings_at<'a>(node: &'a Node, keys: &[&str]) -> Vec<&'a str> {
    items_at(node, keys).iter().filter_map(Node::as_str).collect()
}

/// A scalar as a person writes it, without quotes; of a list or a map, the word for it.
pub(crate) fn scalar_text(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Sequence(_) | Value::Mapping(_) => node.kind().to_owned(),
    }
}

/// Objects by identity. Cloning is cheap: objects are shared.
#[derive(Debug, Clone, Default)]
pub struct Objects(BTreeMap<ObjectId, Arc<Object>>);

impl Objects {
    /// Collects objects.
    ///
    /// # Errors
    /// Two of them have one identity.
    pub fn collect(objects: impl IntoIterator<Item = Arc<Object>>) -> Result<Self, ObjectError> {
        let mut all = BTreeMap::new();
        for object in objects {
            match all.entry(object.id.clone()) {
                Entry::Vacant(free) => {
                    free.insert(object);
                }
                Entry::Occupied(taken) => {
                    let first: &Arc<Object> = taken.get();
                    return Err(ObjectError::Twice {
                        id: Box::new(object.id.clone()),
                        first: first.file.clone(),
                        second: object.file.clone(),
                    });
                }
            }
        }
        Ok(Objects(all))
    }

    /// The object with an identity.
    pub fn get(&self, id: &ObjectId) -> Option<&Object> {
        self.0.get(id).map(Arc::as_ref)
    }

    /// All, by identity.
    pub fn iter(&self) -> impl Iterator<Item = &Object> {
        self.0.values().map(Arc::as_ref)
    }

    /// All of one kind.
    pub fn of_kind<'a>(
        &'a self,
        group: &'a str,
        kind: &'a str,
    ) -> impl Iterator<Item = &'a Object> {
        self.iter().filter(move |object| object.is_kind(group, kind))
    }

    /// An object of a kind by its namespace and name.
    pub fn find(
        &self,
        group: &str,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
    ) -> Option<&Object> {
        self.get(&ObjectId {
            namespace: namespace.map(str::to_owned),
            kind: kind.to_owned(),
            name: name.to_owned(),
            group: group.to_owned(),
        })
    }

    /// All identities.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &ObjectId> {
        self.0.keys()
    }

    /// Returns true if both sets share this object, so that it can't differ.
    pub(crate) fn shares(&self, other: &Self, id: &ObjectId) -> bool {
        match (self.0.get(id), other.0.get(id)) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            _ => false,
        }
    }
}
