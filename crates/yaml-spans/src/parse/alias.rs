//! The features of [`Dialect::Kubectl`](super::Dialect::Kubectl): anchors, aliases, merge keys, tags,
//! and keys that are not strings.

use std::collections::{HashMap, HashSet};

use super::error::ParseError;
use crate::limits::{MAX_BYTES, MAX_DEPTH};
use crate::node::{Mapping, Node, Value};
use crate::scalar::resolve_kubectl;
use crate::truncate::truncate;

/// The complete anchored nodes of one document.
#[derive(Default)]
pub(super) struct Anchors {
    by_id: HashMap<usize, Anchored>,
    /// The bytes of text that anchors and aliases copied so far.
    bytes: usize,
}

struct Anchored {
    node: Node,
    size: Size,
}

/// The cost of a copy of a node.
#[derive(Clone, Copy, Default)]
struct Size {
    nodes: usize,
    bytes: usize,
    depth: usize,
}

impl Anchors {
    /// Stores a copy of an anchored node; returns the number of nodes in it.
    pub(super) fn insert(&mut self, id: usize, node: &Node) -> usize {
        let size = measure(node);
        self.bytes += size.bytes;
        self.by_id.insert(id, Anchored { node: node.clone(), size });
        size.nodes
    }

    /// Returns a copy of the node that an alias at a depth refers to, and the number of nodes in it;
    /// none if the anchored node is not complete yet.
    pub(super) fn expand(
        &mut self,
        id: usize,
        depth: usize,
    ) -> Option<Result<(Node, usize), ParseError>> {
        let Anchored { node, size } = self.by_id.get(&id)?;
        self.bytes += size.bytes;
        Some(if self.bytes > MAX_BYTES {
            Err(ParseError::AliasesTooLarge)
        } else if depth + size.depth > MAX_DEPTH {
            Err(ParseError::TooDeep)
        } else {
            Ok((node.clone(), size.nodes))
        })
    }
}

fn measure(node: &Node) -> Size {
    let mut size = Size { nodes: 1, bytes: 0, depth: 0 };
    match &node.value {
        Value::String(text) => size.bytes = text.len(),
        Value::Sequence(items) => {
            size.depth = 1;
            items.iter().for_each(|item| size.add_child(measure(item)));
        }
        Value::Mapping(map) => {
            size.depth = 1;
            for (key, entry) in map {
                size.bytes += key.len();
                size.add_child(measure(&entry.node));
            }
        }
        _ => {}
    }
    size
}

impl Size {
    fn add_child(&mut self, child: Size) {
        self.nodes += child.nodes;
        self.bytes += child.bytes;
        self.depth = self.depth.max(child.depth + 1);
    }
}

/// Adds the entries that `<<` brings, as go-yaml v2 does (`decode.go`, `merge`): the first of several
/// maps wins, and the map's own keys after `<<` win over it. In go-yaml `<<` also wins over the map's
/// own keys before it, against YAML's rule; that case is refused.
pub(super) fn merge_into(
    node: Node,
    mapping: &mut Mapping,
    merged: &mut HashSet<String>,
) -> Vec<ParseError> {
    let kind = node.kind();
    let maps: Vec<Mapping> = match node.value {
        Value::Mapping(map) => vec![map],
        Value::Sequence(items) => {
            let mut maps = Vec::with_capacity(items.len());
            for item in items {
                let kind = item.kind();
                match item.value {
                    Value::Mapping(map) => maps.push(map),
                    _ => return vec![ParseError::MergeNotMap(kind)],
                }
            }
            maps
        }
        _ => return vec![ParseError::MergeNotMap(kind)],
    };
    let mut errors = Vec::new();
    for (key, entry) in maps.into_iter().flatten() {
        if merged.contains(&key) {
            continue;
        }
        if mapping.contains_key(&key) {
            errors.push(ParseError::MergeAfterKey(truncate(&key)));
            continue;
        }
        merged.insert(key.clone());
        mapping.insert(key, entry);
    }
    errors
}

/// Resolves a scalar with a tag, as go-yaml v2 does. Its `!!binary` puts raw bytes into strings, which
/// JSON can't represent: it is refused, like every tag that is not YAML's own.
pub(super) fn resolve_tagged(text: &str, tag: &str) -> Result<Value, ParseError> {
    let mismatch = || ParseError::TagMismatch { tag: truncate(tag), text: truncate(text) };
    let name = core_tag(tag).ok_or_else(|| ParseError::UnknownTag(truncate(tag)))?;
    if matches!(name, "" | "str") {
        return Ok(Value::String(text.to_owned()));
    }
    let value = resolve_kubectl(text).map_err(|_| mismatch())?;
    match (name, &value) {
        ("null", Value::Null)
        | ("bool", Value::Bool(_))
        | ("int", Value::Int(_))
        | ("float", Value::Int(_) | Value::Float(_)) => Ok(value),
        ("null" | "bool" | "int" | "float", _) => Err(mismatch()),
        _ => Err(ParseError::UnknownTag(truncate(tag))),
    }
}

/// Returns true if the tag of a list or map is the default one.
pub(super) fn is_tag_of(tag: &str, kind: &str) -> bool {
    matches!(core_tag(tag), Some(name) if name == kind || name.is_empty())
}

/// The name of one of YAML's own tags; empty for `!`, which sets no tag.
fn core_tag(tag: &str) -> Option<&str> {
    match tag {
        "!" => Some(""),
        _ => tag
            .strip_prefix("!!")
            .or_else(|| tag.strip_prefix("!<tag:yaml.org,2002:")?.strip_suffix('>')),
    }
}

/// Converts a key that is not a string, as `sigs.k8s.io/yaml` does (`yaml.go`,
/// `convertToJSONableObject`).
pub(super) fn to_json_key(value: &Value) -> Option<String> {
    Some(match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => format_go_float(*number),
        _ => return None,
    })
}

/// Converts a float as Go does by way of JSON, which has one kind of number: `1.0` and `1e3` are
/// whole.
pub(super) fn to_json_number(number: f64) -> Value {
    const MAX_EXACT: f64 = (1_u64 << 53) as f64;
    match number.fract() == 0.0 && number.abs() <= MAX_EXACT {
        true => Value::Int(number as i64),
        false => Value::Float(number),
    }
}

/// Formats a float as Go's `strconv.FormatFloat(number, 'g', -1, 32)` does.
fn format_go_float(number: f64) -> String {
    let number = number as f32;
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if (-4..6).contains(&exponent) => number.to_string(),
        Ok(exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
        Err(_) => number.to_string(),
    }
}
