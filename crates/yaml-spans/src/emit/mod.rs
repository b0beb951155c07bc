//! Trees to text that every YAML reader reads as the same data.
//!
//! Block style in the tree's order, indented by two spaces, with lists indented below their key. A
//! string is plain only if every reader of YAML 1.1 and 1.2 reads it as that string; it is a literal
//! block if it has several lines that every reader keeps; otherwise it is double-quoted. Nothing is
//! folded.

mod text;

use self::text::{Shape, push_quoted};
use crate::node::{Mapping, Node, Value};

/// The longest key that is written without `? `, in bytes. YAML allows 1024 characters
/// (<https://yaml.org/spec/1.2.2/#822-block-mappings>), quotes included; this leaves a margin.
const MAX_SIMPLE_KEY: usize = 1000;

/// Writes one document, without `---`; it ends with a newline. A float that is not finite, which
/// parsing never returns, is written as YAML's `.nan` or `.inf`.
pub fn emit(node: &Node) -> String {
    let mut out = String::with_capacity(1024);
    push_document(&mut out, node);
    out
}

/// Writes several documents with `---` between them.
pub fn emit_documents<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> String {
    let mut out = String::with_capacity(4096);
    for node in nodes {
        if !out.is_empty() {
            out.push_str("---\n");
        }
        push_document(&mut out, node);
    }
    out
}

/// Writes a string as a scalar on one line, quoted if necessary. It is also safe inside flow lists
/// and maps.
pub fn emit_scalar(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    if Shape::of(text) == Shape::Plain && !text.contains([',', '[', ']', '{', '}', ':', '?']) {
        out.push_str(text);
    } else {
        push_quoted(&mut out, text);
    }
    out
}

fn push_document(out: &mut String, node: &Node) {
    match &node.value {
        Value::Mapping(map) if !map.is_empty() => push_map(out, map, 0),
        Value::Sequence(items) if !items.is_empty() => push_list(out, items, 0),
        value => push_scalar(out, value, 0),
    }
}

/// Writes the entries of a map, the first at the end of the current line.
fn push_map(out: &mut String, map: &Mapping, indent: usize) {
    for (index, (key, entry)) in map.iter().enumerate() {
        if index > 0 {
            push_indent(out, indent);
        }
        let start = out.len();
        push_key(out, key);
        if out.len() - start > MAX_SIMPLE_KEY {
            out.insert_str(start, "? ");
            out.push('\n');
            push_indent(out, indent);
        }
        out.push(':');
        match &entry.node.value {
            Value::Mapping(map) if !map.is_empty() => {
                push_line(out, indent + 2);
                push_map(out, map, indent + 2);
            }
            Value::Sequence(items) if !items.is_empty() => {
                push_line(out, indent + 2);
                push_list(out, items, indent + 2);
            }
            value => {
                out.push(' ');
                push_scalar(out, value, indent);
            }
        }
    }
}

/// Writes the items of a list, the first at the end of the current line.
fn push_list(out: &mut String, items: &[Node], indent: usize) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            push_indent(out, indent);
        }
        out.push_str("- ");
        match &item.value {
            Value::Mapping(map) if !map.is_empty() => push_map(out, map, indent + 2),
            Value::Sequence(items) if !items.is_empty() => push_list(out, items, indent + 2),
            value => push_scalar(out, value, indent),
        }
    }
}

/// Writes a scalar or an empty list or map, and the line end. A literal block is indented by two
/// more than `indent`.
fn push_scalar(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Float(number) => out.push_str(&format_float(*number)),
        Value::Sequence(_) => out.push_str("[]"),
        Value::Mapping(_) => out.push_str("{}"),
        Value::String(text) => match Shape::of(text) {
            Shape::Plain => out.push_str(text),
            Shape::Quoted => push_quoted(out, text),
            Shape::Literal => return push_literal(out, text, indent + 2),
        },
    }
    out.push('\n');
}

fn push_key(out: &mut String, key: &str) {
    match Shape::of(key) {
        Shape::Plain => out.push_str(key),
        Shape::Quoted | Shape::Literal => push_quoted(out, key),
    }
}

/// Writes a literal block. The sign after `|` depends on the number of line ends at the text's end.
fn push_literal(out: &mut String, text: &str, indent: usize) {
    let body = text.trim_end_matches('\n');
    out.push_str(match text.len() - body.len() {
        0 => "|-\n",
        1 => "|\n",
        _ => "|+\n",
    });
    for line in body.split('\n') {
        if !line.is_empty() {
            push_indent(out, indent);
            out.push_str(line);
        }
        out.push('\n');
    }
    for _ in 1..text.len() - body.len() {
        out.push('\n');
    }
}

/// Formats a float so that PyYAML also reads a float: with a point, and a sign in the exponent.
fn format_float(number: f64) -> String {
    if !number.is_finite() {
        let name = if number.is_nan() { ".nan" } else { ".inf" };
        let sign = if number == f64::NEG_INFINITY { "-" } else { "" };
        return format!("{sign}{name}");
    }
    let text = format!("{number:?}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    format!("{mantissa}{point}e{sign}{exponent}")
}

fn push_line(out: &mut String, indent: usize) {
    out.push('\n');
    push_indent(out, indent);
}

fn push_indent(out: &mut String, indent: usize) {
    const SPACES: &str = "                                ";
    let mut left = indent;
    while left > 0 {
        let width = left.min(SPACES.len());
        out.push_str(&SPACES[..width]);
        left -= width;
    }
}

#[cfg(test)]
mod tests;
