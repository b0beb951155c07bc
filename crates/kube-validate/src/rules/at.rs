//! Where a rule looks: a node, and the way to it from the structure that the rule is for.
//!
//! The way is kept on the stack and made into a path only when something is wrong.

use yaml_spans::{Entry, Node, Segment, Value};

/// A node and the way to it.
#[derive(Clone, Copy)]
pub struct At<'a> {
    parent: Option<&'a At<'a>>,
    steps: [Step<'a>; 2],
    entry: Option<&'a Entry>,
    /// The node.
    pub node: &'a Node,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    None,
    Key(&'a str),
    Index(usize),
}

impl<'a> At<'a> {
    /// The structure itself.
    pub fn top(node: &'a Node) -> Self {
        At { parent: None, steps: [Step::None; 2], entry: None, node }
    }

    /// The value under a key; a null is as no value, as the API server has it.
    pub fn get<'b>(&'b self, key: &'b str) -> Option<At<'b>> {
        let entry = self.node.as_mapping()?.get(key)?;
        let at = At {
            parent: Some(self),
            steps: [Step::Key(key), Step::None],
            entry: Some(entry),
            node: &entry.node,
        };
        (entry.node.value != Value::Null).then_some(at)
    }

    /// Whether a key has a value.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The items of the list under a key; none if there is no such list.
    pub fn list<'b>(&'b self, key: &'b str) -> impl Iterator<Item = At<'b>> {
        let items = self.node.get(key).and_then(Node::as_sequence).unwrap_or_default();
        items.iter().enumerate().map(move |(index, node)| At {
            parent: Some(self),
            steps: [Step::Key(key), Step::Index(index)],
            entry: None,
            node,
        })
    }

    /// The items of this list; none if it is no list.
    pub fn items(&self) -> impl Iterator<Item = At<'_>> {
        let items = self.node.as_sequence().unwrap_or_default();
        items.iter().enumerate().map(move |(index, node)| At {
            parent: Some(self),
            steps: [Step::Index(index), Step::None],
            entry: None,
            node,
        })
    }

    /// The keys and values of this map; none if it is no map.
    pub fn entries(&self) -> impl Iterator<Item = (&str, At<'_>)> {
        let entries = self.node.as_mapping().into_iter().flatten();
        entries.map(move |(key, entry)| {
            let steps = [Step::Key(key), Step::None];
            (key.as_str(), At { parent: Some(self), steps, entry: Some(entry), node: &entry.node })
        })
    }

    /// The text under a key; an empty text is as none, as the API server has it.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        self.node.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    /// The whole number under a key.
    pub fn int(&self, key: &str) -> Option<i64> {
        self.node.get(key)?.as_int()
    }

    /// Whether a key holds `true`.
    pub fn is_true(&self, key: &str) -> bool {
        self.node.get(key).is_some_and(|node| node.value == Value::Bool(true))
    }

    /// How many items the list, or keys the map, under a key has; zero if there is none.
    pub fn len(&self, key: &str) -> usize {
        match self.node.get(key).map(|node| &node.value) {
            Some(Value::Sequence(items)) => items.len(),
            Some(Value::Mapping(entries)) => entries.len(),
            _ => 0,
        }
    }

    /// The steps from the structure to here.
    pub fn segments(&self) -> Vec<Segment> {
        let mut segments = self.parent.map(At::segments).unwrap_or_default();
        segments.extend(self.steps.iter().filter_map(|step| match step {
            Step::None => None,
            Step::Key(key) => Some(Segment::Key((*key).to_owned())),
            Step::Index(index) => Some(Segment::Index(*index)),
        }));
        segments
    }

    /// The key that leads here, where it has a place.
    pub fn key_span(&self) -> Option<yaml_spans::source::Span> {
        self.entry.and_then(|entry| entry.key_span)
    }

    /// The last key on the way here: what messages call the field.
    pub fn name(&self) -> &'a str {
        let key = self.steps.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(*key),
            _ => None,
        });
        key.or_else(|| self.parent.map(At::name)).unwrap_or_default()
    }
}
