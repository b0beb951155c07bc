//! A text's YAML with the bytes of every node: what the edits splice by, and what the guard
//! compares. Anchors, tags, styles and comments are kept: an edit may change none of them.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, StructureStyle, Tag};

use super::lines;
use crate::MAX_DEPTH;

/// All documents of a text; empty ones are left out, as `yaml::parse` leaves them out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outline {
    pub documents: Vec<Item>,
    /// The comments' texts, in order.
    pub comments: Vec<String>,
}

/// One node: its bytes and what stands there.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// The first byte of the token, after the anchor and the tag.
    pub start: usize,
    /// The byte after the last one of its text; never in a comment or a line end.
    pub end: usize,
    /// The anchor's number in the text, from 1; 0 for none.
    pub anchor: usize,
    /// The tag as written.
    pub tag: Option<String>,
    pub content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    Scalar {
        value: String,
        /// None stands for any: what an edit puts in.
        style: Option<ScalarStyle>,
    },
    /// The number of the anchor that it means.
    Alias(usize),
    Sequence(Sequence),
    Mapping(Mapping),
}

#[derive(Debug, Clone)]
pub(super) struct Sequence {
    pub flow: bool,
    /// The column of the dashes, from 0, in a block.
    pub column: usize,
    pub items: Vec<Item>,
}

#[derive(Debug, Clone)]
pub(super) struct Mapping {
    pub flow: bool,
    pub entries: Vec<(Item, Item)>,
}

/// Equal data in equal dress; places do not count.
impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        let same = match (&self.content, &other.content) {
            (
                Content::Scalar { value: a, style: style_a },
                Content::Scalar { value: b, style: style_b },
            ) => a == b && (style_a == style_b || style_a.is_none() || style_b.is_none()),
            (a, b) => a == b,
        };
        same && self.anchor == other.anchor && self.tag == other.tag
    }
}

impl PartialEq for Sequence {
    fn eq(&self, other: &Self) -> bool {
        self.flow == other.flow && self.items == other.items
    }
}

impl PartialEq for Mapping {
    fn eq(&self, other: &Self) -> bool {
        self.flow == other.flow && self.entries == other.entries
    }
}

impl Item {
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The key's text, if this is a scalar.
    pub fn scalar(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { value, .. } => Some(value),
            _ => None,
        }
    }

    /// Whether nothing at all is written here: `key:`.
    pub fn is_nothing(&self) -> bool {
        self.start == self.end && self.scalar() == Some("")
    }
}

impl Mapping {
    pub fn get(&self, key: &str) -> Option<&(Item, Item)> {
        self.entries.iter().find(|(name, _)| name.scalar() == Some(key))
    }
}

impl Outline {
    pub fn read(text: &str) -> Result<Outline, ScanError> {
        let options = granit_parser::options! {
            emit_comments: true,
            // A licence above the first key can be long; the text's size bounds it.
            max_buffered_comment_events: usize::MAX,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        let mut builder = Builder { text, ..Builder::default() };
        for next in Parser::new_from_str_with_options(text, options) {
            let (event, span) = next?;
            builder.event(event, span.byte_range().unwrap_or(0..0));
        }
        Ok(Outline { documents: builder.documents, comments: builder.comments })
    }
}

#[derive(Default)]
struct Builder<'a> {
    text: &'a str,
    documents: Vec<Item>,
    comments: Vec<String>,
    /// Lists and maps that are not closed yet, with the key that waits for its value.
    open: Vec<(Item, Option<Item>)>,
    /// The byte after the last token.
    last_end: usize,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, bytes: Range<usize>) {
        match event {
            Event::Comment(text, _) => self.comments.push(text.into_owned()),
            Event::Scalar(value, style, anchor, tag) => {
                let range = self.scalar_range(style, bytes);
                let nothing = style == ScalarStyle::Plain && range.is_empty();
                let value = if nothing { String::new() } else { value.into_owned() };
                let content = Content::Scalar { value, style: Some(style) };
                self.complete(item(range, anchor, tag.as_deref(), content));
            }
            Event::Alias(id) => self.complete(item(bytes, 0, None, Content::Alias(id))),
            Event::SequenceStart(style, anchor, tag) => {
                let flow = style == StructureStyle::Flow;
                let column = self.dash_column(bytes.start);
                let content = Content::Sequence(Sequence { flow, column, items: Vec::new() });
                self.begin(item(bytes, anchor, tag.as_deref(), content), flow);
            }
            Event::MappingStart(style, anchor, tag) => {
                let flow = style == StructureStyle::Flow;
                let content = Content::Mapping(Mapping { flow, entries: Vec::new() });
                self.begin(item(bytes, anchor, tag.as_deref(), content), flow);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some((mut item, _)) = self.open.pop() else {
                    return;
                };
                let flow = match &item.content {
                    Content::Sequence(sequence) => sequence.flow,
                    Content::Mapping(mapping) => mapping.flow,
                    _ => false,
                };
                // The parser ends a block where the next token starts.
                item.end = if flow { bytes.end } else { self.last_end.max(item.start) };
                self.complete(item);
            }
            _ => {}
        }
    }

    fn begin(&mut self, item: Item, flow: bool) {
        if flow {
            self.last_end = item.end;
        }
        self.open.push((item, None));
    }

    fn complete(&mut self, item: Item) {
        self.last_end = self.last_end.max(item.end);
        let Some((parent, key)) = self.open.last_mut() else {
            if !(item.is_nothing() && item.anchor == 0 && item.tag.is_none()) {
                self.documents.push(item);
            }
            return;
        };
        match &mut parent.content {
            Content::Sequence(sequence) => sequence.items.push(item),
            Content::Mapping(mapping) => match key.take() {
                None => *key = Some(item),
                Some(key) => mapping.entries.push((key, item)),
            },
            _ => {}
        }
    }

    /// The bytes of a scalar: a block scalar's without the empty lines that follow it, and the
    /// place after the colon for one that is not there.
    fn scalar_range(&self, style: ScalarStyle, bytes: Range<usize>) -> Range<usize> {
        let written = self.text.get(bytes.clone()).unwrap_or("");
        match style {
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let end = bytes.start + written.trim_end().len();
                bytes.start..end.max(self.last_end)
            }
            _ if written.is_empty() => {
                let awaited = self.open.last().and_then(|(_, key)| key.as_ref());
                let from = awaited.map_or(bytes.start, |key| key.end);
                let rest = self.text.get(from..).unwrap_or("");
                let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
                let colon = awaited.is_some() && rest[blanks..].starts_with(':');
                let at = if colon { from + blanks + 1 } else { bytes.start };
                at..at
            }
            _ => bytes,
        }
    }

    /// The parser starts a block list at its first dash, and one whose dashes stand below its key
    /// after it.
    fn dash_column(&self, start: usize) -> usize {
        let awaited = self.open.last().and_then(|(_, key)| key.as_ref());
        match awaited {
            Some(key) if !self.text[start..].starts_with('-') => {
                lines::column(self.text, key.start)
            }
            _ => lines::column(self.text, start),
        }
    }
}

fn item(range: Range<usize>, anchor: usize, tag: Option<&Tag>, content: Content) -> Item {
    Item { start: range.start, end: range.end, anchor, tag: tag.map(Tag::original), content }
}
