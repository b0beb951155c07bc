//! Edits of a YAML file that leave every other byte alone: line ends, comments, quotes, order.
//!
//! In: a text, the number of a document, a path and what shall stand there. Out: the text with the
//! edit. `policy` and the image pin call it; it calls `yaml`, `source` and `diagnostic`.
//!
//! The edit is a splice at places that the parser gives. Before it is handed out, the result is
//! read again and held against the tree that was meant: data, quotes, anchors, tags and comments.
//! Anchors and aliases are never edited: what they feed stands elsewhere too.

mod lines;
mod outline;
mod splice;
mod write;

use std::ops::Range;

use granit_parser::ScalarStyle;

use self::outline::{Content, Item, Outline};
use self::splice::{Children, Splice};
use self::write::Layout;
use crate::diagnostic::Located;
use crate::source::{SourceId, Sources, Span};
use crate::{Node, Path, Segment, Value};

/// Why an edit is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is not YAML.
    #[error("{0}")]
    Syntax(String),
    /// The text has no such document.
    #[error("there is no document to edit")]
    NoDocument,
    /// The path leads nowhere in the text itself; a merge key may bring it.
    #[error("there is no `{0}` in the text")]
    Missing(String),
    /// The path goes through `&name`.
    #[error("an anchor is never edited: what it feeds stands elsewhere too")]
    Anchor,
    /// The path goes through `*name`.
    #[error("an alias is never edited: what it means stands elsewhere")]
    Alias,
    /// The path goes through `!tag`.
    #[error("a value with the tag `{0}` is not edited")]
    Tag(String),
    /// Something else stands where a list, a map or a scalar should.
    #[error("{expected} should stand here, not {found}")]
    Kind {
        /// What the edit needs.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A block scalar is not replaced.
    #[error("a text after `|` or `>` is not replaced")]
    BlockScalar,
    /// Without it the list or map would be nothing.
    #[error("the only entry is not taken out: nothing would be left")]
    OnlyEntry,
    /// The text is laid out in a way that no splice fits.
    #[error("the text is laid out in a way that this edit does not know")]
    Layout,
    /// What was read again is not what was meant.
    #[error("the edit would change more than it should")]
    Guard,
}

/// One text, read for edits. Each edit gives a new text and leaves this one as it is.
pub struct Editor<'a> {
    text: &'a str,
    source: SourceId,
    outline: Outline,
}

/// A scalar as it is written.
#[derive(Debug, Clone, Copy)]
pub struct Scalar<'a> {
    /// Its text in the file, without its quotes; of a block scalar, its lines without the
    /// indentation of the first.
    pub raw: &'a str,
    /// The byte that `raw` starts at.
    pub raw_start: usize,
    /// The whole, with its quotes.
    pub span: Span,
    /// Its quotes.
    pub quote: Option<char>,
    /// What it reads as.
    pub value: &'a str,
}

type Result<T> = std::result::Result<T, Located<Error>>;

impl<'a> Editor<'a> {
    /// Reads a text. Documents are counted as `yaml::parse` gives them: empty ones are left out.
    pub fn open(sources: &'a Sources, source: SourceId) -> Result<Self> {
        let text = sources.get(source).text();
        let outline = Outline::read(text).map_err(|error| {
            let at = error.marker().byte_offset().unwrap_or(0).min(text.len()) as u32;
            let span = Some(Span::new(source, at, at));
            Located::new(Error::Syntax(error.info()), span, Path::root())
        })?;
        Ok(Editor { text, source, outline })
    }

    /// Puts items at the end of a list, in their order. Scalars are quoted as the list's last one is.
    pub fn append(&self, document: usize, list: &Path, items: &[Node]) -> Result<String> {
        let found = self.locate(document, list)?;
        let Content::Sequence(sequence) = &found.content else {
            return Err(self.refuse_kind("a list", found, list));
        };
        let splices = self.append_splices(document, found, sequence, items);
        let splices = splices.ok_or_else(|| self.refuse(Error::Layout, found, list))?;
        self.guarded(&splices, found, list, false, |outline| {
            let found = at_mut(outline.documents.get_mut(document)?, list.segments())?;
            let Content::Sequence(sequence) = &mut found.content else {
                return None;
            };
            let flow = sequence.flow;
            sequence.items.extend(items.iter().map(|item| write::expected(item, flow)));
            Some(())
        })
    }

    /// Puts an entry into a map, or where a key has nothing yet; after one of its keys or at its
    /// end. The key must be new.
    pub fn insert(
        &self,
        document: usize,
        map: &Path,
        after: Option<&str>,
        key: &str,
        value: &Node,
    ) -> Result<String> {
        let found = self.locate(document, map)?;
        if found.is_nothing() {
            let map_of_one = [(key.to_owned(), Node::into(value.clone()))].into_iter().collect();
            return self.fill(document, map, found, &Node::new(Value::Mapping(map_of_one)));
        }
        let Content::Mapping(mapping) = &found.content else {
            return Err(self.refuse_kind("a map", found, map));
        };
        let place = |name: &str| mapping.entries.iter().position(|(k, _)| k.scalar() == Some(name));
        if place(key).is_some() {
            return Err(self.refuse(Error::Guard, found, &map.key(key)));
        }
        let last = mapping.entries.len().saturating_sub(1);
        let index = if mapping.flow { last } else { after.and_then(place).unwrap_or(last) };
        let splices = self.insert_splices(document, found, index, key, value);
        let splices = splices.ok_or_else(|| self.refuse(Error::Layout, found, map))?;
        self.guarded(&splices, found, map, false, |outline| {
            let found = at_mut(outline.documents.get_mut(document)?, map.segments())?;
            let Content::Mapping(mapping) = &mut found.content else {
                return None;
            };
            let entry = (write::expected_scalar(key), write::expected(value, mapping.flow));
            mapping.entries.insert((index + 1).min(mapping.entries.len()), entry);
            Some(())
        })
    }

    /// Makes a scalar stand at a path of keys: replaces the one that is there, in its quotes, or
    /// puts in the keys that are missing. A text that has it already comes back as it is.
    pub fn set(&self, document: usize, path: &Path, value: &str) -> Result<String> {
        let mut head = path.clone();
        let mut missing = Vec::new();
        while let Err(deepest) = self.find(document, &head)? {
            match head.pop() {
                Some(Segment::Key(key)) => missing.push(key),
                _ => return Err(self.refuse(Error::Missing(path.to_string()), deepest, path)),
            }
        }
        let found = self.locate(document, &head)?;
        let mut keys = missing.iter().rev();
        let Some(first) = keys.next() else {
            return self.replace(document, path, found, value);
        };
        let nest = |node, key: &String| {
            Node::new(Value::Mapping([(key.clone(), Node::into(node))].into_iter().collect()))
        };
        let node = missing.iter().take(keys.len()).fold(string(value), nest);
        self.insert(document, &head, None, first, &node)
    }

    /// Takes out a list's item or a map's entry, with the comment at the end of its line.
    pub fn remove(&self, document: usize, path: &Path) -> Result<String> {
        let target = self.locate(document, path)?;
        let parent = path.parent().unwrap_or_default();
        let found = self.locate(document, &parent)?;
        let index = position(found, path).filter(|_| !path.is_root());
        let missing = || self.refuse(Error::Missing(path.to_string()), found, path);
        let index = index.ok_or_else(missing)?;
        let splices = Children::of(self.text, found).and_then(|children| {
            if children.flow {
                return splice::remove_from_flow(self.text, found, &children, index);
            }
            Some(vec![splice::remove_line(self.text, &children, index)?])
        });
        let only = Children::of(self.text, found).is_some_and(|c| !c.flow && c.ranges.len() < 2);
        if only {
            return Err(self.refuse(Error::OnlyEntry, target, path));
        }
        let splices = splices.ok_or_else(|| self.refuse(Error::Layout, target, path))?;
        self.guarded(&splices, target, path, true, |outline| {
            let found = at_mut(outline.documents.get_mut(document)?, parent.segments())?;
            match &mut found.content {
                Content::Sequence(list) => drop(list.items.remove(index)),
                Content::Mapping(map) => drop(map.entries.remove(index)),
                _ => return None,
            }
            Some(())
        })
    }

    /// A scalar as it is written.
    pub fn scalar(&self, document: usize, path: &Path) -> Result<Scalar<'_>> {
        let found = self.locate(document, path)?;
        let Content::Scalar { value, style } = &found.content else {
            return Err(self.refuse_kind("a scalar", found, path));
        };
        let quote = match style {
            Some(ScalarStyle::SingleQuoted) => Some('\''),
            Some(ScalarStyle::DoubleQuoted) => Some('"'),
            _ => None,
        };
        let inner = match quote {
            Some(_) => found.start + 1..found.end - 1,
            None => found.range(),
        };
        Ok(Scalar {
            raw: &self.text[inner.clone()],
            raw_start: inner.start,
            span: self.span(found),
            quote,
            value,
        })
    }

    /// Replaces bytes inside of a scalar, which must then read as `value`.
    pub fn splice_scalar(
        &self,
        document: usize,
        path: &Path,
        bytes: Range<usize>,
        new: &str,
        value: &str,
    ) -> Result<String> {
        let found = self.locate(document, path)?;
        if bytes.start < found.start || bytes.end > found.end {
            return Err(self.refuse(Error::Layout, found, path));
        }
        let splice = Splice { range: bytes, new: new.to_owned() };
        self.guarded(&[splice], found, path, false, |outline| {
            let found = at_mut(outline.documents.get_mut(document)?, path.segments())?;
            let Content::Scalar { value: old, .. } = &mut found.content else {
                return None;
            };
            *old = value.to_owned();
            Some(())
        })
    }

    fn append_splices(
        &self,
        document: usize,
        found: &Item,
        sequence: &outline::Sequence,
        items: &[Node],
    ) -> Option<Vec<Splice>> {
        let style = sequence.items.last().and_then(|last| match &last.content {
            Content::Scalar { style, .. } => *style,
            _ => None,
        });
        if sequence.flow {
            let children = Children::of(self.text, found)?;
            let new: Vec<String> = items.iter().map(|item| write::flow(item, style)).collect();
            return splice::insert_in_flow(self.text, found, &children, &new);
        }
        let last = sequence.items.last()?;
        let gap = self.gap_after_dash(sequence.column, last);
        let layout = self.layout(document, found);
        let column = sequence.column + 1 + gap.len();
        let item = |item| format!("-{gap}{}", write::block(item, column, layout, style));
        let lines: Vec<String> = items.iter().map(item).collect();
        let new = lines.join(&format!("{}{}", layout.line_end, " ".repeat(sequence.column)));
        Some(vec![splice::insert_line(self.text, last.end, sequence.column, &new)?])
    }

    fn insert_splices(
        &self,
        document: usize,
        found: &Item,
        index: usize,
        key: &str,
        value: &Node,
    ) -> Option<Vec<Splice>> {
        let children = Children::of(self.text, found)?;
        if children.flow {
            let new = format!("{}: {}", write::scalar(key, None), write::flow(value, None));
            return splice::insert_in_flow(self.text, found, &children, &[new]);
        }
        let end = children.ranges.get(index)?.end;
        let layout = self.layout(document, found);
        let new = write::block_entry(key, value, children.column, layout);
        Some(vec![splice::insert_line(self.text, end, children.column, &new)?])
    }

    /// The layout around a node: its own, else its document's.
    fn layout(&self, document: usize, found: &Item) -> Layout<'a> {
        let line_end = lines::line_end_for(self.text, found.start);
        let examples: Vec<&Item> =
            [Some(found), self.outline.documents.get(document)].into_iter().flatten().collect();
        Layout::of(line_end, self.text, &examples)
    }

    /// The blanks between an item and its dash, if they stand on one line.
    fn gap_after_dash(&self, column: usize, item: &Item) -> &'a str {
        let line = &self.text[lines::line_start(self.text, item.start)..item.start];
        match line.get(column + 1..) {
            Some(gap) if !gap.is_empty() && gap.bytes().all(|b| b == b' ') => gap,
            _ => " ",
        }
    }

    fn replace(&self, document: usize, path: &Path, found: &Item, value: &str) -> Result<String> {
        let Content::Scalar { value: old, style } = &found.content else {
            return Err(self.refuse_kind("a scalar", found, path));
        };
        let plain = *style == Some(ScalarStyle::Plain);
        if matches!(style, Some(ScalarStyle::Literal | ScalarStyle::Folded)) {
            return Err(self.refuse(Error::BlockScalar, found, path));
        }
        // A plain scalar of this text could be a number or a boolean: it is written again.
        let token = write::scalar(value, *style);
        if old == value && (!plain || self.text[found.range()] == token) {
            return Ok(self.text.to_owned());
        }
        let blank = if found.is_nothing() { " " } else { "" };
        let splice = Splice { range: found.range(), new: format!("{blank}{token}") };
        self.guarded(&[splice], found, path, false, |outline| {
            let found = at_mut(outline.documents.get_mut(document)?, path.segments())?;
            found.content = write::expected_scalar(value).content;
            Some(())
        })
    }

    /// Puts a map where a key has nothing yet: `image:`.
    fn fill(&self, document: usize, path: &Path, found: &Item, map: &Node) -> Result<String> {
        let layout = self.layout(document, found);
        let parent = path.parent().map(|parent| self.locate(document, &parent)).transpose()?;
        let splice = parent.and_then(|parent| {
            let children = Children::of(self.text, parent).filter(|children| !children.flow)?;
            let column = children.column + layout.step;
            let new = write::block(map, column, layout, None);
            let end = lines::line_end(self.text, found.end);
            (lines::is_blank(&self.text[found.end..end])
                || lines::after_comment(self.text, found.end) == end)
                .then(|| {
                    let new = format!("{}{}{new}", layout.line_end, " ".repeat(column));
                    Splice::insert(end, new)
                })
        });
        let splice = splice.ok_or_else(|| self.refuse(Error::Layout, found, path))?;
        self.guarded(&[splice], found, path, false, |outline| {
            let found = at_mut(outline.documents.get_mut(document)?, path.segments())?;
            found.content = write::expected(map, false).content;
            Some(())
        })
    }

    /// Makes the splices, reads the result and holds it against the tree that was meant.
    fn guarded(
        &self,
        splices: &[Splice],
        found: &Item,
        path: &Path,
        comments_may_go: bool,
        change: impl FnOnce(&mut Outline) -> Option<()>,
    ) -> Result<String> {
        let text = splice::apply(self.text, splices);
        let refuse = || self.refuse(Error::Guard, found, path);
        let mut meant = self.outline.clone();
        change(&mut meant).ok_or_else(refuse)?;
        let read = Outline::read(&text).map_err(|_| refuse())?;
        let comments = match comments_may_go {
            true => is_subsequence(&read.comments, &meant.comments),
            false => read.comments == meant.comments,
        };
        if comments && read.documents == meant.documents { Ok(text) } else { Err(refuse()) }
    }

    /// The node at a path, or else the deepest on the way to it; an error where an anchor, an alias
    /// or a tag is on the way.
    fn find(&self, document: usize, path: &Path) -> Result<std::result::Result<&Item, &Item>> {
        let root = self.outline.documents.get(document);
        let mut item = root.ok_or_else(|| Located::new(Error::NoDocument, None, path.clone()))?;
        self.check(item, path)?;
        for segment in path.segments() {
            let next = match (segment, &item.content) {
                (Segment::Key(key), Content::Mapping(map)) => map.get(key).map(|(_, value)| value),
                (Segment::Index(index), Content::Sequence(list)) => list.items.get(*index),
                _ => None,
            };
            let Some(next) = next else {
                return Ok(Err(item));
            };
            self.check(next, path)?;
            item = next;
        }
        Ok(Ok(item))
    }

    fn locate(&self, document: usize, path: &Path) -> Result<&Item> {
        let missing = |deepest| self.refuse(Error::Missing(path.to_string()), deepest, path);
        self.find(document, path)?.map_err(missing)
    }

    fn check(&self, item: &Item, path: &Path) -> Result<()> {
        let error = match (&item.content, &item.tag) {
            (Content::Alias(_), _) => Error::Alias,
            _ if item.anchor != 0 => Error::Anchor,
            (_, Some(tag)) => Error::Tag(tag.clone()),
            _ => return Ok(()),
        };
        Err(self.refuse(error, item, path))
    }

    fn refuse_kind(&self, expected: &'static str, found: &Item, path: &Path) -> Located<Error> {
        let kind = match &found.content {
            Content::Scalar { .. } if found.is_nothing() => "nothing",
            Content::Scalar { .. } => "a scalar",
            Content::Alias(_) => "an alias",
            Content::Sequence(_) => "a list",
            Content::Mapping(_) => "a map",
        };
        self.refuse(Error::Kind { expected, found: kind }, found, path)
    }

    fn refuse(&self, error: Error, found: &Item, path: &Path) -> Located<Error> {
        Located::new(error, Some(self.span(found)), path.clone())
    }

    fn span(&self, found: &Item) -> Span {
        Span::new(self.source, found.start as u32, found.end as u32)
    }
}

fn string(text: &str) -> Node {
    Node::new(Value::String(text.to_owned()))
}

fn position(parent: &Item, path: &Path) -> Option<usize> {
    match (path.segments().last()?, &parent.content) {
        (Segment::Index(index), Content::Sequence(_)) => Some(*index),
        (Segment::Key(key), Content::Mapping(map)) => {
            map.entries.iter().position(|(name, _)| name.scalar() == Some(key))
        }
        _ => None,
    }
}

fn at_mut<'a>(item: &'a mut Item, path: &[Segment]) -> Option<&'a mut Item> {
    path.iter().try_fold(item, |item, segment| match (segment, &mut item.content) {
        (Segment::Key(key), Content::Mapping(map)) => {
            let mut entries = map.entries.iter_mut();
            entries.find(|(name, _)| name.scalar() == Some(key)).map(|(_, value)| value)
        }
        (Segment::Index(index), Content::Sequence(list)) => list.items.get_mut(*index),
        _ => None,
    })
}

/// Whether some of a list's texts, in order, are all of another's.
fn is_subsequence(part: &[String], whole: &[String]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|text| whole.any(|other| other == text))
}

#[cfg(test)]
mod tests;
