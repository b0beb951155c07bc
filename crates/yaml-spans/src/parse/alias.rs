//! What [`Dialect::Kubectl`](super::Dialect::Kubectl) follows: anchors, aliases, merge keys, tags,
//! and keys that are no strings.

use std::collections::{HashMap, HashSet};

use super::error::ParseError;
use crate::limits::{MAX_BYTES, MAX_DEPTH};
use crate::node::{Mapping, Node, Value};
use crate::scalar::resolve_kubectl;
use crate::show::shorten;

/// The anchored nodes of one document that are complete.
#[derive(Default)]
pub(super) struct Anchors {
    kept: HashMap<usize, Anchored>,
    /// Bytes of text that aliases made so far.
    bytes: usize,
}

struct Anchored {
    node: Node,
    size: Size,
}

/// What a copy of a node costs.
#[derive(Clone, Copy, Default)]
struct Size {
    nodes: usize,
    bytes: usize,
    depth: usize,
}

impl Anchors {
    /// Keeps a copy of an anchored node; gives the number of nodes in it.
    pub(super) fn keep(&mut self, id: usize, node: &Node) -> usize {
        let size = size(node);
        self.bytes += size.bytes;
        self.kept.insert(id, Anchored { node: node.clone(), size });
        size.nodes
    }

    /// A copy of what an alias at a depth means, and the number of nodes in it; none if the anchor
    /// is not complete yet.
    pub(super) fn expand(
        &mut self,
        id: usize,
        depth: usize,
    ) -> Option<Result<(Node, usize), ParseError>> {
        let Anchored { node, size } = self.kept.get(&id)?;
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

fn size(node: &Node) -> Size {
    let add = |sum: Size, part: Size| Size {
        nodes: sum.nodes + part.nodes,
        bytes: sum.bytes + part.bytes,
        depth: sum.depth.max(part.depth + 1),
    };
    let one = Size { nodes: 1, bytes: 0, depth: 0 };
    match &node.value {
        Value::String(text) => Size { bytes: text.len(), ..one },
        Value::Sequence(items) => items.iter().map(size).fold(Size { depth: 1, ..one }, add),
        Value::Mapping(map) => map.iter().fold(Size { depth: 1, ..one }, |sum, (key, entry)| {
            let sum = add(sum, size(&entry.node));
            Size { bytes: sum.bytes + key.len(), ..sum }
        }),
        _ => one,
    }
}

/// Sets the keys that `<<` brings, as go-yaml v2 does (`decode.go`, `merge`): of several maps the
/// earlier wins, and a key that is written out after `<<` wins over it. There, a key written
/// before `<<` loses, against YAML's own rule: that is refused.
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
            errors.push(ParseError::MergeAfterKey(shorten(&key)));
            continue;
        }
        merged.insert(key.clone());
        mapping.insert(key, entry);
    }
    errors
}

/// A scalar with a tag, as go-yaml v2 reads it. Its `!!binary` puts raw bytes into strings, which
/// JSON has no place for: refused, like every tag outside of YAML's own.
pub(super) fn tagged_scalar(text: &str, tag: &str) -> Result<Value, ParseError> {
    let mismatch = || ParseError::TagMismatch { tag: shorten(tag), text: shorten(text) };
    let name = core_tag(tag).ok_or_else(|| ParseError::UnknownTag(shorten(tag)))?;
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
        _ => Err(ParseError::UnknownTag(shorten(tag))),
    }
}

/// Whether a list's or map's tag says what it is anyway.
pub(super) fn is_tag_of(tag: &str, kind: &str) -> bool {
    matches!(core_tag(tag), Some(name) if name == kind || name.is_empty())
}

/// The name of one of YAML's own tags; empty for `!`, "no tag of its own".
fn core_tag(tag: &str) -> Option<&str> {
    match tag {
        "!" => Some(""),
        _ => tag
            .strip_prefix("!!")
            .or_else(|| tag.strip_prefix("!<tag:yaml.org,2002:")?.strip_suffix('>')),
    }
}

/// A key that is no string, as `sigs.k8s.io/yaml` makes it one (`yaml.go`,
/// `convertToJSONableObject`).
pub(super) fn json_key(value: &Value) -> Option<String> {
    Some(match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => go_float(*number),
        _ => return None,
    })
}

/// A float as Go writes it to JSON, which has one kind of number: `1.0` and `1e3` are whole there.
pub(super) fn json_number(number: f64) -> Value {
    const EXACT: f64 = (1_u64 << 53) as f64;
    match number.fract() == 0.0 && number.abs() <= EXACT {
        true => Value::Int(number as i64),
        false => Value::Float(number),
    }
}

/// Go's `strconv.FormatFloat(number, 'g', -1, 32)`.
fn go_float(number: f64) -> String {
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
