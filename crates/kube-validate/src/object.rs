//! Validated objects and their identity.

use std::fmt;

use super::kinds;
use yaml_spans::Node;

/// A validated object.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// None for a cluster-scoped kind, and if the manifest leaves the choice to whoever applies it.
    pub namespace: Option<String>,
    /// `metadata.name`; empty for the files of tools, which have no name.
    pub name: String,
    /// The object's YAML.
    pub node: Node,
}

impl Object {
    /// The API group: the part of `apiVersion` before the slash, empty for the core group.
    pub fn group(&self) -> &str {
        group(&self.api_version)
    }

    /// Returns true if objects of this kind have no namespace. An object of an unknown kind counts
    /// as cluster-scoped if it has no namespace.
    pub fn is_cluster_scoped(&self) -> bool {
        match kinds::find(&self.api_version, &self.kind) {
            Some(kind) => kind.cluster_scoped,
            None => self.namespace.is_none(),
        }
    }

    /// The object's identity in a cluster. The API version is not part of it.
    pub fn id(&self) -> ObjectId {
        ObjectId {
            group: self.group().to_owned(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

/// The API group of an `apiVersion`: the part before the slash, empty for the core group.
pub fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// The identity of an object: no two objects of a cluster share it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    /// Empty for the core group.
    pub group: String,
    /// `Deployment`.
    pub kind: String,
    /// None for a cluster-scoped kind.
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

    /// Reads the identity of a document whose name the API server may generate: then the name is
    /// `metadata.generateName` with a `*`, which no name contains.
    ///
    /// # Errors
    /// A field of the identity is missing.
    pub fn read_generated(node: &Node) -> Result<Self, MissingField> {
        match (ObjectId::read(node), node.get("metadata").and_then(|node| node.get("generateName")))
        {
            (Err(MissingField("metadata.name")), Some(prefix)) => {
                let prefix = prefix.as_str().ok_or(MissingField("metadata.name"))?;
                let text = |key| node.get(key).and_then(Node::as_str).unwrap_or_default();
                let id = ObjectId::of_kind(text("apiVersion"), text("kind"), node);
                Ok(ObjectId { name: format!("{prefix}*"), ..id })
            }
            (read, _) => read,
        }
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
