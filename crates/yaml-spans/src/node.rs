//! The tree that values and objects are: YAML's data, each node with its place.

use indexmap::IndexMap;

use crate::source::Span;

/// A value and where it was written. A value that no file holds (a default, one made in code) has
/// no span.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it was written.
    pub span: Option<Span>,
    /// What it is.
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
pub type Mapping = IndexMap<String, Entry>;

/// What a key of a map leads to.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Where the key was written.
    pub key_span: Option<Span>,
    /// The value.
    pub node: Node,
}

/// Equal data; places do not count.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// Equal data; places do not count.
impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

impl Node {
    /// A value that no file holds.
    pub fn new(value: Value) -> Self {
        Node { span: None, value }
    }

    /// The value under a key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_mapping()?.get(key).map(|entry| &entry.node)
    }

    /// The map, if it is one.
    pub fn as_mapping(&self) -> Option<&Mapping> {
        match &self.value {
            Value::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub fn as_sequence(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self.value {
            Value::Int(number) => Some(number),
            _ => None,
        }
    }

    /// What messages call this kind of value.
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
