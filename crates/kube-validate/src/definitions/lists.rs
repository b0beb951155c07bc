//! Lists whose items have keys, and objects in objects.
//! Source: apiextensions `pkg/apiserver/schema/listtype` and `objectmeta`.

use std::collections::BTreeSet;

use super::additional_schema;
use super::parts::Schema;
use crate::error::Problem;
use yaml_spans::diagnostic::Located;
use yaml_spans::{Node, Path, Segment, Value, truncate};

/// Finds equal items of lists that are sets or maps, and embedded objects without a type.
pub fn check_structure(node: &Node, base: &Path, schema: &Schema) -> Vec<Located<Problem>> {
    let mut search = Search { path: base.clone(), found: Vec::new() };
    search.value(node, schema);
    search.found
}

struct Search {
    path: Path,
    found: Vec<Located<Problem>>,
}

impl Search {
    fn value(&mut self, node: &Node, schema: &Schema) {
        if let Some(map) = node.as_mapping() {
            if schema.is_embedded_resource {
                self.embedded_object(node);
            }
            for (key, entry) in map {
                let property = schema.properties.get(key).map(Box::as_ref);
                if let Some(schema) = property.or_else(|| additional_schema(schema)) {
                    self.at(Segment::Key(key.clone()), &entry.node, schema);
                }
            }
        }
        if let Some(items) = node.as_sequence() {
            match schema.list_type.as_deref() {
                Some("set") => self.distinct(items, |item| Some(item.clone())),
                Some("map") => {
                    self.distinct(items, |item| keys_of(item, &schema.list_map_keys));
                }
                _ => {}
            }
            for (index, item) in items.iter().enumerate() {
                if let Some(schema) = schema.items.as_deref() {
                    self.at(Segment::Index(index), item, schema);
                }
            }
        }
    }

    fn at(&mut self, step: Segment, node: &Node, schema: &Schema) {
        self.path.push(step);
        self.value(node, schema);
        self.path.pop();
    }

    /// Reports each item that equals an earlier one.
    fn distinct(&mut self, items: &[Node], key: impl Fn(&Node) -> Option<Node>) {
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let Some(text) = key(item).and_then(|key| serde_json::to_string(&key).ok()) else {
                continue;
            };
            if !seen.insert(text.clone()) {
                let problem = Problem::Duplicate { what: "item", value: truncate(&text) };
                self.found.push(Located::new(problem, item.span, self.path.index(index)));
            }
        }
    }

    fn embedded_object(&mut self, node: &Node) {
        for key in ["apiVersion", "kind"] {
            let path = self.path.key(key);
            let problem = match node.get(key) {
                None => Located::new(Problem::Missing(key.to_owned()), node.span, path),
                Some(value) if value.as_str() == Some("") => {
                    Located::new(Problem::Empty(key.to_owned()), value.span, path)
                }
                Some(_) => continue,
            };
            self.found.push(problem);
        }
    }
}

/// The keys of an item, in a map. An item that is not a map is reported by its type.
fn keys_of(item: &Node, keys: &[String]) -> Option<Node> {
    let map = item.as_mapping()?;
    let own = keys.iter().filter_map(|key| Some((key.clone(), map.get(key)?.clone())));
    Some(Node::new(Value::Mapping(own.collect())))
}
