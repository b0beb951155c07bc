//! One side of a review: objects by what they are, wherever they lie.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use kube_validate::{ObjectId, group};
use yaml_spans::{Node, Value};

/// An object and the file that holds it.
#[derive(Debug, Clone)]
pub struct Object {
    /// What it is known by.
    pub id: ObjectId,
    /// Its data.
    pub node: Node,
    /// Its file, under the folder of rendered files.
    pub file: String,
}

/// Why a set of documents is no set of objects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// A document has no `apiVersion`, `kind` or `metadata.name`.
    #[error("{file} holds a document without `{missing}`: it is no object")]
    NoObject {
        /// The file.
        file: String,
        /// What is missing.
        missing: &'static str,
    },
    /// Two documents are one object.
    #[error("{id} stands in {first} and in {second}")]
    Twice {
        /// The object.
        id: Box<ObjectId>,
        /// One file.
        first: String,
        /// The other.
        second: String,
    },
}

impl Object {
    /// Reads a document as an object.
    pub fn read(node: Node, file: &str) -> Result<Self, ObjectError> {
        let text = |keys: &[&str]| at(&node, keys).and_then(Node::as_str).map(str::to_owned);
        let missing = |missing| ObjectError::NoObject { file: file.to_owned(), missing };
        let api_version = text(&["apiVersion"]).ok_or_else(|| missing("apiVersion"))?;
        let id = ObjectId {
            namespace: text(&["metadata", "namespace"]),
            kind: text(&["kind"]).ok_or_else(|| missing("kind"))?,
            name: text(&["metadata", "name"]).ok_or_else(|| missing("metadata.name"))?,
            group: group(&api_version).to_owned(),
        };
        Ok(Object { id, node, file: file.to_owned() })
    }

    /// Whether it is of a kind: `is("apps", "Deployment")`.
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.id.kind == kind && self.id.group == group
    }

    /// The value under some keys.
    pub fn at(&self, keys: &[&str]) -> Option<&Node> {
        at(&self.node, keys)
    }

    /// The string under some keys.
    pub fn text(&self, keys: &[&str]) -> Option<&str> {
        self.at(keys)?.as_str()
    }

    /// An annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.text(&["metadata", "annotations", key])
    }
}

/// The value under some keys of nested maps.
pub(crate) fn at<'a>(node: &'a Node, keys: &[&str]) -> Option<&'a Node> {
    keys.iter().try_fold(node, |node, key| node.get(key))
}

/// The items of a list under some keys; none where there is no list.
pub(crate) fn items<'a>(node: &'a Node, keys: &[&str]) -> &'a [Node] {
    at(node, keys).and_then(Node::as_sequence).unwrap_or_default()
}

/// The strings of a list under some keys.
pub(crate) fn strings<'a>(node: &'a Node, keys: &[&str]) -> Vec<&'a str> {
    items(node, keys).iter().filter_map(Node::as_str).collect()
}

/// A scalar as a person writes it, without quotes; for lists and maps what they are.
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

/// The objects of one side. Cloning is cheap: objects are shared.
#[derive(Debug, Clone, Default)]
pub struct Objects(BTreeMap<ObjectId, Arc<Object>>);

impl Objects {
    /// Takes objects in.
    ///
    /// Errors: two of them are one.
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

    /// The object of an identity.
    pub fn get(&self, id: &ObjectId) -> Option<&Object> {
        self.0.get(id).map(Arc::as_ref)
    }

    /// All, by identity.
    pub fn iter(&self) -> impl Iterator<Item = &Object> {
        self.0.values().map(Arc::as_ref)
    }

    /// All of one kind.
    pub fn of<'a>(&'a self, group: &'a str, kind: &'a str) -> impl Iterator<Item = &'a Object> {
        self.iter().filter(move |object| object.is(group, kind))
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

    /// Whether both sides share this object, so that it can't differ.
    pub(crate) fn shares(&self, other: &Self, id: &ObjectId) -> bool {
        match (self.0.get(id), other.0.get(id)) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            _ => false,
        }
    }
}
