//! The JSON Schema of the values, generated from the types. It is the content of `values/schema.json`, and
//! the source of the types that `--set` parses.

use std::sync::OnceLock;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::Value as Json;

use super::Values;
use yaml_spans::{Path, Segment};

/// The JSON Schema (draft 2020-12) of a values file.
pub fn schema() -> Json {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(close_object));
    settings.into_generator().into_root_schema_for::<Values>().to_value()
}

/// Closes Kubernetes' types, whose schemas allow other fields although reading does not.
fn close_object(schema: &mut Schema) {
    if schema.get("properties").is_some() && schema.get("additionalProperties").is_none() {
        schema.insert("additionalProperties".to_owned(), Json::Bool(false));
    }
}

/// The schema of one place in the values.
#[derive(Debug, Clone)]
pub struct Shape {
    root: &'static Json,
    nodes: Vec<&'static Json>,
}

impl Shape {
    /// The whole file.
    pub fn of_values() -> Self {
        static ROOT: OnceLock<Json> = OnceLock::new();
        let root = ROOT.get_or_init(schema);
        Shape { root, nodes: alternatives(root, root) }
    }

    /// The place at a path below; `None` if the schema does not know it.
    pub fn at(&self, path: &Path) -> Option<Self> {
        path.segments().iter().try_fold(self.clone(), |shape, segment| shape.step(segment))
    }

    /// The place one step below; `None` if the schema does not know it.
    pub fn step(&self, segment: &Segment) -> Option<Self> {
        let children: Vec<_> = self
            .nodes
            .iter()
            .filter_map(|node| child_schema(node, segment))
            .filter(|node| **node != Json::Bool(false))
            .flat_map(|node| alternatives(self.root, node))
            .collect();
        match children.is_empty() {
            false => Some(Shape { root: self.root, nodes: children }),
            true if self.is_anything() => Some(self.clone()),
            true => None,
        }
    }

    /// Returns true if a value of a JSON type (`string`, `integer`, …) is allowed.
    pub fn allows(&self, kind: &str) -> bool {
        self.is_anything() || self.types().any(|name| name == kind)
    }

    /// Returns true if any value is allowed, as in an application's own configuration.
    pub fn is_anything(&self) -> bool {
        self.nodes.iter().any(|node| allows_anything(node))
    }

    /// The description, of the place itself.
    pub fn description(&self) -> Option<&'static str> {
        self.nodes.iter().find_map(|node| node.get("description")?.as_str())
    }

    /// The default, if the place has one.
    pub fn default(&self) -> Option<&'static Json> {
        self.nodes.iter().find_map(|node| node.get("default"))
    }

    /// The names of the properties, in the order of the types.
    pub fn properties(&self) -> impl Iterator<Item = &'static str> {
        let maps = self.nodes.iter().filter_map(|node| node.get("properties")?.as_object());
        maps.flat_map(|map| map.keys().map(String::as_str))
    }

    /// The values to choose from, if the place has a fixed set of texts.
    pub fn choices(&self) -> impl Iterator<Item = String> {
        let listed = self.nodes.iter().flat_map(|node| {
            let listed = node.get("enum").and_then(Json::as_array).into_iter().flatten();
            listed.chain(node.get("const"))
        });
        listed.filter_map(|value| value.as_str().map(str::to_owned))
    }

    fn types(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().flat_map(|node| match node.get("type") {
            Some(Json::String(kind)) => vec![kind.as_str()],
            Some(Json::Array(kinds)) => kinds.iter().filter_map(Json::as_str).collect(),
            _ if node.get("enum").is_some() || node.get("const").is_some() => vec!["string"],
            _ => Vec::new(),
        })
    }
}

fn child_schema<'a>(node: &'a Json, segment: &Segment) -> Option<&'a Json> {
    let Segment::Key(key) = segment else { return node.get("items") };
    let property = node.get("properties").and_then(|map| map.get(key));
    property
        // A map whose keys have a form has one pattern of properties.
        .or_else(|| node.get("patternProperties")?.as_object()?.values().next())
        .or_else(|| node.get("additionalProperties"))
}

fn allows_anything(node: &Json) -> bool {
    match node {
        Json::Bool(allowed) => *allowed,
        node => ["type", "enum", "const", "properties", "$ref", "anyOf", "oneOf", "allOf"]
            .iter()
            .all(|key| node.get(key).is_none()),
    }
}

/// The alternatives of a schema, with references followed.
fn alternatives(root: &'static Json, node: &'static Json) -> Vec<&'static Json> {
    let mut schemas = vec![];
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        // Kubernetes' types refer to themselves (JSONSchemaProps): a reference is followed once.
        if schemas.len() > 64 {
            break;
        }
        let referred = node
            .get("$ref")
            .and_then(Json::as_str)
            .and_then(|name| root.pointer(name.strip_prefix('#')?));
        open.extend(referred);
        for key in ["anyOf", "oneOf", "allOf"] {
            open.extend(node.get(key).and_then(Json::as_array).into_iter().flatten());
        }
        let only_refers = referred.is_some()
            || ["anyOf", "oneOf", "allOf"].iter().any(|key| node.get(key).is_some());
        let has_own_rules = ["type", "properties", "description", "default"]
            .iter()
            .any(|key| node.get(key).is_some());
        if !only_refers || has_own_rules {
            schemas.push(node);
        }
    }
    schemas
}
