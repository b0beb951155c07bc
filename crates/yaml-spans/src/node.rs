//! The tree: YAML's data, each node with its place.

use indexmap::IndexMap;

use crate::source::Span;

/// A value with its place. A value that comes from no text (a default, or one made in code) has no
/// span.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its place in a source.
    pub span: Option<Span>,
    /// The value.
    pub value: Value,
}

/// YAML's data, as Kubernetes uses it: keys are strings, whole numbers fit 64 bits.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number; always finite.
    Float(f64),
    /// A string.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// A map, in the order of the file.
    Mapping(Mapping),
}

/// Keys in the order of the file, each with its entry.
///
/// The hash is fast and seeded for each process. It does not resist an attacker who can time many runs of
/// one process. The author of a file sees neither the seed nor a time, and the number of keys in a text is
/// limited.
pub type Mapping = IndexMap<String, Entry, foldhash::fast::RandomState>;

/// Makes an empty map with room for some keys.
pub fn mapping_with_capacity(capacity: usize) -> Mapping {
    Mapping::with_capacity_and_hasher(capacity, Default::default())
}

/// The value of a map's key, with the key's place.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key's place in a source.
    pub key_span: Option<Span>,
    /// The value.
    pub node: Node,
}

/// Compares the data; places are ignored.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// Compares the data; places are ignored.
impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

impl Node {
    /// Makes a node without a place.
    pub fn new(value: Value) -> Self {
        Node { span: None, value }
    }

    /// The value of a key, if this is a map with that key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_mapping()?.get(key).map(|entry| &entry.node)
    }

    /// The map, if this is one.
    pub fn as_mapping(&self) -> Option<&Mapping> {
        match &self.value {
            Value::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// The list, if this is one.
    pub fn as_sequence(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The string, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if this is one.
    pub fn as_int(&self) -> Option<i64> {
        match self.value {
            Value::Int(number) => Some(number),
            _ => None,
        }
    }

    /// The kind of value in words, for messages: `a list`.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::String(_) => "a string",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a map",
        }
    }
}

impl From<Node> for Entry {
    fn from(node: Node) -> Self {
        Entry { key_span: None, node }
    }
}
