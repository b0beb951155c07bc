//! The one grammar for paths (`--set`, errors, explain, parameters): dots, `[0]`,
//! `["keel.sh/enrolled"]`.

use std::fmt;
use std::str::FromStr;

use super::node::{Node, Value};

/// The way from a document's root to a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Path(Vec<Segment>);

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Segment {
    /// Into a map.
    Key(String),
    /// Into a list, from 0.
    Index(usize),
}

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing stands where a key should.
    #[error("a key is missing in the path `{0}`")]
    MissingKey(String),
    /// A bracket holds neither a number nor a double-quoted key, or is not closed.
    #[error(
        "a bracket in the path `{0}` must hold a number or a double-quoted key: `[0]`, `[\"a.b/c\"]`"
    )]
    Bracket(String),
}

impl Path {
    /// The document itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// The steps, from the root.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether this is the document itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// This path and one key more.
    pub fn key(&self, key: impl Into<String>) -> Self {
        self.with(Segment::Key(key.into()))
    }

    /// This path and one index more.
    pub fn index(&self, index: usize) -> Self {
        self.with(Segment::Index(index))
    }

    fn with(&self, segment: Segment) -> Self {
        Path(self.0.iter().cloned().chain([segment]).collect())
    }

    /// This path and then another.
    pub fn join(&self, rest: &Path) -> Self {
        Path(self.0.iter().chain(&rest.0).cloned().collect())
    }

    /// Whether the way to this leads through another, or is the same.
    pub fn starts_with(&self, other: &Path) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Goes one step down, in place: cheap where a walk keeps one path.
    pub fn push(&mut self, segment: Segment) {
        self.0.push(segment);
    }

    /// Goes one step up, in place.
    pub fn pop(&mut self) -> Option<Segment> {
        self.0.pop()
    }

    /// The path without its last step; none for the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, head) = self.0.split_last()?;
        Some(Path(head.to_vec()))
    }

    /// The node this path leads to.
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
        for (at, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) if is_plain(key) && at == 0 => f.write_str(key)?,
                Segment::Key(key) if is_plain(key) => write!(f, ".{key}")?,
                Segment::Key(key) => write!(f, "[{}]", serde_json::Value::from(key.as_str()))?,
            }
        }
        Ok(())
    }
}

fn is_plain(key: &str) -> bool {
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
                    bracket(inner).ok_or_else(|| PathError::Bracket(text.to_owned()))?;
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

/// Reads what stands after `[`: the segment, and the text after `]`.
fn bracket(inner: &str) -> Option<(Segment, &str)> {
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
    fn what_is_no_path_is_refused() {
        for text in ["", ".a", "a.", "a..b", "a[", "a[]", "a[x]", "a[\"x]", "a[0]b", "a[-1]"] {
            assert!(text.parse::<Path>().is_err(), "{text:?}");
        }
    }
}
