//! Fields that a schema does not have: the server drops them, and a strict request is refused.
//! Source: apiextensions `pkg/apiserver/schema/pruning`.

use super::additional_schema;
use super::parts::Schema;
use crate::error::Problem;
use yaml_spans::diagnostic::Located;
use yaml_spans::source::Span;
use yaml_spans::{MAX_ERRORS, Mapping, Node, Path, ReadError, Segment, suggestion};

/// The fields that every object has.
const TYPE_FIELDS: &[&str] = &["apiVersion", "kind", "metadata"];

/// Finds the fields of a custom resource that its schema does not have.
pub fn unknown_fields(object: &Node, base: &Path, schema: &Schema) -> Vec<Located<Problem>> {
    let mut search = Search { path: base.clone(), found: Vec::new() };
    let is_preserved = schema.preserves_unknown_fields;
    if let Some(map) = object.as_mapping() {
        search.fields(map, schema, true, is_preserved);
    }
    search.found
}

struct Search {
    path: Path,
    found: Vec<Located<Problem>>,
}

impl Search {
    fn value(&mut self, node: &Node, schema: Option<&Schema>) {
        let Some(schema) = schema else { return self.value_without_schema(node) };
        let is_preserved = schema.preserves_unknown_fields;
        self.value_of_schema(node, schema, is_preserved);
    }

    fn value_of_schema(&mut self, node: &Node, schema: &Schema, is_preserved: bool) {
        if let Some(map) = node.as_mapping() {
            let is_object = schema.is_embedded_resource;
            self.fields(map, schema, is_object, is_preserved);
        }
        for (index, item) in node.as_sequence().unwrap_or_default().iter().enumerate() {
            self.path.push(Segment::Index(index));
            match schema.items.as_deref() {
                Some(items) if is_preserved => self.value_of_schema(item, items, true),
                None if is_preserved => {}
                items => self.value(item, items),
            }
            self.path.pop();
        }
    }

    /// The values of a field that is allowed without a schema: every field in them is dropped.
    fn value_without_schema(&mut self, node: &Node) {
        for (key, entry) in node.as_mapping().into_iter().flatten() {
            self.report(key, entry.key_span, &[]);
        }
        for (index, item) in node.as_sequence().unwrap_or_default().iter().enumerate() {
            self.path.push(Segment::Index(index));
            self.value_without_schema(item);
            self.path.pop();
        }
    }

    fn fields(&mut self, map: &Mapping, schema: &Schema, is_object: bool, is_preserved: bool) {
        for (key, entry) in map {
            if is_object && TYPE_FIELDS.contains(&key.as_str()) {
                continue;
            }
            let property = schema.properties.get(key).map(Box::as_ref);
            if property.is_some() || schema.additional_properties.is_some() {
                self.path.push(Segment::Key(key.clone()));
                self.value(&entry.node, property.or_else(|| additional_schema(schema)));
                self.path.pop();
            } else if !is_preserved {
                let names = schema.properties.keys().map(String::as_str);
                self.report(key, entry.key_span, &names.collect::<Vec<_>>());
            }
        }
    }

    fn report(&mut self, key: &str, span: Option<Span>, allowed: &[&str]) {
        if self.found.len() >= MAX_ERRORS {
            return;
        }
        self.found.push(Located {
            error: Problem::Read(ReadError::UnknownField(key.to_owned())),
            span,
            path: self.path.key(key),
            hint: suggestion(key, allowed),
        });
    }
}
