//! The text that an edit inserts, and the outline that it must be read as.

use granit_parser::ScalarStyle;

use super::lines::column;
use super::outline::{Content, Item, Mapping, Sequence};
use crate::{Node, Value};

/// The layout of the file around an edit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout<'a> {
    /// The line end.
    pub newline: &'a str,
    /// The indentation of a map below its key.
    pub map_indent: usize,
    /// The indentation of a list's dashes below its key.
    pub list_indent: usize,
}

impl<'a> Layout<'a> {
    /// Copies the layout of the first block map and the first block list below the example nodes, in
    /// the order given. The default is two spaces, and lists like maps.
    pub fn copy_from(newline: &'a str, text: &str, examples: &[&Item]) -> Self {
        let map_indent = examples.iter().find_map(|item| {
            find_entry(item, &|key, value| match &value.content {
                Content::Mapping(map) if !map.is_flow => {
                    column(text, value.start).checked_sub(column(text, key.start))
                }
                _ => None,
            })
        });
        let list_indent = examples.iter().find_map(|item| {
            find_entry(item, &|key, value| match &value.content {
                Content::Sequence(list) if !list.is_flow => {
                    list.column.checked_sub(column(text, key.start))
                }
                _ => None,
            })
        });
        let map_indent = map_indent.filter(|&indent| indent > 0).unwrap_or(2);
        Layout { newline, map_indent, list_indent: list_indent.unwrap_or(map_indent) }
    }

    /// A line end and the indentation of the next line.
    pub fn new_line(&self, column: usize) -> String {
        format!("{}{}", self.newline, " ".repeat(column))
    }
}

/// Returns the first result of a function for a key and its value, from the top down.
fn find_entry(item: &Item, find: &dyn Fn(&Item, &Item) -> Option<usize>) -> Option<usize> {
    match &item.content {
        Content::Mapping(map) => {
            let mut entries = map.entries.iter();
            entries.find_map(|(key, value)| find(key, value).or_else(|| find_entry(value, find)))
        }
        Content::Sequence(list) => list.items.iter().find_map(|item| find_entry(item, find)),
        _ => None,
    }
}

/// Writes a string in a style, else in the simplest one that every reader reads correctly.
pub(super) fn write_string(text: &str, style: Option<ScalarStyle>) -> String {
    let simplest = crate::emit_scalar(text);
    match style {
        Some(ScalarStyle::SingleQuoted) if !text.contains(char::is_control) => {
            format!("'{}'", text.replace('\'', "''"))
        }
        Some(ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) if simplest == text => {
            serde_json::Value::from(text).to_string()
        }
        _ => simplest,
    }
}

/// Writes a node in flow style: `{resources: {namespaces: [a]}}`. `style` is that of a string.
pub(super) fn write_flow(node: &Node, style: Option<ScalarStyle>) -> String {
    match &node.value {
        Value::String(text) => write_string(text, style),
        Value::Sequence(items) => {
            let items: Vec<String> = items.iter().map(|item| write_flow(item, None)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Mapping(map) => {
            let entries: Vec<String> =
                map.iter().map(|(key, entry)| write_flow_entry(key, &entry.node)).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => serde_json::Value::from(*number).to_string(),
    }
}

/// Writes `key: value` in flow style.
pub(super) fn write_flow_entry(key: &str, node: &Node) -> String {
    format!("{}: {}", write_string(key, None), write_flow(node, None))
}

/// Writes a node in block style. Its first line has no indentation; the others are indented to the
/// column. `style` is that of a string.
pub(super) fn write_block(
    node: &Node,
    column: usize,
    layout: Layout<'_>,
    style: Option<ScalarStyle>,
) -> String {
    let lines: Vec<String> = match &node.value {
        Value::Mapping(map) if !map.is_empty() => {
            let entries = map.iter();
            entries
                .map(|(key, entry)| write_block_entry(key, &entry.node, column, layout))
                .collect()
        }
        Value::Sequence(items) if !items.is_empty() => {
            let items = items.iter();
            items.map(|item| format!("- {}", write_block(item, column + 2, layout, None))).collect()
        }
        _ => return write_flow(node, style),
    };
    lines.join(&layout.new_line(column))
}

/// Writes `key: value` in block style. Its first line has no indentation; the others are indented
/// for a key in the column.
pub(super) fn write_block_entry(
    key: &str,
    node: &Node,
    column: usize,
    layout: Layout<'_>,
) -> String {
    let column = match &node.value {
        Value::Mapping(map) if !map.is_empty() => column + layout.map_indent,
        Value::Sequence(items) if !items.is_empty() => column + layout.list_indent,
        _ => return write_flow_entry(key, node),
    };
    let value = write_block(node, column, layout, None);
    format!("{}:{}{value}", write_string(key, None), layout.new_line(column))
}

/// The style that a written list or map is expected in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// In block style, unless it is empty.
    Block,
    Flow,
}

impl Style {
    pub fn of(is_flow: bool) -> Self {
        if is_flow { Style::Flow } else { Style::Block }
    }
}

/// The outline that a written node must be read as.
pub(super) fn expected(node: &Node, style: Style) -> Item {
    let content = match &node.value {
        Value::Sequence(items) => {
            let is_flow = style == Style::Flow || items.is_empty();
            let items = items.iter().map(|item| expected(item, Style::of(is_flow))).collect();
            Content::Sequence(Sequence { is_flow, column: 0, items })
        }
        Value::Mapping(map) => {
            let is_flow = style == Style::Flow || map.is_empty();
            let entries = map.iter().map(|(key, entry)| {
                (expected_scalar(key), expected(&entry.node, Style::of(is_flow)))
            });
            Content::Mapping(Mapping { is_flow, entries: entries.collect() })
        }
        Value::String(text) => return expected_scalar(text),
        _ => return expected_scalar(&write_flow(node, None)),
    };
    Item { start: 0, end: 0, anchor: 0, tag: None, content }
}

/// The outline that a written scalar must be read as, in any style.
pub(super) fn expected_scalar(text: &str) -> Item {
    let content = Content::Scalar { value: text.to_owned(), style: None };
    Item { start: 0, end: 0, anchor: 0, tag: None, content }
}
