//! Events to documents: the open lists and maps, the errors so far, and the path of what is read.

use std::ops::Range;

use granit_parser::{
    ErrorKind, Event, ScalarStyle, ScanError, Span as EventSpan, StructureStyle, Tag,
};

use super::Dialect;
use super::alias::{Anchors, is_tag_of};
use super::entries::{Key, KeyKind};
use super::error::ParseError;
use super::extent;
use super::mistake::Progress;
use crate::conflict::{MergeConflict, find_conflicts};
use crate::diagnostic::Located;
use crate::limits::{MAX_DEPTH, MAX_ERRORS, MAX_NODES};
use crate::node::{Node, Value};
use crate::path::{Path, Segment};
use crate::source::{SourceId, Sources, Span};
use crate::truncate::truncate;

pub(super) struct Builder<'a> {
    pub(super) sources: &'a Sources,
    source: SourceId,
    pub(super) text: &'a str,
    pub(super) dialect: Dialect,
    errors: Vec<Located<ParseError>>,
    documents: Vec<Node>,
    /// The lists and maps that are not closed yet, from the outside in.
    pub(super) open: Vec<Frame>,
    /// The items of all open lists. Each list is made with its exact size when it is closed.
    items: Vec<Node>,
    /// The entries of all open maps.
    pub(super) entries: Vec<(Key, Node)>,
    pub(super) anchors: Anchors,
    /// The path of the last anchored node.
    anchored: Path,
    /// The number of nodes so far.
    nodes: usize,
    /// The byte after the last scalar or bracket; the indicators of a block come after it.
    last_end: usize,
}

/// A list or map that is not closed yet.
pub(super) struct Frame {
    start: usize,
    anchor: usize,
    tag: Option<String>,
    is_flow: bool,
    pub(super) collection: Collection,
}

pub(super) enum Collection {
    Sequence {
        /// The position of the list's first item in [`Builder::items`].
        first: usize,
        /// The index of the next item in the list.
        index: usize,
    },
    Mapping {
        /// The position of the map's first entry in [`Builder::entries`].
        first: usize,
        /// The key whose value comes next.
        key: Option<Key>,
    },
}

/// The part of a node's event that does not depend on its kind.
struct Properties<'t> {
    anchor: usize,
    tag: Option<&'t Tag>,
    range: &'t EventSpan,
}

/// The end of parsing: a limit is exceeded.
pub(super) struct LimitExceeded;

impl<'a> Builder<'a> {
    pub(super) fn new(sources: &'a Sources, source: SourceId, dialect: Dialect) -> Self {
        Builder {
            sources,
            source,
            text: sources.get(source).text(),
            dialect,
            errors: Vec::new(),
            documents: Vec::new(),
            open: Vec::new(),
            items: Vec::new(),
            entries: Vec::new(),
            anchors: Anchors::default(),
            anchored: Path::root(),
            nodes: 0,
            last_end: 0,
        }
    }

    /// Returns true if no further errors are recorded.
    pub(super) fn is_full(&self) -> bool {
        self.errors.len() >= MAX_ERRORS
    }

    /// Records an error at the current path.
    pub(super) fn refuse(&mut self, error: ParseError, start: usize, end: usize) {
        let hint = error.hint();
        let span = Some(self.span(start, end));
        self.push_error(Located { error, span, path: self.path(), hint });
    }

    pub(super) fn push_error(&mut self, error: Located<ParseError>) {
        if !self.is_full() {
            self.errors.push(error);
        }
    }

    /// Records the syntax error that a document ends with.
    pub(super) fn abandon_document(&mut self, error: &ScanError) -> Result<(), LimitExceeded> {
        let is_refused_character = match error.kind() {
            ErrorKind::UnexpectedCharacter { character } => character.is_control(),
            kind => *kind == ErrorKind::BomInsideDocument,
        };
        // The check of characters has reported such a character already.
        if !is_refused_character || self.errors.is_empty() {
            self.refuse_syntax(error);
        }
        self.reset();
        match error.kind() {
            ErrorKind::RecursionLimitExceeded => Err(LimitExceeded),
            _ => Ok(()),
        }
    }

    /// Records the mistake behind a syntax error.
    fn refuse_syntax(&mut self, error: &ScanError) {
        let (converted, bytes) = extent::convert_scan_error(error, self.text);
        let line_number = |at: usize| {
            let at = at as u32;
            self.sources.place(Span::new(self.source, at, at)).line
        };
        let progress = Progress {
            text: self.text,
            at: bytes.start,
            last_end: self.last_end,
            open_bracket: self.open.last().filter(|frame| frame.is_flow).map(|frame| frame.start),
            line_number: &line_number,
        };
        let line_start = progress.error_line();
        let found = progress.find_mistake(error.kind());
        let (error, bytes) = found.unwrap_or((converted, bytes));
        // A scalar that seems to go on until here is a consequence of the same mistake.
        // So is an alias that is the start of a text with `*`.
        let is_consequence = |earlier: &Located<ParseError>| {
            let is_cut = matches!(
                earlier.error,
                ParseError::MultiLine(_) | ParseError::Alias(_) | ParseError::UnknownAnchor(_)
            );
            is_cut && earlier.span.is_some_and(|span| span.end as usize >= line_start)
        };
        if self.errors.last().is_some_and(is_consequence) {
            self.errors.pop();
        }
        if self.open.last().is_some_and(|frame| frame.is_flow && frame.start == bytes.start) {
            // The path of the list or map, not of an item.
            self.open.pop();
        }
        self.refuse(error, bytes.start, bytes.end);
    }

    pub(super) fn finish(mut self) -> Result<Vec<Node>, Vec<Located<ParseError>>> {
        let is_text = |document: &Node| matches!(document.value, Value::String(_));
        if self.errors.is_empty() && !self.documents.iter().any(is_text) {
            return Ok(self.documents);
        }
        let conflicts = find_conflicts(self.text);
        if !conflicts.is_empty() {
            // Every other error may be a consequence.
            self.errors.clear();
            conflicts.iter().for_each(|conflict| self.refuse_conflict(conflict));
        }
        if self.errors.is_empty() {
            return Ok(self.documents);
        }
        self.errors.sort_by_key(|error| error.span.map(|span| (span.start, span.end)));
        Err(self.errors)
    }

    fn refuse_conflict(&mut self, conflict: &MergeConflict) {
        let Range { start, end } = conflict.first();
        let marker = self.text.get(start..end).unwrap_or_default();
        let error = ParseError::MergeConflict(truncate(marker));
        let hint = conflict.fix();
        let span = Some(self.span(start, end));
        self.push_error(Located { error, span, path: Path::root(), hint: Some(hint.into()) });
    }

    pub(super) fn handle_event(
        &mut self,
        event: Event<'_>,
        range: &EventSpan,
    ) -> Result<(), LimitExceeded> {
        let bytes = range.byte_range().unwrap_or(0..0);
        match event {
            Event::DocumentStart(..) => {
                self.reset();
                self.last_end = bytes.end;
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let properties = Properties { anchor, tag: tag.as_deref(), range };
                self.read_scalar(&text, style, properties)
            }
            Event::SequenceStart(style, anchor, tag) => {
                let collection = Collection::Sequence { first: self.items.len(), index: 0 };
                self.open_frame(
                    collection,
                    style,
                    Properties { anchor, tag: tag.as_deref(), range },
                )
            }
            Event::MappingStart(style, anchor, tag) => {
                let collection = Collection::Mapping { first: self.entries.len(), key: None };
                self.open_frame(
                    collection,
                    style,
                    Properties { anchor, tag: tag.as_deref(), range },
                )
            }
            Event::SequenceEnd | Event::MappingEnd => self.close_frame(bytes.end),
            Event::Anchor(_, name) if self.dialect == Dialect::Strict => {
                let error = ParseError::Anchor(format!("&{}", truncate(&name)));
                let (hint, span) = (error.hint(), Some(self.span(bytes.start, bytes.end)));
                let path = std::mem::take(&mut self.anchored);
                self.push_error(Located { error, span, path, hint });
                Ok(())
            }
            Event::Alias(id) => {
                self.last_end = bytes.end;
                self.expand_alias(Some(id), bytes)
            }
            Event::UnresolvedAlias(_) => {
                self.last_end = bytes.end;
                self.expand_alias(None, bytes)
            }
            _ => Ok(()),
        }
    }

    fn read_scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        properties: Properties<'_>,
    ) -> Result<(), LimitExceeded> {
        let bytes = properties.range.byte_range().unwrap_or(0..0);
        let bytes = extent::scalar_extent(self.text, self.last_end, bytes, style);
        self.last_end = bytes.end;
        self.count_nodes(1)?;
        let tag = self.take_properties(&properties);
        self.add_scalar(text, style, properties.anchor, tag, bytes)
    }

    fn open_frame(
        &mut self,
        collection: Collection,
        style: StructureStyle,
        properties: Properties<'_>,
    ) -> Result<(), LimitExceeded> {
        let bytes = properties.range.byte_range().unwrap_or(0..0);
        let is_flow = style == StructureStyle::Flow;
        let start = match collection {
            Collection::Sequence { .. } if !is_flow && self.has_key() => {
                extent::list_start(self.text, self.last_end, bytes.start)
            }
            _ => bytes.start,
        };
        if self.open.len() >= MAX_DEPTH {
            self.refuse(ParseError::TooDeep, start, bytes.end);
            return Err(LimitExceeded);
        }
        let tag = self.take_properties(&properties);
        if is_flow {
            self.last_end = bytes.end;
        }
        self.open.push(Frame { start, anchor: properties.anchor, tag, is_flow, collection });
        self.count_nodes(1)
    }

    /// Returns true if the innermost collection is a map whose next node is a value.
    fn has_key(&self) -> bool {
        let collection = self.open.last().map(|frame| &frame.collection);
        matches!(collection, Some(Collection::Mapping { key: Some(_), .. }))
    }

    /// Closes the innermost list or map.
    fn close_frame(&mut self, end: usize) -> Result<(), LimitExceeded> {
        let Some(frame) = self.open.pop() else {
            return Ok(());
        };
        // The parser ends a block where the next token starts; its text ends with its last scalar.
        let end = if frame.is_flow { end } else { self.last_end.max(frame.start) };
        self.last_end = end;
        let span = self.span(frame.start, end);
        let (value, default_tag) = match frame.collection {
            Collection::Sequence { first, .. } => {
                (Value::Sequence(self.items.split_off(first)), "seq")
            }
            Collection::Mapping { first, .. } => (Value::Mapping(self.take_mapping(first)), "map"),
        };
        if let Some(tag) = frame.tag.filter(|tag| !is_tag_of(tag, default_tag)) {
            self.refuse(ParseError::UnknownTag(truncate(&tag)), frame.start, end);
        }
        let node = Node { span: Some(span), value };
        self.store_anchor(frame.anchor, &node)?;
        self.add_node(node);
        Ok(())
    }

    /// Remembers the path of an anchored node for the anchor's own event, and returns the tag's text.
    /// [`Dialect::Strict`] refuses every tag here.
    fn take_properties(&mut self, properties: &Properties<'_>) -> Option<String> {
        if properties.anchor != 0 && self.dialect == Dialect::Strict {
            self.anchored = self.path();
        }
        let tag = properties.tag?.original();
        if self.dialect == Dialect::Kubectl {
            return Some(tag);
        }
        let tag_range = properties.range.tag_span().and_then(|span| span.byte_range());
        let bytes = tag_range.or(properties.range.byte_range()).unwrap_or(0..0);
        self.refuse(ParseError::Tag(truncate(&tag)), bytes.start, bytes.end);
        None
    }

    /// Discards the document that is being read.
    fn reset(&mut self) {
        self.open.clear();
        self.items.clear();
        self.entries.clear();
        self.anchors = Anchors::default();
    }

    pub(super) fn count_nodes(&mut self, nodes: usize) -> Result<(), LimitExceeded> {
        self.nodes += nodes;
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        self.refuse(ParseError::TooManyNodes, self.last_end, self.last_end);
        Err(LimitExceeded)
    }

    /// Adds a node to the innermost list or map: as an item, a key or a value.
    pub(super) fn add_node(&mut self, node: Node) {
        match self.open.last_mut().map(|frame| &mut frame.collection) {
            None if node.value == Value::Null && self.dialect == Dialect::Kubectl => {}
            None => self.documents.push(node),
            Some(Collection::Sequence { index, .. }) => {
                *index += 1;
                self.items.push(node);
            }
            Some(Collection::Mapping { key, .. }) => match key.take() {
                Some(key) => self.entries.push((key, node)),
                None => self.set_key_node(node),
            },
        }
    }

    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.source, start as u32, end as u32)
    }

    /// The path of what is being read.
    pub(super) fn path(&self) -> Path {
        let mut path = Path::root();
        for frame in &self.open {
            match &frame.collection {
                Collection::Sequence { index, .. } => path.push(Segment::Index(*index)),
                Collection::Mapping { key: Some(Key { kind, .. }), .. } => match kind {
                    KeyKind::Name(name) => path.push(Segment::Key(name.clone())),
                    KeyKind::Merge => path.push(Segment::Key("<<".to_owned())),
                    KeyKind::Refused => {}
                },
                Collection::Mapping { key: None, .. } => {}
            }
        }
        path
    }
}
