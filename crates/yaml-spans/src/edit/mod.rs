//! Edits of a YAML file that keep every other byte: line ends, comments, quotes, order.
//!
//! In: a text, the number of a document, a path, and the new value. Out: the edited text.
//!
//! An edit is a splice at the places that the parser reports. Before it is returned, the result is
//! parsed again and compared with the outline that the edit should produce: data, quotes, anchors,
//! tags and comments. Anchors and aliases are never edited, since their values are used elsewhere
//! too.

mod lines;
mod outline;
mod splice;
mod write;

use std::ops::Range;

use granit_parser::ScalarStyle;

use self::outline::{Content, Item, Outline, Sequence};
use self::splice::{Children, Splice};
use self::write::{Layout, Style};
use crate::diagnostic::Located;
use crate::source::{SourceId, Sources, Span};
use crate::{Mapping, Node, Path, Segment, Value};

/// A reason why an edit is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is not YAML.
    #[error("{0}")]
    Syntax(String),
    /// The text has no such document.
    #[error("there is no document to edit")]
    NoDocument,
    /// The text has no node at the path; a merge key may bring it.
    #[error("there is no `{0}` in the text")]
    Missing(String),
    /// The map has the new key already.
    #[error("the key `{0}` exists already")]
    KeyExists(String),
    /// The path leads through `&name`.
    #[error("a value with an anchor can't be edited: it is used elsewhere too")]
    Anchor,
    /// The path leads through `*name`.
    #[error("an alias can't be edited: its value is defined elsewhere")]
    Alias,
    /// The path leads through `!tag`.
    #[error("a value with the tag `{0}` can't be edited")]
    Tag(String),
    /// The node is of another kind than the edit needs.
    #[error("invalid type: expected {expected}, found {found}")]
    Kind {
        /// The kind that the edit needs.
        expected: &'static str,
        /// The kind that was found.
        found: &'static str,
    },
    /// The value is a block scalar, which is never replaced.
    #[error("a block scalar (`|` or `>`) can't be replaced")]
    BlockScalar,
    /// A list or map in block style can't be empty.
    #[error("the only entry can't be removed: an empty list or map has another style")]
    OnlyEntry,
    /// No splice fits the layout of the text.
    #[error("the edit does not support the layout of the text")]
    Layout,
    /// The edited text does not have the expected outline.
    #[error("the edit would change more than it should")]
    Verification,
}

/// A text that is open for edits. Each edit returns a new text and leaves this one unchanged.
pub struct Editor<'a> {
    text: &'a str,
    source: SourceId,
    outline: Outline,
}

/// A scalar as it is written.
#[derive(Debug, Clone, Copy)]
pub struct Scalar<'a> {
    /// Its text in the file, without quotes; of a block scalar, its lines without the indentation of
    /// the first.
    pub raw: &'a str,
    /// The first byte of `raw`.
    pub raw_start: usize,
    /// Its place, with quotes.
    pub span: Span,
    /// Its quotes.
    pub quote: Option<char>,
    /// Its value.
    pub value: &'a str,
}

/// The node that an edit changes.
#[derive(Clone, Copy)]
struct Target<'i, 'p> {
    document: usize,
    path: &'p Path,
    item: &'i Item,
}

/// The result of following a path.
enum Lookup<'e> {
    Found(&'e Item),
    /// The path does not exist; the deepest node of it that does.
    Missing(&'e Item),
}

/// The comments that an edit must keep.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comments {
    All,
    /// The comment of a removed entry is removed too.
    AllButRemoved,
}

type Result<T> = std::result::Result<T, Located<EditError>>;

impl<'a> Editor<'a> {
    /// Opens a text. Documents are counted as [`parse`](crate::parse) returns them: empty ones are
    /// ignored.
    pub fn open(sources: &'a Sources, source: SourceId) -> Result<Self> {
        let text = sources.get(source).text();
        let outline = Outline::read(text).map_err(|error| {
            let at = error.marker().byte_offset().unwrap_or(0).min(text.len()) as u32;
            let span = Some(Span::new(source, at, at));
            Located::new(EditError::Syntax(error.info()), span, Path::root())
        })?;
        Ok(Editor { text, source, outline })
    }

    /// Appends items to a list. Scalars get the quotes of the list's last one.
    pub fn append(&self, document: usize, list: &Path, items: &[Node]) -> Result<String> {
        let target = self.locate(document, list)?;
        let Content::Sequence(sequence) = &target.item.content else {
            return Err(self.refuse_kind("a list", target));
        };
        let splices = self
            .append_splices(target, sequence, items)
            .ok_or_else(|| self.refuse(EditError::Layout, target))?;
        self.splice_verified(&splices, target, Comments::All, |item| {
            let Content::Sequence(sequence) = &mut item.content else {
                return None;
            };
            let style = Style::of(sequence.is_flow);
            sequence.items.extend(items.iter().map(|item| write::expected(item, style)));
            Some(())
        })
        .ok_or_else(|| self.refuse(EditError::Verification, target))
    }

    /// Inserts an entry into a map, or where a key has no value yet: after one of the map's keys, or
    /// at its end. The key must be new.
    pub fn insert(
        &self,
        document: usize,
        map: &Path,
        after: Option<&str>,
        key: &str,
        value: &Node,
    ) -> Result<String> {
        let target = self.locate(document, map)?;
        if target.item.is_nothing() {
            return self.fill(target, &map_of_one(key, value.clone()));
        }
        let Content::Mapping(mapping) = &target.item.content else {
            return Err(self.refuse_kind("a map", target));
        };
        if mapping.position(key).is_some() {
            let path = map.key(key);
            let error = EditError::KeyExists(key.to_owned());
            return Err(self.refuse(error, Target { path: &path, ..target }));
        }
        let last = mapping.entries.len().saturating_sub(1);
        let after = after.filter(|_| !mapping.is_flow);
        let index = after.and_then(|after| mapping.position(after)).unwrap_or(last);
        let splices = self
            .insert_splices(target, index, key, value)
            .ok_or_else(|| self.refuse(EditError::Layout, target))?;
        self.splice_verified(&splices, target, Comments::All, |item| {
            let Content::Mapping(mapping) = &mut item.content else {
                return None;
            };
            let value = write::expected(value, Style::of(mapping.is_flow));
            let position = (index + 1).min(mapping.entries.len());
            mapping.entries.insert(position, (write::expected_scalar(key), value));
            Some(())
        })
        .ok_or_else(|| self.refuse(EditError::Verification, target))
    }

    /// Sets the scalar at a path of keys: replaces the present one and keeps its quotes, or inserts
    /// the keys that are missing. A text with that value already is returned unchanged.
    pub fn set(&self, document: usize, path: &Path, value: &str) -> Result<String> {
        let mut present = path.clone();
        let mut missing = Vec::new();
        while let Lookup::Missing(item) = self.find(document, &present)? {
            match present.pop() {
                Some(Segment::Key(key)) => missing.push(key),
                _ => {
                    let error = EditError::Missing(path.to_string());
                    return Err(self.refuse(error, Target { document, path, item }));
                }
            }
        }
        let Some(first) = missing.pop() else {
            return self.replace(self.locate(document, path)?, value);
        };
        let scalar = Node::new(Value::String(value.to_owned()));
        let node = missing.iter().fold(scalar, |node, key| map_of_one(key, node));
        self.insert(document, &present, None, &first, &node)
    }

    /// Removes a list's item or a map's entry, with the comment at the end of its line.
    pub fn remove(&self, document: usize, path: &Path) -> Result<String> {
        let target = self.locate(document, path)?;
        let parent_path = path.parent().unwrap_or_default();
        let parent = self.locate(document, &parent_path)?;
        let index = position_in(parent.item, path).ok_or_else(|| {
            self.refuse(EditError::Missing(path.to_string()), Target { path, ..parent })
        })?;
        let splices = match Children::of(self.text, parent.item) {
            None => None,
            Some(children) if children.is_flow => {
                splice::remove_from_flow(self.text, parent.item, &children, index)
            }
            Some(children) if children.ranges.len() < 2 => {
                return Err(self.refuse(EditError::OnlyEntry, target));
            }
            Some(children) => {
                splice::remove_line(self.text, &children, index).map(|splice| vec![splice])
            }
        };
        let splices = splices.ok_or_else(|| self.refuse(EditError::Layout, target))?;
        self.splice_verified(&splices, parent, Comments::AllButRemoved, |item| {
            match &mut item.content {
                Content::Sequence(list) => drop(list.items.remove(index)),
                Content::Mapping(map) => drop(map.entries.remove(index)),
                _ => return None,
            }
            Some(())
        })
        .ok_or_else(|| self.refuse(EditError::Verification, target))
    }

    /// Returns the scalar at a path as it is written.
    pub fn scalar(&self, document: usize, path: &Path) -> Result<Scalar<'_>> {
        let target = self.locate(document, path)?;
        let Content::Scalar { value, style } = &target.item.content else {
            return Err(self.refuse_kind("a scalar", target));
        };
        let quote = match style {
            Some(ScalarStyle::SingleQuoted) => Some('\''),
            Some(ScalarStyle::DoubleQuoted) => Some('"'),
            _ => None,
        };
        let raw = match quote {
            Some(_) => target.item.start + 1..target.item.end - 1,
            None => target.item.range(),
        };
        Ok(Scalar {
            raw: &self.text[raw.clone()],
            raw_start: raw.start,
            span: self.span(target.item),
            quote,
            value,
        })
    }

    /// Replaces bytes inside a scalar, which must then have the value `value`.
    pub fn splice_scalar(
        &self,
        document: usize,
        path: &Path,
        bytes: Range<usize>,
        new: &str,
        value: &str,
    ) -> Result<String> {
        let target = self.locate(document, path)?;
        if bytes.start < target.item.start || bytes.end > target.item.end {
            return Err(self.refuse(EditError::Layout, target));
        }
        let splice = Splice { range: bytes, new: new.to_owned() };
        self.splice_verified(&[splice], target, Comments::All, |item| {
            let Content::Scalar { value: old, .. } = &mut item.content else {
                return None;
            };
            *old = value.to_owned();
            Some(())
        })
        .ok_or_else(|| self.refuse(EditError::Verification, target))
    }

    fn append_splices(
        &self,
        target: Target<'_, '_>,
        sequence: &Sequence,
        items: &[Node],
    ) -> Option<Vec<Splice>> {
        let style = sequence.items.last().and_then(|last| match &last.content {
            Content::Scalar { style, .. } => *style,
            _ => None,
        });
        if sequence.is_flow {
            let children = Children::of(self.text, target.item)?;
            let new: Vec<String> =
                items.iter().map(|item| write::write_flow(item, style)).collect();
            return splice::insert_in_flow(self.text, target.item, &children, &new);
        }
        let last = sequence.items.last()?;
        let gap = self.gap_after_dash(sequence.column, last);
        let layout = self.layout(target);
        let column = sequence.column + 1 + gap.len();
        let entries: Vec<String> = items
            .iter()
            .map(|item| format!("-{gap}{}", write::write_block(item, column, layout, style)))
            .collect();
        let new = entries.join(&layout.new_line(sequence.column));
        Some(vec![splice::insert_line(self.text, last.end, sequence.column, &new)?])
    }

    fn insert_splices(
        &self,
        target: Target<'_, '_>,
        index: usize,
        key: &str,
        value: &Node,
    ) -> Option<Vec<Splice>> {
        let children = Children::of(self.text, target.item)?;
        if children.is_flow {
            let new = write::write_flow_entry(key, value);
            return splice::insert_in_flow(self.text, target.item, &children, &[new]);
        }
        let end = children.ranges.get(index)?.end;
        let new = write::write_block_entry(key, value, children.column, self.layout(target));
        Some(vec![splice::insert_line(self.text, end, children.column, &new)?])
    }

    /// The layout around a node: its own, else its document's.
    fn layout(&self, target: Target<'_, '_>) -> Layout<'a> {
        let newline = lines::newline_for(self.text, target.item.start);
        let document = self.outline.documents.get(target.document);
        let examples: Vec<&Item> = [Some(target.item), document].into_iter().flatten().collect();
        Layout::copy_from(newline, self.text, &examples)
    }

    /// The spaces between a list's dash and its item, if they are on one line.
    fn gap_after_dash(&self, column: usize, item: &Item) -> &'a str {
        let line = &self.text[lines::line_start(self.text, item.start)..item.start];
        match line.get(column + 1..) {
            Some(gap) if !gap.is_empty() && gap.bytes().all(|byte| byte == b' ') => gap,
            _ => " ",
        }
    }

    /// Replaces a scalar.
    fn replace(&self, target: Target<'_, '_>, value: &str) -> Result<String> {
        let item = target.item;
        let Content::Scalar { value: old, style } = &item.content else {
            return Err(self.refuse_kind("a scalar", target));
        };
        if matches!(style, Some(ScalarStyle::Literal | ScalarStyle::Folded)) {
            return Err(self.refuse(EditError::BlockScalar, target));
        }
        let new = write::write_string(value, *style);
        // A plain scalar with this text can be a number or a boolean: the text is compared too.
        let is_plain = *style == Some(ScalarStyle::Plain);
        if old == value && (!is_plain || self.text[item.range()] == new) {
            return Ok(self.text.to_owned());
        }
        let blank = if item.is_nothing() { " " } else { "" };
        let splice = Splice { range: item.range(), new: format!("{blank}{new}") };
        self.splice_verified(&[splice], target, Comments::All, |item| {
            item.content = write::expected_scalar(value).content;
            Some(())
        })
        .ok_or_else(|| self.refuse(EditError::Verification, target))
    }

    /// Inserts a map as the value of a key that has none yet, as in `image:`.
    fn fill(&self, target: Target<'_, '_>, map: &Node) -> Result<String> {
        let parent = target.path.parent();
        let parent = parent.map(|path| self.locate(target.document, &path).map(|t| t.item));
        let splice = parent
            .transpose()?
            .and_then(|parent| self.fill_splice(target, parent, map))
            .ok_or_else(|| self.refuse(EditError::Layout, target))?;
        self.splice_verified(&[splice], target, Comments::All, |item| {
            item.content = write::expected(map, Style::Block).content;
            Some(())
        })
        .ok_or_else(|| self.refuse(EditError::Verification, target))
    }

    fn fill_splice(&self, target: Target<'_, '_>, parent: &Item, map: &Node) -> Option<Splice> {
        let siblings = Children::of(self.text, parent).filter(|children| !children.is_flow)?;
        if !lines::ends_line(self.text, target.item.end) {
            return None;
        }
        let layout = self.layout(target);
        let column = siblings.column + layout.map_indent;
        let new = write::write_block(map, column, layout, None);
        let end = lines::line_end(self.text, target.item.end);
        Some(Splice::insert(end, format!("{}{new}", layout.new_line(column))))
    }

    /// Applies splices, and returns the text if it is read as expected: as the current outline with
    /// `change` made to the target.
    fn splice_verified(
        &self,
        splices: &[Splice],
        target: Target<'_, '_>,
        comments: Comments,
        change: impl FnOnce(&mut Item) -> Option<()>,
    ) -> Option<String> {
        let text = splice::apply_splices(self.text, splices);
        let mut expected = self.outline.clone();
        let document = expected.documents.get_mut(target.document)?;
        change(item_at_mut(document, target.path.segments())?)?;
        let actual = Outline::read(&text).ok()?;
        let are_comments_kept = match comments {
            Comments::All => actual.comments == expected.comments,
            Comments::AllButRemoved => is_subsequence(&actual.comments, &expected.comments),
        };
        (are_comments_kept && actual.documents == expected.documents).then_some(text)
    }

    /// Follows a path; an anchor, an alias or a tag on the way is an error.
    fn find(&self, document: usize, path: &Path) -> Result<Lookup<'_>> {
        let root = self.outline.documents.get(document);
        let mut item =
            root.ok_or_else(|| Located::new(EditError::NoDocument, None, path.clone()))?;
        self.check_editable(Target { document, path, item })?;
        for segment in path.segments() {
            let next = match (segment, &item.content) {
                (Segment::Key(key), Content::Mapping(map)) => {
                    map.position(key).map(|position| &map.entries[position].1)
                }
                (Segment::Index(index), Content::Sequence(list)) => list.items.get(*index),
                _ => None,
            };
            let Some(next) = next else {
                return Ok(Lookup::Missing(item));
            };
            self.check_editable(Target { document, path, item: next })?;
            item = next;
        }
        Ok(Lookup::Found(item))
    }

    /// Follows a path to its node.
    fn locate<'p>(&self, document: usize, path: &'p Path) -> Result<Target<'_, 'p>> {
        match self.find(document, path)? {
            Lookup::Found(item) => Ok(Target { document, path, item }),
            Lookup::Missing(item) => {
                let error = EditError::Missing(path.to_string());
                Err(self.refuse(error, Target { document, path, item }))
            }
        }
    }

    fn check_editable(&self, target: Target<'_, '_>) -> Result<()> {
        let error = match (&target.item.content, &target.item.tag) {
            (Content::Alias(_), _) => EditError::Alias,
            _ if target.item.anchor != 0 => EditError::Anchor,
            (_, Some(tag)) => EditError::Tag(tag.clone()),
            _ => return Ok(()),
        };
        Err(self.refuse(error, target))
    }

    fn refuse_kind(&self, expected: &'static str, target: Target<'_, '_>) -> Located<EditError> {
        let found = match &target.item.content {
            Content::Scalar { .. } if target.item.is_nothing() => "nothing",
            Content::Scalar { .. } => "a scalar",
            Content::Alias(_) => "an alias",
            Content::Sequence(_) => "a list",
            Content::Mapping(_) => "a map",
        };
        self.refuse(EditError::Kind { expected, found }, target)
    }

    fn refuse(&self, error: EditError, target: Target<'_, '_>) -> Located<EditError> {
        Located::new(error, Some(self.span(target.item)), target.path.clone())
    }

    fn span(&self, item: &Item) -> Span {
        Span::new(self.source, item.start as u32, item.end as u32)
    }
}

/// Makes `{key: value}`.
fn map_of_one(key: &str, value: Node) -> Node {
    Node::new(Value::Mapping(Mapping::from_iter([(key.to_owned(), value.into())])))
}

/// The position in its parent of the item or entry that a path ends with; none for the root.
fn position_in(parent: &Item, path: &Path) -> Option<usize> {
    match (path.segments().last()?, &parent.content) {
        (Segment::Index(index), Content::Sequence(_)) => Some(*index),
        (Segment::Key(key), Content::Mapping(map)) => map.position(key),
        _ => None,
    }
}

fn item_at_mut<'i>(item: &'i mut Item, path: &[Segment]) -> Option<&'i mut Item> {
    path.iter().try_fold(item, |item, segment| match (segment, &mut item.content) {
        (Segment::Key(key), Content::Mapping(map)) => {
            let position = map.position(key)?;
            map.entries.get_mut(position).map(|(_, value)| value)
        }
        (Segment::Index(index), Content::Sequence(list)) => list.items.get_mut(*index),
        _ => None,
    })
}

/// Returns true if `part` is `whole` without some of its texts.
fn is_subsequence(part: &[String], whole: &[String]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|text| whole.any(|other| other == text))
}

#[cfg(test)]
mod tests;
