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
mod patterns;
mod schema;
mod unknown;

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinitionSpec, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

use super::error::Problem;
use super::list::list_items;
use patterns::Patterns;
use yaml_spans::diagnostic::Located;
use yaml_spans::{Node, Path, Value, read_partial};

type Schema = JSONSchemaProps;

/// The most different definitions of one kind and version that are read.
const MAX_VERSIONS: usize = 8;

/// The definitions of custom resources that are among the manifests.
#[derive(Debug, Default)]
pub struct Definitions {
    /// By `apiVersion` and kind; several if definitions of one kind differ.
    versions: BTreeMap<(String, String), Vec<Version>>,
    patterns: Patterns,
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
        let text = |key| document.get(key).and_then(Node::as_str);
        let is_definition = text("apiVersion") == Some("apiextensions.k8s.io/v1")
            && text("kind") == Some("CustomResourceDefinition");
        let Some(spec) = document.get("spec").filter(|_| is_definition) else { return };
        let (spec, _) = read_partial::<CustomResourceDefinitionSpec>(spec, &Path::root());
        let Some(spec) = spec else { return };
        for version in spec.versions.into_iter().filter(|version| version.served) {
            let schema = version.schema.and_then(|schema| schema.open_api_v3_schema);
            let Some(schema) = schema else { continue };
            let subresources = version.subresources.unwrap_or_default();
            let api_version = format!("{}/{}", spec.group, version.name);
            let version = Version {
                schema,
                has_status: subresources.status.is_some(),
                replicas_path: subresources.scale.map(|scale| scale.spec_replicas_path),
            };
            self.add_version((api_version, spec.names.kind.clone()), version);
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

/// The schema of a list's items.
fn item_schema(schema: &Schema) -> Option<&Schema> {
    match &schema.items {
        Some(JSONSchemaPropsOrArray::Schema(schema)) => Some(schema),
        _ => None,
    }
}

/// The schema of the values of a map's other keys.
fn additional_schema(schema: &Schema) -> Option<&Schema> {
    match &schema.additional_properties {
        Some(JSONSchemaPropsOrBool::Schema(schema)) => Some(schema),
        _ => None,
    }
}

fn is_set(flag: Option<bool>) -> bool {
    flag == Some(true)
}
