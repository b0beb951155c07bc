//! One change to a policy: made in the text, and told again as data, for the check.

use std::ops::Range;

use super::cel;
use super::error::Error;
use super::model::refuse;
use yaml_spans::diagnostic::Located;
use yaml_spans::edit::{self, Editor};
use yaml_spans::{Entry, Node, Path, Segment, Value};

/// A change to one document.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// Items more at the end of a list.
    Append { list: Path, items: Vec<Node> },
    /// A key more in a map.
    Insert { map: Path, after: Option<&'static str>, key: &'static str, value: Node },
    /// An item or an entry less.
    Remove(Path),
    /// Names more in a list of a CEL expression.
    AppendInExpression { path: Path, list: usize, names: Vec<String> },
    /// A name less in a list of a CEL expression.
    RemoveInExpression { path: Path, list: usize, item: usize },
}

impl Change {
    pub fn append_names(list: Path, namespaces: &[&str]) -> Change {
        Change::Append { list, items: strings(namespaces) }
    }

    /// `- resources: {namespaces: [NS]}`
    pub fn append_block(list: Path, namespaces: &[&str]) -> Change {
        Change::Append { list, items: vec![block(namespaces)] }
    }

    /// `exclude: {any: [{resources: {namespaces: [NS]}}]}`
    pub fn insert_exclude(map: Path, after: Option<&'static str>, namespaces: &[&str]) -> Change {
        let value = mapping("any", Node::new(Value::Sequence(vec![block(namespaces)])));
        Change::Insert { map, after, key: "exclude", value }
    }

    /// The text with the change.
    pub fn apply(&self, editor: &Editor<'_>, document: usize) -> Result<String, Located<Error>> {
        let result = match self {
            Change::Append { list, items } => editor.append(document, list, items),
            Change::Insert { map, after, key, value } => {
                editor.insert(document, map, *after, key, value)
            }
            Change::Remove(path) => editor.remove(document, path),
            Change::AppendInExpression { path, .. } | Change::RemoveInExpression { path, .. } => {
                return self.apply_in_expression(editor, document, path);
            }
        };
        result.map_err(with_cure)
    }

    /// A CEL list inside of a YAML scalar: the expression is read as it is written, with the quotes
    /// of YAML taken off, and spliced there.
    fn apply_in_expression(
        &self,
        editor: &Editor<'_>,
        document: usize,
        path: &Path,
    ) -> Result<String, Located<Error>> {
        let scalar = editor.scalar(document, path).map_err(with_cure)?;
        let span = Some(scalar.span);
        let escaped = || refuse(Error::EscapedExpression, span, path);
        let doubled = match scalar.quote {
            Some('\'') => true,
            Some(_) if scalar.raw.contains('\\') => return Err(escaped()),
            _ => false,
        };
        let (raw, starts) = undouble(scalar.raw, doubled);
        let (written, new) = self.in_expression(&raw).ok_or_else(escaped)?;
        let value = self.expression(scalar.value).ok_or_else(escaped)?;
        let new = if doubled { new.replace('\'', "''") } else { new };
        let at = |byte: usize| starts.get(byte).copied().unwrap_or(scalar.raw.len());
        let start = scalar.raw_start;
        let bytes = start + at(written.start)..start + at(written.end);
        editor.splice_scalar(document, path, bytes, &new, &value).map_err(with_cure)
    }

    /// The expression with the change.
    fn expression(&self, text: &str) -> Option<String> {
        let (bytes, new) = self.in_expression(text)?;
        Some(format!("{}{new}{}", &text[..bytes.start], &text[bytes.end..]))
    }

    /// The bytes of an expression that are replaced, and by what.
    fn in_expression(&self, text: &str) -> Option<(Range<usize>, String)> {
        match self {
            Change::AppendInExpression { list, names, .. } => {
                let list = cel::excluded_lists(text)?.into_iter().nth(*list)?;
                let quote = list.items.last().map_or('\'', |last| last.quote);
                let quoted = names.iter().map(|name| format!("{quote}{name}{quote}"));
                let new = quoted.collect::<Vec<_>>().join(", ");
                Some(match list.items.last() {
                    Some(last) => (last.range.end..last.range.end, format!(", {new}")),
                    None => (list.open..list.open, new),
                })
            }
            Change::RemoveInExpression { list, item, .. } => {
                let list = cel::excluded_lists(text)?.into_iter().nth(*list)?;
                let range = list.items.get(*item)?.range.clone();
                let bytes = match (item.checked_sub(1), list.items.get(item + 1)) {
                    (Some(before), _) => list.items[before].range.end..range.end,
                    (None, Some(next)) => range.start..next.range.start,
                    (None, None) => range,
                };
                Some((bytes, String::new()))
            }
            _ => None,
        }
    }

    /// Makes the change in data; none where the data is not as the change takes it.
    pub fn mean(&self, root: &mut Node) -> Option<()> {
        match self {
            Change::Append { list, items } => {
                let Value::Sequence(list) = &mut at_mut(root, list)?.value else {
                    return None;
                };
                list.extend(items.iter().cloned());
            }
            Change::Insert { map, key, value, .. } => {
                let Value::Mapping(map) = &mut at_mut(root, map)?.value else {
                    return None;
                };
                map.insert((*key).to_owned(), Entry::from(value.clone()));
            }
            Change::Remove(path) => {
                let parent = at_mut(root, &path.parent()?)?;
                match (path.segments().last()?, &mut parent.value) {
                    (Segment::Index(at), Value::Sequence(items)) if *at < items.len() => {
                        items.remove(*at);
                    }
                    (Segment::Key(key), Value::Mapping(map)) => {
                        map.shift_remove(key)?;
                    }
                    _ => return None,
                }
            }
            Change::AppendInExpression { path, .. } | Change::RemoveInExpression { path, .. } => {
                let node = at_mut(root, path)?;
                node.value = Value::String(self.expression(node.as_str()?)?);
            }
        }
        Some(())
    }
}

/// A single-quoted scalar's text with `''` as `'`, and for each byte of it the byte it was.
fn undouble(raw: &str, doubled: bool) -> (String, Vec<usize>) {
    let mut text = String::with_capacity(raw.len());
    let mut starts = Vec::with_capacity(raw.len());
    let mut skip = false;
    for (at, c) in raw.char_indices() {
        if doubled && c == '\'' && !skip && raw[at + 1..].starts_with('\'') {
            skip = true;
            continue;
        }
        // Of a doubled quote the second is kept: an insertion before it would part the two.
        let start = if skip { at - 1 } else { at };
        skip = false;
        starts.extend(std::iter::repeat_n(start, c.len_utf8()));
        text.push(c);
    }
    (text, starts)
}

fn with_cure(error: Located<edit::Error>) -> Located<Error> {
    let error = error.map(Error::Edit);
    match error.error.cure() {
        Some(cure) if error.hint.is_none() => error.hint(cure),
        _ => error,
    }
}

fn at_mut<'a>(root: &'a mut Node, path: &Path) -> Option<&'a mut Node> {
    path.segments().iter().try_fold(root, |node, segment| match (segment, &mut node.value) {
        (Segment::Key(key), Value::Mapping(map)) => map.get_mut(key).map(|entry| &mut entry.node),
        (Segment::Index(index), Value::Sequence(items)) => items.get_mut(*index),
        _ => None,
    })
}

fn strings(texts: &[&str]) -> Vec<Node> {
    texts.iter().map(|text| Node::new(Value::String((*text).to_owned()))).collect()
}

fn mapping(key: &str, value: Node) -> Node {
    Node::new(Value::Mapping([(key.to_owned(), Entry::from(value))].into_iter().collect()))
}

fn block(namespaces: &[&str]) -> Node {
    let list = Node::new(Value::Sequence(strings(namespaces)));
    mapping("resources", mapping("namespaces", list))
}
