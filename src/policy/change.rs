//! One change to a policy, applied to the text, and to the data for the check.

use std::ops::Range;

use super::cel;
use super::error::Error;
use super::model::error_at;
use yaml_spans::diagnostic::Located;
use yaml_spans::edit::{EditError, Editor};
use yaml_spans::{Entry, Node, Path, Segment, Value};

/// A change to one document.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// Adds items at the end of a list.
    Append { list: Path, items: Vec<Node> },
    /// Adds a key to a map.
    Insert { map: Path, after: Option<&'static str>, key: &'static str, value: Node },
    /// Removes an item or an entry.
    Remove(Path),
    /// Adds names to a list in a CEL expression.
    AppendInExpression { path: Path, list: usize, names: Vec<String> },
    /// Removes a name from a list in a CEL expression.
    RemoveInExpression { path: Path, list: usize, item: usize },
}

impl Change {
    pub fn append_names(list: Path, namespaces: &[&str]) -> Change {
        Change::Append { list, items: string_nodes(namespaces) }
    }

    /// Adds `- resources: {namespaces: [NS]}`.
    pub fn append_block(list: Path, namespaces: &[&str]) -> Change {
        Change::Append { list, items: vec![block_node(namespaces)] }
    }

    /// Adds `exclude: {any: [{resources: {namespaces: [NS]}}]}`.
    pub fn insert_exclude(map: Path, after: Option<&'static str>, namespaces: &[&str]) -> Change {
        let value = mapping_node("any", Node::new(Value::Sequence(vec![block_node(namespaces)])));
        Change::Insert { map, after, key: "exclude", value }
    }

    /// Adds `- name: NAME, expression: "!(request.namespace in ['NS'])"`.
    pub fn append_condition(list: Path, name: &str, namespaces: &[&str]) -> Change {
        Change::Append { list, items: vec![condition_node(name, namespaces)] }
    }

    /// Adds `matchConditions` with that one condition.
    pub fn insert_conditions(map: Path, name: &str, namespaces: &[&str]) -> Change {
        let value = Node::new(Value::Sequence(vec![condition_node(name, namespaces)]));
        Change::Insert { map, after: Some("matchConstraints"), key: "matchConditions", value }
    }

    /// The text with the change.
    pub fn apply_to_text(
        &self,
        editor: &Editor<'_>,
        document: usize,
    ) -> Result<String, Located<Error>> {
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
        result.map_err(with_fix)
    }

    /// Edits a CEL list inside a YAML scalar. The expression is read as it is written, without YAML's
    /// quotes, and spliced in place.
    fn apply_in_expression(
        &self,
        editor: &Editor<'_>,
        document: usize,
        path: &Path,
    ) -> Result<String, Located<Error>> {
        let scalar = editor.scalar(document, path).map_err(with_fix)?;
        let escaped = || error_at(Error::EscapedExpression, Some(scalar.span), path);
        let (raw, starts) = match scalar.quote {
            Some('\'') => unquote_single(scalar.raw),
            Some(_) if scalar.raw.contains('\\') => return Err(escaped()),
            _ => (scalar.raw.to_owned(), (0..scalar.raw.len()).collect()),
        };
        let (range, new) = self.expression_splice(&raw).ok_or_else(escaped)?;
        let value = self.edited_expression(scalar.value).ok_or_else(escaped)?;
        let new = if scalar.quote == Some('\'') { new.replace('\'', "''") } else { new };
        let [start, end] = [range.start, range.end]
            .map(|byte| scalar.raw_start + starts.get(byte).copied().unwrap_or(scalar.raw.len()));
        let bytes = start..end;
        editor.splice_scalar(document, path, bytes, &new, &value).map_err(with_fix)
    }

    /// The expression with the change.
    fn edited_expression(&self, text: &str) -> Option<String> {
        let (bytes, new) = self.expression_splice(text)?;
        Some(format!("{}{new}{}", &text[..bytes.start], &text[bytes.end..]))
    }

    /// The bytes of an expression to replace, and their replacement.
    fn expression_splice(&self, text: &str) -> Option<(Range<usize>, String)> {
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

    /// Makes the change in data. None if the data lacks the place to change.
    pub fn apply_to_data(&self, root: &mut Node) -> Option<()> {
        match self {
            Change::Append { list, items } => {
                let Value::Sequence(list) = &mut node_at_mut(root, list)?.value else {
                    return None;
                };
                list.extend(items.iter().cloned());
            }
            Change::Insert { map, key, value, .. } => {
                let Value::Mapping(map) = &mut node_at_mut(root, map)?.value else {
                    return None;
                };
                map.insert((*key).to_owned(), Entry::from(value.clone()));
            }
            Change::Remove(path) => {
                let parent = node_at_mut(root, &path.parent()?)?;
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
                let node = node_at_mut(root, path)?;
                node.value = Value::String(self.edited_expression(node.as_str()?)?);
            }
        }
        Some(())
    }
}

/// The text of a single-quoted scalar, with `'` for `''`, and the original offset of each byte.
fn unquote_single(raw: &str) -> (String, Vec<usize>) {
    let mut text = String::with_capacity(raw.len());
    let mut starts = Vec::with_capacity(raw.len());
    let mut skip = false;
    for (at, c) in raw.char_indices() {
        if c == '\'' && !skip && raw[at + 1..].starts_with('\'') {
            skip = true;
            continue;
        }
        // The start of a doubled quote is its first half: an insertion between the halves would part them.
        let start = if skip { at - 1 } else { at };
        skip = false;
        starts.extend(std::iter::repeat_n(start, c.len_utf8()));
        text.push(c);
    }
    (text, starts)
}

fn with_fix(error: Located<EditError>) -> Located<Error> {
    let error = error.map(Error::Edit);
    match error.error.fix() {
        Some(fix) if error.hint.is_none() => error.hint(fix),
        _ => error,
    }
}

fn node_at_mut<'a>(root: &'a mut Node, path: &Path) -> Option<&'a mut Node> {
    path.segments().iter().try_fold(root, |node, segment| match (segment, &mut node.value) {
        (Segment::Key(key), Value::Mapping(map)) => map.get_mut(key).map(|entry| &mut entry.node),
        (Segment::Index(index), Value::Sequence(items)) => items.get_mut(*index),
        _ => None,
    })
}

fn string_nodes(texts: &[&str]) -> Vec<Node> {
    texts.iter().map(|text| Node::new(Value::String((*text).to_owned()))).collect()
}

fn mapping_node(key: &str, value: Node) -> Node {
    Node::new(Value::Mapping([(key.to_owned(), Entry::from(value))].into_iter().collect()))
}

fn block_node(namespaces: &[&str]) -> Node {
    let list = Node::new(Value::Sequence(string_nodes(namespaces)));
    mapping_node("resources", mapping_node("namespaces", list))
}

fn condition_node(name: &str, namespaces: &[&str]) -> Node {
    let names: Vec<String> = namespaces.iter().map(|name| format!("'{name}'")).collect();
    let expression = format!("!(request.namespace in [{}])", names.join(", "));
    let entries = [("name", name.to_owned()), ("expression", expression)];
    let entries =
        entries.map(|(key, text)| (key.to_owned(), Entry::from(Node::new(Value::String(text)))));
    Node::new(Value::Mapping(entries.into_iter().collect()))
}
