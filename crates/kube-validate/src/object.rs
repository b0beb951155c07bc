//! An object that was held against its type, and what it is called.

use std::fmt;

use super::kinds;
use yaml_spans::Node;

/// An object that was held against its type.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// None where its kind has none, or where it leaves it to whoever applies it.
    pub namespace: Option<String>,
    /// `metadata.name`; `metadata` aside, the files of tools have none.
    pub name: String,
    /// The object as it was written.
    pub node: Node,
}

impl Object {
    /// The part of `apiVersion` before the slash; empty for the core group.
    pub fn group(&self) -> &str {
        group(&self.api_version)
    }

    /// Whether objects of this kind have no namespace. Of a kind that is not known, an object
    /// without a namespace is taken for one.
    pub fn is_cluster_scoped(&self) -> bool {
        match kinds::find(&self.api_version, &self.kind) {
            Some(kind) => kind.cluster_scoped,
            None => self.namespace.is_none(),
        }
    }

    /// What the API server tells objects apart by: the version does not count.
    pub fn id(&self) -> ObjectId {
        ObjectId {
            group: self.group().to_owned(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

/// The part of an `apiVersion` before the slash; empty for the core group.
pub fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// What tells an object apart from all others of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    /// Empty for the core group.
    pub group: String,
    /// `Deployment`.
    pub kind: String,
    /// None where its kind has none.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
}

/// A field without which a document is not an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is missing or not a string")]
pub struct MissingField(pub &'static str);

impl ObjectId {
    /// Reads the identity of a document. The namespace of a kind that has none is dropped, as the API
    /// server drops it.
    ///
    /// # Errors
    /// A field of the identity is missing.
    pub fn read(node: &Node) -> Result<Self, MissingField> {
        let api_version = node.get("apiVersion").and_then(Node::as_str);
        let api_version = api_version.ok_or(MissingField("apiVersion"))?;
        let kind = node.get("kind").and_then(Node::as_str).ok_or(MissingField("kind"))?;
        let id = ObjectId::of_kind(api_version, kind, node);
        if id.name.is_empty() { Err(MissingField("metadata.name")) } else { Ok(id) }
    }

    /// The identity of a document of a known `apiVersion` and kind; the name is empty if it has none.
    pub(crate) fn of_kind(api_version: &str, kind: &str, node: &Node) -> Self {
        let metadata = |key| Some(node.get("metadata")?.get(key)?.as_str()?.to_owned());
        let has_namespace =
            kinds::find(api_version, kind).is_none_or(|known| !known.cluster_scoped);
        ObjectId {
            group: group(api_version).to_owned(),
            kind: kind.to_owned(),
            namespace: metadata("namespace").filter(|_| has_namespace),
            name: metadata("name").unwrap_or_default(),
        }
    }
}

/// `Deployment tts/chatterbox-tts`, `Namespace tts`.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}
