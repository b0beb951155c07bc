//! Other values to try for a leaf, within its type.

use crate::values::Shape;
use kube_formats::quantity::parse_bytes;
use yaml_spans::{Entry, Mapping, Node, Path, Segment, Value};

/// A URL, which many maps need.
const SAMPLE_URL: &str = "http://x";

/// Strings that are valid for some type of the values, for leaves that do not take just any string.
const SAMPLE_STRINGS: &[&str] = &[
    "x",
    "1 1 * * *",
    "Etc/UTC",
    "Etc/GMT",
    "1Gi",
    "2Gi",
    "1h",
    SAMPLE_URL,
    "/x",
    "sha256:0000000000000000000000000000000000000000000000000000000000000000",
    "sha256:1111111111111111111111111111111111111111111111111111111111111111",
];

/// Values to try in place of a leaf, the likeliest first. Not all of them are valid.
pub(super) fn alternative_values(present: Option<&Node>, path: &Path) -> Vec<Node> {
    let mut candidates = Vec::new();
    let shape = Shape::of_values().at(path);
    match present.map(|node| &node.value) {
        Some(Value::Bool(value)) => candidates.push(Value::Bool(!value)),
        Some(Value::Int(number)) => candidates
            .extend([Value::Int(number.saturating_add(1)), Value::Int(number.saturating_sub(1))]),
        Some(Value::Float(number)) => candidates.push(Value::Float(number + 1.0)),
        Some(Value::String(present)) => {
            let choices = shape.iter().flat_map(Shape::choices);
            candidates.extend(choices.filter(|choice| choice != present).map(Value::String));
            // A nearby amount of memory, which no other value contradicts.
            let bytes = parse_bytes(present).ok().and_then(|bytes| i64::try_from(bytes).ok());
            candidates.extend(bytes.into_iter().flat_map(|bytes| {
                [Value::Int(bytes.saturating_add(1)), Value::Int(bytes.saturating_sub(1))]
            }));
            candidates.push(Value::String(format!("{present}x")));
            candidates.extend(SAMPLE_STRINGS.iter().copied().map(string_value));
        }
        Some(Value::Sequence(_)) => candidates.extend([
            Value::Sequence(vec![Node::new(string_value("x"))]),
            Value::Sequence(vec![Node::new(Value::Mapping(Mapping::default()))]),
        ]),
        Some(Value::Mapping(_)) => {
            candidates.push(single_entry("x", string_value("x")));
        }
        Some(Value::Null) | None => {
            candidates.extend(shape.iter().flat_map(Shape::choices).map(Value::String));
            candidates.extend([Value::Int(1), Value::Bool(true)]);
            candidates.extend(SAMPLE_STRINGS.iter().copied().map(string_value));
            candidates.push(Value::Sequence(vec![Node::new(string_value("x"))]));
            // An empty map may have the same meaning as none; one with a number does not.
            for (shape, name) in
                shape.iter().flat_map(|shape| shape.properties().map(move |name| (shape, name)))
            {
                let mut values = vec![Value::Int(1), string_value(SAMPLE_URL)];
                let below = shape.step(&Segment::Key(name.to_owned()));
                if below.as_ref().is_some_and(|below| below.allows("object")) {
                    values.push(Value::Mapping(Mapping::default()));
                }
                if below.is_some_and(|below| below.allows("array")) {
                    values.push(Value::Sequence(Vec::new()));
                }
                candidates.extend(values.into_iter().map(|value| single_entry(name, value)));
            }
            candidates.push(Value::Mapping(Mapping::default()));
        }
    }
    // What the schema rules out would only be refused when the values are read.
    candidates.retain(|value| shape.as_ref().is_none_or(|shape| is_allowed(shape, value)));
    candidates.into_iter().map(Node::new).collect()
}

fn is_allowed(shape: &Shape, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) => shape.allows("boolean"),
        Value::Int(_) => shape.allows("integer") || shape.allows("number"),
        Value::Float(_) => shape.allows("number"),
        Value::String(_) => shape.allows("string"),
        Value::Sequence(_) => shape.allows("array"),
        Value::Mapping(_) => shape.allows("object"),
    }
}

fn string_value(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn single_entry(key: &str, value: Value) -> Value {
    Value::Mapping(Mapping::from_iter([(key.to_owned(), Entry::from(Node::new(value)))]))
}

/// Sets the value at a path, adding the maps that are missing above it. Returns false if a step of the
/// path is impossible.
pub(super) fn set_value(tree: &mut Node, path: &Path, value: Node) -> bool {
    let mut node = tree;
    for segment in path.segments() {
        if node.value == Value::Null {
            node.value = match segment {
                Segment::Key(_) => Value::Mapping(Mapping::default()),
                Segment::Index(_) => Value::Sequence(vec![Node::new(Value::Null)]),
            };
        }
        if let (Segment::Key(key), Value::Mapping(map)) = (segment, &mut node.value)
            && !map.contains_key(key)
        {
            map.insert(key.clone(), Node::new(Value::Null).into());
        }
        match step_mut(node, segment) {
            Some(next) => node = next,
            None => return false,
        }
    }
    // The span stays, so that messages about the value still have its place.
    node.value = value.value;
    true
}

/// The content of a tree at a path, or the place on the way to it from which there is nothing.
pub(super) struct Original {
    path: Path,
    value: Option<Value>,
}

impl Original {
    /// Keeps what [`set_value`] can change.
    pub(super) fn of(tree: &Node, path: &Path) -> Self {
        let (mut node, mut place) = (tree, Path::root());
        for segment in path.segments() {
            if node.value == Value::Null {
                break;
            }
            place.push(segment.clone());
            match step(node, segment) {
                Some(next) => node = next,
                None => return Original { path: place, value: None },
            }
        }
        Original { path: place, value: Some(node.value.clone()) }
    }

    /// Undoes what [`set_value`] did.
    pub(super) fn restore(self, tree: &mut Node) {
        let Some((last, parents)) = self.path.segments().split_last() else {
            tree.value = self.value.unwrap_or(Value::Null);
            return;
        };
        let Some(parent) = parents.iter().try_fold(tree, step_mut) else { return };
        match (self.value, last, &mut parent.value) {
            (None, Segment::Key(key), Value::Mapping(map)) => {
                map.shift_remove(key);
            }
            (Some(value), ..) => {
                if let Some(node) = step_mut(parent, last) {
                    node.value = value;
                }
            }
            _ => {}
        }
    }
}

fn step<'a>(node: &'a Node, segment: &Segment) -> Option<&'a Node> {
    match (segment, &node.value) {
        (Segment::Key(key), Value::Mapping(map)) => map.get(key).map(|entry| &entry.node),
        (Segment::Index(index), Value::Sequence(items)) => items.get(*index),
        _ => None,
    }
}

fn step_mut<'a>(node: &'a mut Node, segment: &Segment) -> Option<&'a mut Node> {
    match (segment, &mut node.value) {
        (Segment::Key(key), Value::Mapping(map)) => map.get_mut(key).map(|entry| &mut entry.node),
        (Segment::Index(index), Value::Sequence(items)) => items.get_mut(*index),
        _ => None,
    }
}
