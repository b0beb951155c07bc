//! A node of an object, with the path to it from the structure whose rules are checked.
//!
//! The path is a chain of borrowed steps on the stack; it becomes an owned path only for a finding.

use yaml_spans::source::Span;
use yaml_spans::{Entry, Node, Segment, Value};

/// A node and the path to it from the checked structure.
#[derive(Clone, Copy)]
pub struct NodeRef<'a> {
    parent: Option<&'a NodeRef<'a>>,
    steps: [Step<'a>; 2],
    entry: Option<&'a Entry>,
    /// The node itself.
    pub yaml: &'a Node,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    None,
    Key(&'a str),
    Index(usize),
}

impl<'a> NodeRef<'a> {
    /// The structure itself: its path is empty.
    pub fn top(yaml: &'a Node) -> Self {
        NodeRef { parent: None, steps: [Step::None; 2], entry: None, yaml }
    }

    /// The value under a key. A null counts as absent, as in the API server.
    pub fn get<'b>(&'b self, key: &'b str) -> Option<NodeRef<'b>> {
        let entry = self.yaml.as_mapping()?.get(key)?;
        let child = NodeRef {
            parent: Some(self),
            steps: [Step::Key(key), Step::None],
            entry: Some(entry),
            yaml: &entry.node,
        };
        (entry.node.value != Value::Null).then_some(child)
    }

    /// Returns true if a key has a value other than null.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The items of the list under a key; empty if there is no such list.
    pub fn items_of<'b>(&'b self, key: &'b str) -> impl Iterator<Item = NodeRef<'b>> {
        let items = self.yaml.get(key).and_then(Node::as_sequence).unwrap_or_default();
        items.iter().enumerate().map(move |(index, yaml)| NodeRef {
            parent: Some(self),
            steps: [Step::Key(key), Step::Index(index)],
            entry: None,
            yaml,
        })
    }

    /// The items of this list; empty for any other node.
    pub fn items(&self) -> impl Iterator<Item = NodeRef<'_>> {
        let items = self.yaml.as_sequence().unwrap_or_default();
        items.iter().enumerate().map(move |(index, yaml)| NodeRef {
            parent: Some(self),
            steps: [Step::Index(index), Step::None],
            entry: None,
            yaml,
        })
    }

    /// The keys and values of this map; empty for any other node.
    pub fn entries(&self) -> impl Iterator<Item = (&str, NodeRef<'_>)> {
        let entries = self.yaml.as_mapping().into_iter().flatten();
        entries.map(move |(key, entry)| {
            let steps = [Step::Key(key), Step::None];
            let child =
                NodeRef { parent: Some(self), steps, entry: Some(entry), yaml: &entry.node };
            (key.as_str(), child)
        })
    }

    /// The text of this node, if it is a string.
    pub fn as_str(&self) -> Option<&'a str> {
        self.yaml.as_str()
    }

    /// The value of this node, if it is a whole number.
    pub fn as_int(&self) -> Option<i64> {
        self.yaml.as_int()
    }

    /// The text under a key. An empty text counts as absent, as in the API server.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        self.yaml.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    /// The whole number under a key.
    pub fn int(&self, key: &str) -> Option<i64> {
        self.yaml.get(key)?.as_int()
    }

    /// Returns true if the value under a key is `true`.
    pub fn is_true(&self, key: &str) -> bool {
        self.yaml.get(key).is_some_and(|node| node.value == Value::Bool(true))
    }

    /// Returns true if the value under a key is `false`, and not merely absent.
    pub fn is_false(&self, key: &str) -> bool {
        self.yaml.get(key).is_some_and(|node| node.value == Value::Bool(false))
    }

    /// The number of items or entries in the list or map under a key; zero if there is neither.
    pub fn len_of(&self, key: &str) -> usize {
        match self.yaml.get(key).map(|node| &node.value) {
            Some(Value::Sequence(items)) => items.len(),
            Some(Value::Mapping(entries)) => entries.len(),
            _ => 0,
        }
    }

    /// The path to this node from the checked structure.
    pub fn segments(&self) -> Vec<Segment> {
        let mut segments = self.parent.map(NodeRef::segments).unwrap_or_default();
        segments.extend(self.steps.iter().filter_map(|step| match step {
            Step::None => None,
            Step::Key(key) => Some(Segment::Key((*key).to_owned())),
            Step::Index(index) => Some(Segment::Index(*index)),
        }));
        segments
    }

    /// The place of the key that holds this node.
    pub fn key_span(&self) -> Option<Span> {
        self.entry.and_then(|entry| entry.key_span)
    }

    /// The field's name in messages: the last key of the path.
    pub fn field_name(&self) -> &'a str {
        let key = self.steps.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(*key),
            _ => None,
        });
        key.or_else(|| self.parent.map(NodeRef::field_name)).unwrap_or_default()
    }
}
