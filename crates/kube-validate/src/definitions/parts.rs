//! The parts of a definition's schema by which objects are checked.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use yaml_spans::{Node, Value};

/// A schema without its texts: a definition may have thousands. A field that has another type than in the API is
/// taken as absent; it is an error of the definition.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Schema {
    pub type_: Option<String>,
    pub format: Option<String>,
    pub pattern: Option<String>,
    pub nullable: bool,
    pub is_int_or_string: bool,
    pub is_embedded_resource: bool,
    pub preserves_unknown_fields: bool,
    pub list_type: Option<String>,
    pub list_map_keys: Vec<String>,
    pub default: Option<Box<Node>>,
    pub enum_: Vec<Json>,
    pub required: Vec<String>,
    pub properties: BTreeMap<String, Box<Schema>>,
    pub additional_properties: Option<Additional>,
    pub items: Option<Box<Schema>>,
    pub all_of: Vec<Schema>,
    pub any_of: Vec<Schema>,
    pub one_of: Vec<Schema>,
    pub not: Option<Box<Schema>>,
    pub bounds: Option<Box<Bounds>>,
}

/// The values of a map's keys that are not among the properties.
#[derive(Debug, Clone, PartialEq)]
pub enum Additional {
    Any,
    Schema(Box<Schema>),
}

/// The bounds of numbers and lengths.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bounds {
    pub minimum: Option<f64>,
    pub exclusive_minimum: bool,
    pub maximum: Option<f64>,
    pub exclusive_maximum: bool,
    pub multiple_of: Option<f64>,
    pub min_length: Option<i64>,
    pub max_length: Option<i64>,
    pub min_items: Option<i64>,
    pub max_items: Option<i64>,
    pub min_properties: Option<i64>,
    pub max_properties: Option<i64>,
}

impl Schema {
    /// Reads a schema; `None` if the node is not a map.
    pub fn of_node(node: &Node) -> Option<Self> {
        let mut schema = Schema::default();
        let mut bounds = Bounds::default();
        for (key, entry) in node.as_mapping()? {
            let node = &entry.node;
            match key.as_str() {
                "type" => schema.type_ = text(node),
                "format" => schema.format = text(node),
                "pattern" => schema.pattern = text(node),
                "nullable" => schema.nullable = is_true(node),
                "x-kubernetes-int-or-string" => schema.is_int_or_string = is_true(node),
                "x-kubernetes-embedded-resource" => schema.is_embedded_resource = is_true(node),
                "x-kubernetes-preserve-unknown-fields" => {
                    schema.preserves_unknown_fields = is_true(node);
                }
                "x-kubernetes-list-type" => schema.list_type = text(node),
                "x-kubernetes-list-map-keys" => schema.list_map_keys = list(node, text),
                "default" if node.value != Value::Null => {
                    schema.default = Some(Box::new(node.clone()));
                }
                "enum" => schema.enum_ = list(node, |value| serde_json::to_value(value).ok()),
                "required" => schema.required = list(node, text),
                "properties" => {
                    let properties = node.as_mapping().into_iter().flatten();
                    schema.properties = properties
                        .filter_map(|(key, entry)| Some((key.clone(), boxed(&entry.node)?)))
                        .collect();
                }
                "additionalProperties" => {
                    schema.additional_properties = match node.value {
                        Value::Bool(_) => Some(Additional::Any),
                        _ => boxed(node).map(Additional::Schema),
                    };
                }
                "items" => schema.items = boxed(node),
                "allOf" => schema.all_of = list(node, Schema::of_node),
                "anyOf" => schema.any_of = list(node, Schema::of_node),
                "oneOf" => schema.one_of = list(node, Schema::of_node),
                "not" => schema.not = boxed(node),
                "minimum" => bounds.minimum = number(node),
                "exclusiveMinimum" => bounds.exclusive_minimum = is_true(node),
                "maximum" => bounds.maximum = number(node),
                "exclusiveMaximum" => bounds.exclusive_maximum = is_true(node),
                "multipleOf" => bounds.multiple_of = number(node),
                "minLength" => bounds.min_length = node.as_int(),
                "maxLength" => bounds.max_length = node.as_int(),
                "minItems" => bounds.min_items = node.as_int(),
                "maxItems" => bounds.max_items = node.as_int(),
                "minProperties" => bounds.min_properties = node.as_int(),
                "maxProperties" => bounds.max_properties = node.as_int(),
                _ => {}
            }
        }
        schema.bounds = (bounds != Bounds::default()).then(|| Box::new(bounds));
        Some(schema)
    }

    /// The bounds of numbers and lengths; none if the schema has none.
    pub fn bounds(&self) -> Bounds {
        self.bounds.as_deref().copied().unwrap_or_default()
    }
}

fn boxed(node: &Node) -> Option<Box<Schema>> {
    Schema::of_node(node).map(Box::new)
}

fn list<T>(node: &Node, read: impl Fn(&Node) -> Option<T>) -> Vec<T> {
    node.as_sequence().unwrap_or_default().iter().filter_map(read).collect()
}

fn text(node: &Node) -> Option<String> {
    node.as_str().map(str::to_owned)
}

fn is_true(node: &Node) -> bool {
    node.value == Value::Bool(true)
}

fn number(node: &Node) -> Option<f64> {
    match node.value {
        Value::Int(number) => Some(number as f64),
        Value::Float(number) => Some(number),
        _ => None,
    }
}
