//! Trees as code writes them: keys in the order of the text, what is null left out.

use sha2::{Digest, Sha256};

use yaml_spans::{Mapping, Node, Value};

/// A map; entries that are null are left out.
pub(super) fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Node)>) -> Node {
    let present = entries.into_iter().filter(|(_, node)| node.value != Value::Null);
    let map: Mapping = present.map(|(key, node)| (key.to_owned(), node.into())).collect();
    Node::new(Value::Mapping(map))
}

/// A list.
pub(super) fn list(items: impl IntoIterator<Item = Node>) -> Node {
    Node::new(Value::Sequence(items.into_iter().collect()))
}

/// A list; null, so left out, if there is nothing in it.
pub(super) fn list_if_any(items: Vec<Node>) -> Node {
    if items.is_empty() { null() } else { list(items) }
}

/// A string.
pub(super) fn text(text: impl Into<String>) -> Node {
    Node::new(Value::String(text.into()))
}

/// A list of strings.
pub(super) fn texts<'a>(items: impl IntoIterator<Item = &'a str>) -> Node {
    list(items.into_iter().map(text))
}

/// A boolean.
pub(super) fn flag(value: bool) -> Node {
    Node::new(Value::Bool(value))
}

/// A whole number.
pub(super) fn number(value: i64) -> Node {
    Node::new(Value::Int(value))
}

/// Nothing: left out of a map.
pub(super) fn null() -> Node {
    Node::new(Value::Null)
}

/// The SHA-256 of a text, in lower case hexadecimal: an annotation that rolls Pods.
pub(super) fn checksum(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
