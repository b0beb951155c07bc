//! Objects by identity, wherever their files lie.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use kube_validate::{MissingField, ObjectId};
use yaml_spans::source::{Source, Sources};
use yaml_spans::{Dialect, Node, Value};

/// An object and the file that holds it.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its identity.
    pub id: ObjectId,
    /// Its data.
    pub node: Tree,
    /// Its file, relative to the folder of rendered files.
    pub file: String,
}

/// A document: a tree, or a text that is parsed when it is first used as a tree. A tree takes several times
/// the memory of its text.
#[derive(Debug, Clone)]
pub struct Tree {
    parsed: OnceLock<Box<Node>>,
    text: Option<Arc<str>>,
}

impl Tree {
    /// The only document of a text that is known to be valid; null if it is not.
    pub(crate) fn of_text(text: Arc<str>) -> Self {
        Tree { parsed: OnceLock::new(), text: Some(text) }
    }
}

impl From<Node> for Tree {
    fn from(node: Node) -> Self {
        Tree { parsed: Box::new(node).into(), text: None }
    }
}

impl Deref for Tree {
    type Target = Node;

    fn deref(&self) -> &Node {
        self.parsed.get_or_init(|| {
            let parsed = self.text.as_deref().and_then(parse_document);
            Box::new(parsed.unwrap_or_else(|| Node::new(Value::Null)))
        })
    }
}

fn parse_document(text: &str) -> Option<Node> {
    let mut sources = Sources::new();
    let source = sources.add(Source::written("", text));
    yaml_spans::parse(&sources, source, Dialect::Kubectl).ok()?.pop()
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
        Ok(Object { id, node: node.into(), file: file.to_owned() })
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

/// An object of one set and the one of another set with the same identity.
pub(crate) type PairedObjects<'a> = (Option<&'a Arc<Object>>, Option<&'a Arc<Object>>);

/// Objects by identity. Cloning is cheap: objects are shared.
#[derive(Debug, Clone, Default)]
pub struct Objects(Vec<Arc<Object>>);

impl Objects {
    /// Collects objects.
    ///
    /// # Errors
    /// Two of them have one identity.
    pub fn collect(objects: impl IntoIterator<Item = Arc<Object>>) -> Result<Self, ObjectError> {
        let objects: Vec<Arc<Object>> = objects.into_iter().collect();
        let mut all = objects.clone();
        all.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        if all.array_windows().all(|[one, next]| one.id != next.id) {
            return Ok(Objects(all));
        }
        // The first in the given order is reported.
        let mut known: BTreeMap<&ObjectId, &Object> = BTreeMap::new();
        for object in &objects {
            if let Some(first) = known.insert(&object.id, object) {
                return Err(ObjectError::Twice {
                    id: Box::new(object.id.clone()),
                    first: first.file.clone(),
                    second: object.file.clone(),
                });
            }
        }
        Ok(Objects(all))
    }

    /// The object with an identity.
    pub fn get(&self, id: &ObjectId) -> Option<&Object> {
        let index = self.0.binary_search_by(|object| object.id.cmp(id)).ok()?;
        self.0.get(index).map(Arc::as_ref)
    }

    /// All, by identity.
    pub fn iter(&self) -> impl Iterator<Item = &Object> {
        self.0.iter().map(Arc::as_ref)
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

    /// The objects of this set and of another, paired by identity, in its order.
    pub(crate) fn paired_with<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = PairedObjects<'a>> {
        let (mut ones, mut others) = (self.0.iter().peekable(), other.0.iter().peekable());
        std::iter::from_fn(move || {
            let order = match (ones.peek(), others.peek()) {
                (Some(one), Some(other)) if Arc::ptr_eq(one, other) => Ordering::Equal,
                (Some(one), Some(other)) => one.id.cmp(&other.id),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return None,
            };
            Some((ones.next_if(|_| order.is_le()), others.next_if(|_| order.is_ge())))
        })
    }
}
