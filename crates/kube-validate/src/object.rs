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

/// `Deployment tts/chatterbox-tts`, `Namespace tts`.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}
