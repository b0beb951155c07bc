//! Custom resources, by the schemas of the CustomResourceDefinitions that are among the manifests.
//!
//! The rules are those of a strict create. Not evaluated: CEL (`x-kubernetes-validations`), patterns that
//! [`regex_lite`] does not know (`\p{…}`) or that are large, patterns of long texts, formats without a row in
//! `formats`, and the names and labels in an embedded object's metadata.
//! Source: apiextensions `pkg/registry/customresource` and `pkg/apiserver/schema`, kube-openapi
//! `pkg/validation/validate`.

mod defaults;
mod formats;
mod lists;
mod parts;
mod patterns;
mod plain;
mod schema;
mod unknown;

use std::collections::BTreeMap;

use super::error::Problem;
use super::kinds;
use super::list::list_items;
use parts::{Additional, Schema};
use patterns::Patterns;
pub(crate) use plain::without_plain_schemas;
use yaml_spans::diagnostic::Located;
use yaml_spans::{Node, Path, Value};

/// The most different definitions of one kind and version that are read.
const MAX_VERSIONS: usize = 8;

/// The definitions of custom resources that are among the manifests.
#[derive(Debug, Default)]
pub struct Definitions {
    /// By `apiVersion` and kind; several if definitions of one kind differ.
    versions: BTreeMap<(String, String), Vec<Version>>,
    patterns: Patterns,
}

/// Returns true if a definition could change the result for some documents, or for the items of lists among them.
pub fn need_definitions(documents: &[Node]) -> bool {
    documents.iter().any(needs_definition)
}

fn needs_definition(document: &Node) -> bool {
    if let Some(items) = list_items(document) {
        return items.iter().any(|item| needs_definition(item));
    }
    let api_version = document.get("apiVersion").and_then(Node::as_str);
    api_version.is_some_and(|api_version| !kinds::is_kubernetes(api_version))
}

fn is_definition(document: &Node) -> bool {
    let text = |key| document.get(key).and_then(Node::as_str);
    text("apiVersion") == Some("apiextensions.k8s.io/v1")
        && text("kind") == Some("CustomResourceDefinition")
}

/// A served version of a definition.
#[derive(Debug, Clone, PartialEq)]
struct Version {
    schema: Schema,
    /// True if the server drops the status of a new object.
    has_status: bool,
    /// The path of the replicas (`.spec.replicas`) if objects can be scaled.
    replicas_path: Option<String>,
}

impl Definitions {
    /// The definitions among some documents, and among the items of lists.
    pub fn of_documents(documents: &[Node]) -> Self {
        let mut definitions = Definitions::default();
        documents.iter().for_each(|document| definitions.add(document));
        definitions
    }

    /// Adds other definitions.
    pub fn extend(&mut self, other: Definitions) {
        for (kind, versions) in other.versions {
            versions.into_iter().for_each(|version| self.add_version(kind.clone(), version));
        }
    }

    fn add(&mut self, document: &Node) {
        if let Some(items) = list_items(document) {
            return items.iter().for_each(|item| self.add(item));
        }
        let spec = document.get("spec").filter(|_| is_definition(document));
        let Some(spec) = spec else { return };
        let Some(group) = spec.get("group").and_then(Node::as_str) else { return };
        let kind = spec.get("names").and_then(|names| names.get("kind")).and_then(Node::as_str);
        let Some(kind) = kind else { return };
        let versions = spec.get("versions").and_then(Node::as_sequence).unwrap_or_default();
        for node in versions {
            let Some(name) = node.get("name").and_then(Node::as_str) else { continue };
            if let Some(version) = Version::of_node(node) {
                self.add_version((format!("{group}/{name}"), kind.to_owned()), version);
            }
        }
    }

    fn add_version(&mut self, kind: (String, String), version: Version) {
        let versions = self.versions.entry(kind).or_default();
        if versions.len() < MAX_VERSIONS && !versions.contains(&version) {
            self.patterns.add(&version.schema);
            versions.push(version);
        }
    }

    /// Checks an object's fields outside its metadata; `None` without a definition of its kind. If definitions
    /// differ, as in a repository with several releases, the one that finds least counts.
    pub(crate) fn check(
        &self,
        node: &Node,
        base: &Path,
        api_version: &str,
        kind: &str,
    ) -> Option<Vec<Located<Problem>>> {
        let versions = self.versions.get(&(api_version.to_owned(), kind.to_owned()))?;
        let found = versions.iter().map(|version| version.check(node, base, &self.patterns));
        found.min_by_key(Vec::len)
    }
}

impl Version {
    /// Reads a version; `None` if it is not served or has no schema.
    fn of_node(node: &Node) -> Option<Self> {
        let is_served = node.get("served").is_some_and(|served| served.value == Value::Bool(true));
        let schema = node.get("schema").and_then(|schema| schema.get("openAPIV3Schema"));
        let schema = Schema::of_node(schema.filter(|_| is_served)?)?;
        let part = |key| node.get("subresources").and_then(|parts| parts.get(key));
        let replicas_path = part("scale").and_then(|scale| scale.get("specReplicasPath"));
        Some(Version {
            schema,
            has_status: part("status").is_some_and(|status| status.value != Value::Null),
            replicas_path: replicas_path.and_then(Node::as_str).map(str::to_owned),
        })
    }

    fn check(&self, node: &Node, base: &Path, patterns: &Patterns) -> Vec<Located<Problem>> {
        let mut found = unknown::unknown_fields(node, base, &self.schema);
        let mut object = node.clone();
        if let Value::Mapping(map) = &mut object.value
            && self.has_status
        {
            map.shift_remove("status");
        }
        defaults::add_defaults(&mut object, Some(&self.schema));
        found.extend(schema::check_schema(&object, base, &self.schema, patterns));
        found.extend(lists::check_structure(&object, base, &self.schema));
        found.extend(self.check_replicas(&object, base));
        found
    }

    /// Checks the number of replicas of an object that can be scaled: `ValidateScaleSpec`.
    fn check_replicas(&self, object: &Node, base: &Path) -> Option<Located<Problem>> {
        let path: Path = self.replicas_path.as_deref()?.trim_start_matches('.').parse().ok()?;
        let node = path.find(object)?;
        let replicas =
            node.as_int().filter(|replicas| i32::try_from(*replicas).is_err() || *replicas < 0)?;
        let problem = Problem::invalid("replicas", &replicas.to_string());
        let hint = format!("expected a number from 0 to {}", i32::MAX);
        Some(Located::new(problem, node.span, base.join(&path)).hint(hint))
    }
}

/// The schema of the values of a map's other keys.
fn additional_schema(schema: &Schema) -> Option<&Schema> {
    match &schema.additional_properties {
        Some(Additional::Schema(schema)) => Some(schema),
        _ => None,
    }
}
