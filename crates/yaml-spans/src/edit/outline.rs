//! The outline of a text: every node with its bytes, anchor, tag and style, and all comments. Edits
//! take their places from it, and their verification compares it.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, StructureStyle, Tag};

use super::lines;
use crate::limits::MAX_DEPTH;
use crate::parse::list_start;

/// All documents of a text; empty ones are ignored, as in [`parse`](crate::parse).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outline {
    pub documents: Vec<Item>,
    /// The comments' texts, in order.
    pub comments: Vec<String>,
}

/// One node with its bytes.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// The first byte of the token, after the anchor and the tag.
    pub start: usize,
    /// The byte after its text; never in a comment or a line end.
    pub end: usize,
    /// The anchor's number in the text, from 1; 0 for no anchor.
    pub anchor: usize,
    /// The tag as written.
    pub tag: Option<String>,
    pub content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    Scalar {
        value: String,
        /// None in an expected outline: any style.
        style: Option<ScalarStyle>,
    },
    /// The number of the anchor that the alias refers to.
    Alias(usize),
    Sequence(Sequence),
    Mapping(Mapping),
}

#[derive(Debug, Clone)]
pub(super) struct Sequence {
    pub is_flow: bool,
    /// The column of the dashes, from 0, in block style.
    pub column: usize,
    pub items: Vec<Item>,
}

#[derive(Debug, Clone)]
pub(super) struct Mapping {
    pub is_flow: bool,
    pub entries: Vec<(Item, Item)>,
}

/// Compares data, anchor, tag and style; places are ignored.
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
        self.is_flow == other.is_flow && self.items == other.items
    }
}

impl PartialEq for Mapping {
    fn eq(&self, other: &Self) -> bool {
        self.is_flow == other.is_flow && self.entries == other.entries
    }
}

impl Item {
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The text, if this is a scalar.
    pub fn scalar(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { value, .. } => Some(value),
            _ => None,
        }
    }

    pub fn is_flow(&self) -> bool {
        match &self.content {
            Content::Sequence(sequence) => sequence.is_flow,
            Content::Mapping(mapping) => mapping.is_flow,
            _ => false,
        }
    }

    /// Returns true if nothing is written here, as after `key:`.
    pub fn is_nothing(&self) -> bool {
        self.start == self.end && self.scalar() == Some("")
    }
}

impl Mapping {
    /// The position of a key's entry.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.entries.iter().position(|(name, _)| name.scalar() == Some(key))
    }
}

impl Outline {
    pub fn read(text: &str) -> Result<Outline, ScanError> {
        let options = granit_parser::options! {
            emit_comments: true,
            // A licence above the first key can be long; the text's size limits it.
            max_buffered_comment_events: usize::MAX,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        let mut builder = Builder { text, ..Builder::default() };
        for next in Parser::new_from_str_with_options(text, options) {
            let (event, span) = next?;
            builder.handle_event(event, span.byte_range().unwrap_or(0..0));
        }
        Ok(Outline { documents: builder.documents, comments: builder.comments })
    }
}

#[derive(Default)]
struct Builder<'a> {
    text: &'a str,
    documents: Vec<Item>,
    comments: Vec<String>,
    /// The lists and maps that are not closed yet, each with the key whose value comes next.
    open: Vec<(Item, Option<Item>)>,
    /// The byte after the last token.
    last_end: usize,
}

impl Builder<'_> {
    fn handle_event(&mut self, event: Event<'_>, bytes: Range<usize>) {
        match event {
            Event::Comment(text, _) => self.comments.push(text.into_owned()),
            Event::Scalar(value, style, anchor, tag) => {
                let range = self.scalar_range(style, bytes);
                let is_nothing = style == ScalarStyle::Plain && range.is_empty();
                let value = if is_nothing { String::new() } else { value.into_owned() };
                let content = Content::Scalar { value, style: Some(style) };
                self.add_item(new_item(range, anchor, tag.as_deref(), content));
            }
            Event::Alias(id) => self.add_item(new_item(bytes, 0, None, Content::Alias(id))),
            Event::SequenceStart(style, anchor, tag) => {
                let is_flow = style == StructureStyle::Flow;
                let column = self.dash_column(bytes.start);
                let content = Content::Sequence(Sequence { is_flow, column, items: Vec::new() });
                self.open_item(new_item(bytes, anchor, tag.as_deref(), content));
            }
            Event::MappingStart(style, anchor, tag) => {
                let is_flow = style == StructureStyle::Flow;
                let content = Content::Mapping(Mapping { is_flow, entries: Vec::new() });
                self.open_item(new_item(bytes, anchor, tag.as_deref(), content));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some((mut item, _)) = self.open.pop() else {
                    return;
                };
                // The parser ends a block where the next token starts.
                item.end = if item.is_flow() { bytes.end } else { self.last_end.max(item.start) };
                self.add_item(item);
            }
            _ => {}
        }
    }

    fn open_item(&mut self, item: Item) {
        if item.is_flow() {
            self.last_end = item.end;
        }
        self.open.push((item, None));
    }

    /// Adds a complete node to the innermost list or map.
    fn add_item(&mut self, item: Item) {
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

    /// The bytes of a scalar: of a block scalar, without the empty lines after it; of an absent value,
    /// the place after the colon.
    fn scalar_range(&self, style: ScalarStyle, bytes: Range<usize>) -> Range<usize> {
        let written = self.text.get(bytes.clone()).unwrap_or("");
        match style {
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let end = bytes.start + written.trim_end().len();
                bytes.start..end.max(self.last_end)
            }
            _ if written.is_empty() => {
                let key = self.open.last().and_then(|(_, key)| key.as_ref());
                let from = key.map_or(bytes.start, |key| key.end);
                let rest = self.text.get(from..).unwrap_or("");
                let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
                let has_colon = key.is_some() && rest[blanks..].starts_with(':');
                let at = if has_colon { from + blanks + 1 } else { bytes.start };
                at..at
            }
            _ => bytes,
        }
    }

    /// The column of a list's dashes.
    fn dash_column(&self, start: usize) -> usize {
        let key = self.open.last().and_then(|(_, key)| key.as_ref());
        let start = key.map_or(start, |key| list_start(self.text, key.end, start));
        lines::column(self.text, start)
    }
}

fn new_item(range: Range<usize>, anchor: usize, tag: Option<&Tag>, content: Content) -> Item {
    Item { start: range.start, end: range.end, anchor, tag: tag.map(Tag::original), content }
}
