//! The values that the server adds before it validates.
//! Source: apiextensions `pkg/apiserver/schema/defaulting`.

use super::additional_schema;
use super::parts::Schema;
use yaml_spans::source::Span;
use yaml_spans::{Entry, Node, Value};

/// Drops nulls, adds the defaults of a schema to a value, and reads whole numbers, as the server does.
pub fn add_defaults(node: &mut Node, schema: Option<&Schema>) {
    let span = node.span;
    match &mut node.value {
        Value::Mapping(map) => {
            map.retain(|key, entry| !is_dropped_null(&entry.node, schema, key));
            for (key, property) in schema.into_iter().flat_map(|schema| &schema.properties) {
                if map.get(key).is_none_or(|entry| is_refused_null(&entry.node, property))
                    && let Some(default) = default_of(property, span)
                {
                    map.insert(key.clone(), Entry { key_span: span, node: default });
                }
            }
            for (key, entry) in map.iter_mut() {
                let property =
                    schema.and_then(|schema| schema.properties.get(key)).map(Box::as_ref);
                let additional = schema.and_then(additional_schema);
                if property.is_none()
                    && let Some(additional) = additional
                {
                    replace_null(&mut entry.node, additional);
                }
                add_defaults(&mut entry.node, property.or(additional));
            }
        }
        Value::Sequence(items) => {
            let schema = schema.and_then(|schema| schema.items.as_deref());
            for item in items {
                if let Some(schema) = schema {
                    replace_null(item, schema);
                }
                add_defaults(item, schema);
            }
        }
        // Between the reader and the server, a number without a fraction loses its point.
        Value::Float(number) if number.fract() == 0.0 && number.abs() < i64::MAX as f64 => {
            node.value = Value::Int(*number as i64);
        }
        _ => {}
    }
}

/// Returns true for a null that the server drops: its schema neither allows it nor has a default for it.
fn is_dropped_null(node: &Node, schema: Option<&Schema>, key: &str) -> bool {
    let property = schema.and_then(|schema| {
        let own = schema.properties.get(key).map(Box::as_ref);
        own.or_else(|| additional_schema(schema))
    });
    property.is_some_and(|schema| is_refused_null(node, schema) && schema.default.is_none())
}

/// Replaces a null that the schema does not allow by the schema's default.
fn replace_null(node: &mut Node, schema: &Schema) {
    if is_refused_null(node, schema)
        && let Some(default) = default_of(schema, node.span)
    {
        *node = default;
    }
}

fn is_refused_null(node: &Node, schema: &Schema) -> bool {
    node.value == Value::Null && !schema.nullable
}

/// The default of a schema, at the place of the value that it is added to.
fn default_of(schema: &Schema, span: Option<Span>) -> Option<Node> {
    let mut node = schema.default.as_deref()?.clone();
    set_span(&mut node, span);
    Some(node)
}

fn set_span(node: &mut Node, span: Option<Span>) {
    node.span = span;
    match &mut node.value {
        Value::Mapping(map) => {
            for entry in map.values_mut() {
                entry.key_span = span;
                set_span(&mut entry.node, span);
            }
        }
        Value::Sequence(items) => items.iter_mut().for_each(|item| set_span(item, span)),
        _ => {}
    }
}
