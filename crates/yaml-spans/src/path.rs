//! Paths into a document, in the one grammar that `--set`, errors and explanations use: dots, `[0]`
//! and `["keel.sh/enrolled"]`.

use std::fmt;
use std::str::FromStr;

use crate::node::{Node, Value};

/// The path from a document's root to a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Path(Vec<Segment>);

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Segment {
    /// A key of a map.
    Key(String),
    /// The index of a list's item, from 0.
    Index(usize),
}

/// An error in a path's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A key is empty.
    #[error("invalid path `{0}`: a key is missing")]
    MissingKey(String),
    /// The content of a bracket is neither a number nor a double-quoted key, or the bracket is not
    /// closed.
    #[error(
        "invalid path `{0}`: expected a number or a double-quoted key in brackets, such as `[0]` or `[\"a.b/c\"]`"
    )]
    Bracket(String),
}

impl FromIterator<Segment> for Path {
    fn from_iter<I: IntoIterator<Item = Segment>>(segments: I) -> Self {
        Path(segments.into_iter().collect())
    }
}

impl Path {
    /// The path of the document itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// The path of some keys, from the root.
    pub fn of_keys<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Self {
        keys.into_iter().map(|key| Segment::Key(key.into())).collect()
    }

    /// The steps, from the root.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Returns true for the document itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns this path with a key added.
    pub fn key(&self, key: impl Into<String>) -> Self {
        self.with_segment(Segment::Key(key.into()))
    }

    /// Returns this path with an index added.
    pub fn index(&self, index: usize) -> Self {
        self.with_segment(Segment::Index(index))
    }

    fn with_segment(&self, segment: Segment) -> Self {
        self.0.iter().cloned().chain([segment]).collect()
    }

    /// Returns this path followed by another.
    pub fn join(&self, rest: &Path) -> Self {
        self.0.iter().chain(&rest.0).cloned().collect()
    }

    /// Returns true if `prefix` is an ancestor of this path, or the same.
    pub fn starts_with(&self, prefix: &Path) -> bool {
        self.0.starts_with(&prefix.0)
    }

    /// Adds a step in place, which is cheap for a walk that keeps one path.
    pub fn push(&mut self, segment: Segment) {
        self.0.push(segment);
    }

    /// Removes the last step in place.
    pub fn pop(&mut self) -> Option<Segment> {
        self.0.pop()
    }

    /// The path without its last step; none for the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, head) = self.0.split_last()?;
        Some(Path(head.to_vec()))
    }

    /// Returns the node at this path, if there is one.
    pub fn find<'a>(&self, root: &'a Node) -> Option<&'a Node> {
        self.0.iter().try_fold(root, |node, segment| match (segment, &node.value) {
            (Segment::Key(key), Value::Mapping(map)) => map.get(key).map(|entry| &entry.node),
            (Segment::Index(index), Value::Sequence(items)) => items.get(*index),
            _ => None,
        })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) if is_plain_key(key) && depth == 0 => f.write_str(key)?,
                Segment::Key(key) if is_plain_key(key) => write!(f, ".{key}")?,
                Segment::Key(key) => write!(f, "[{}]", serde_json::Value::from(key.as_str()))?,
            }
        }
        Ok(())
    }
}

/// Returns true for a key that needs no brackets.
fn is_plain_key(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let mut path = Path::root();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let (segment, after) =
                    parse_bracket(inner).ok_or_else(|| PathError::Bracket(text.to_owned()))?;
                path.push(segment);
                rest = after;
            } else {
                let bare = match rest.strip_prefix('.') {
                    Some(bare) if !path.is_root() => bare,
                    Some(_) => return Err(PathError::MissingKey(text.to_owned())),
                    None if path.is_root() => rest,
                    None => return Err(PathError::Bracket(text.to_owned())),
                };
                let end = bare.find(['.', '[']).unwrap_or(bare.len());
                if end == 0 {
                    return Err(PathError::MissingKey(text.to_owned()));
                }
                path.push(Segment::Key(bare[..end].to_owned()));
                rest = &bare[end..];
            }
        }
        if path.is_root() { Err(PathError::MissingKey(text.to_owned())) } else { Ok(path) }
    }
}

/// Parses the text after `[`; returns the segment and the text after `]`.
fn parse_bracket(inner: &str) -> Option<(Segment, &str)> {
    if !inner.starts_with('"') {
        let (digits, after) = inner.split_once(']')?;
        return Some((Segment::Index(digits.parse().ok()?), after));
    }
    let mut keys = serde_json::Deserializer::from_str(inner).into_iter::<String>();
    let key = keys.next()?.ok()?;
    let after = inner.get(keys.byte_offset()..)?.strip_prefix(']')?;
    Some((Segment::Key(key), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_print_as_they_are_read() {
        for text in [
            "gate.floor",
            "server.env.TTS_BF16",
            "clients[0].env",
            "namespace.labels[\"keel.sh/enrolled\"]",
            "[\"a.b\"][2].c",
            "a[\"with \\\"quotes\\\" and ]\"].b",
        ] {
            let path: Path = text.parse().unwrap();
            assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn malformed_paths_are_refused() {
        for text in ["", ".a", "a.", "a..b", "a[", "a[]", "a[x]", "a[\"x]", "a[0]b", "a[-1]"] {
            assert!(text.parse::<Path>().is_err(), "{text:?}");
        }
    }
}
