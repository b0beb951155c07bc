//! The text of what an edit puts in.

use granit_parser::ScalarStyle;

use super::outline::{Content, Item, Mapping, Sequence};
use crate::{Node, Value};

/// How the file around the edit is laid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout<'a> {
    /// The line end.
    pub line_end: &'a str,
    /// How much deeper a map stands than its key.
    pub step: usize,
    /// How much deeper a list's dashes stand than its key.
    pub dash: usize,
}

impl<'a> Layout<'a> {
    /// What the first nodes that tell do, in the order given; else two spaces, and dashes as deep
    /// as maps.
    pub fn of(line_end: &'a str, text: &str, examples: &[&Item]) -> Self {
        let column = |item: &Item| super::lines::column(text, item.start);
        let step = examples.iter().find_map(|item| {
            find(item, &|key, value| match &value.content {
                Content::Mapping(map) if !map.flow => column(value).checked_sub(column(key)),
                _ => None,
            })
        });
        let dash = examples.iter().find_map(|item| {
            find(item, &|key, value| match &value.content {
                Content::Sequence(list) if !list.flow => list.column.checked_sub(column(key)),
                _ => None,
            })
        });
        let step = step.filter(|&step| step > 0).unwrap_or(2);
        Layout { line_end, step, dash: dash.unwrap_or(step) }
    }
}

/// The first answer of a question put to every key with its value, from the top down.
fn find(item: &Item, ask: &dyn Fn(&Item, &Item) -> Option<usize>) -> Option<usize> {
    match &item.content {
        Content::Mapping(map) => {
            let mut entries = map.entries.iter();
            entries.find_map(|(key, value)| ask(key, value).or_else(|| find(value, ask)))
        }
        Content::Sequence(list) => list.items.iter().find_map(|item| find(item, ask)),
        _ => None,
    }
}

/// A scalar in a style, or in the lightest that every reader reads rightly.
pub(super) fn scalar(text: &str, like: Option<ScalarStyle>) -> String {
    let lightest = crate::scalar(text);
    match like {
        Some(ScalarStyle::SingleQuoted) if !text.contains(char::is_control) => {
            format!("'{}'", text.replace('\'', "''"))
        }
        Some(ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) if lightest == text => {
            serde_json::Value::from(text).to_string()
        }
        _ => lightest,
    }
}

/// `{resources: {namespaces: [a]}}`, or a scalar.
pub(super) fn flow(node: &Node, like: Option<ScalarStyle>) -> String {
    match &node.value {
        Value::String(text) => scalar(text, like),
        Value::Sequence(items) => {
            let items: Vec<String> = items.iter().map(|item| flow(item, None)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Mapping(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, entry)| format!("{}: {}", scalar(key, None), flow(&entry.node, None)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => serde_json::Value::from(*number).to_string(),
    }
}

/// A node in block style whose first line stands at a column already.
pub(super) fn block(
    node: &Node,
    column: usize,
    layout: Layout<'_>,
    like: Option<ScalarStyle>,
) -> String {
    let next = format!("{}{}", layout.line_end, " ".repeat(column));
    match &node.value {
        Value::Mapping(map) if !map.is_empty() => {
            let entry = |(key, entry): (&String, &crate::Entry)| {
                block_entry(key, &entry.node, column, layout)
            };
            map.iter().map(entry).collect::<Vec<_>>().join(&next)
        }
        Value::Sequence(items) if !items.is_empty() => {
            let item = |item| format!("- {}", block(item, column + 2, layout, None));
            items.iter().map(item).collect::<Vec<_>>().join(&next)
        }
        _ => flow(node, like),
    }
}

/// `key: value` in block style, whose key stands at a column already.
pub(super) fn block_entry(key: &str, node: &Node, column: usize, layout: Layout<'_>) -> String {
    let key = scalar(key, None);
    let deeper = match &node.value {
        Value::Mapping(map) if !map.is_empty() => layout.step,
        Value::Sequence(items) if !items.is_empty() => layout.dash,
        _ => return format!("{key}: {}", flow(node, None)),
    };
    let column = column + deeper;
    let value = block(node, column, layout, None);
    format!("{key}:{}{}{value}", layout.line_end, " ".repeat(column))
}

/// What the written text must read as, for the guard.
pub(super) fn expected(node: &Node, in_flow: bool) -> Item {
    let content = match &node.value {
        Value::Sequence(items) => {
            let flow = in_flow || items.is_empty();
            let items = items.iter().map(|item| expected(item, flow)).collect();
            Content::Sequence(Sequence { flow, column: 0, items })
        }
        Value::Mapping(map) => {
            let flow = in_flow || map.is_empty();
            let entry = |(key, entry): (&String, &crate::Entry)| {
                (expected_scalar(key), expected(&entry.node, flow))
            };
            Content::Mapping(Mapping { flow, entries: map.iter().map(entry).collect() })
        }
        Value::String(text) => return expected_scalar(text),
        _ => return expected_scalar(&flow(node, None)),
    };
    Item { start: 0, end: 0, anchor: 0, tag: None, content }
}

pub(super) fn expected_scalar(text: &str) -> Item {
    let content = Content::Scalar { value: text.to_owned(), style: None };
    Item { start: 0, end: 0, anchor: 0, tag: None, content }
}
