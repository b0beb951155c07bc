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
        let next = match (segment, &mut node.value) {
            (Segment::Key(key), Value::Mapping(map)) => {
                let entry = map.entry(key.clone());
                Some(&mut entry.or_insert_with(|| Node::new(Value::Null).into()).node)
            }
            (Segment::Index(index), Value::Sequence(items)) => items.get_mut(*index),
            _ => None,
        };
        match next {
            Some(next) => node = next,
            None => return false,
        }
    }
    // The span stays, so that messages about the value still have its place.
    node.value = value.value;
    true
}

/// Undoes [`set_value`] in a copy of a tree: replaces the section that a path is in by the tree's own.
pub(super) fn restore_section(copy: &mut Node, own: &Node, path: &Path) {
    match (path.segments().first(), &mut copy.value, &own.value) {
        (Some(Segment::Key(key)), Value::Mapping(copy), Value::Mapping(own)) => {
            match own.get(key) {
                Some(entry) => copy.insert(key.clone(), entry.clone()),
                None => copy.shift_remove(key),
            };
        }
        _ => copy.clone_from(own),
    }
}
