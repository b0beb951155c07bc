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

/// `Deployment tts/chatterbox-tts`, `Namespace tts`.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}
