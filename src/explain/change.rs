//! Another value for a leaf, within its type.

use crate::values::Shape;
use yaml_spans::{Entry, Mapping, Node, Path, Segment, Value};

/// Texts that are values of some type of the values: one of them will do where a text with a letter
/// more will not.
const OTHERS: &[&str] = &[
    "x",
    "1 1 * * *",
    "Etc/UTC",
    "Etc/GMT",
    "1Gi",
    "2Gi",
    "http://x",
    "/x",
    "sha256:0000000000000000000000000000000000000000000000000000000000000000",
    "sha256:1111111111111111111111111111111111111111111111111111111111111111",
];

/// Values to try in place of a leaf, the likeliest first. Reading them tells which is one.
pub fn other(present: Option<&Node>, path: &Path) -> Vec<Node> {
    let mut candidates = Vec::new();
    let shape = Shape::of_values().at(path);
    let text = |text: &str| Value::String(text.to_owned());
    match present.map(|node| &node.value) {
        Some(Value::Bool(value)) => candidates.push(Value::Bool(!value)),
        Some(Value::Int(number)) => candidates
            .extend([Value::Int(number.saturating_add(1)), Value::Int(number.saturating_sub(1))]),
        Some(Value::Float(number)) => candidates.push(Value::Float(number + 1.0)),
        Some(Value::String(present)) => {
            let choices = shape.iter().flat_map(Shape::choices);
            candidates.extend(choices.filter(|choice| choice != present).map(|c| text(&c)));
            candidates.push(text(&format!("{present}x")));
            candidates.extend(OTHERS.iter().copied().map(text));
        }
        Some(Value::Sequence(_)) => candidates.extend([
            Value::Sequence(vec![Node::new(text("x"))]),
            Value::Sequence(vec![Node::new(Value::Mapping(Mapping::new()))]),
        ]),
        Some(Value::Mapping(_)) => {
            let entry = |value| Entry::from(Node::new(value));
            candidates.push(Value::Mapping([("x".to_owned(), entry(text("x")))].into()));
        }
        Some(Value::Null) | None => {
            candidates.extend(shape.iter().flat_map(Shape::choices).map(|choice| text(&choice)));
            candidates.extend([Value::Int(1), Value::Bool(true)]);
            candidates.extend(OTHERS.iter().copied().map(text));
            candidates.push(Value::Sequence(vec![Node::new(text("x"))]));
            // An empty map may count as nothing: one with any number in it does not.
            let number = |name: &'static str| {
                let entry = Entry::from(Node::new(Value::Int(1)));
                Value::Mapping([(name.to_owned(), entry)].into())
            };
            candidates.extend(shape.iter().flat_map(Shape::properties).map(number));
            candidates.push(Value::Mapping(Mapping::new()));
        }
    }
    candidates.into_iter().map(Node::new).collect()
}

/// Puts a value at a path, making the maps on the way. False if the path goes through what is
/// neither a map nor a list that has it.
pub(super) fn put(tree: &mut Node, path: &Path, value: Node) -> bool {
    let mut node = tree;
    for segment in path.segments() {
        if node.value == Value::Null {
            node.value = match segment {
                Segment::Key(_) => Value::Mapping(Mapping::new()),
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
    // The place stays: what a message says of the value is still where it was written.
    node.value = value.value;
    true
}
