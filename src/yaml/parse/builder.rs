//! Events in, nodes out: keeps the open lists and maps, and what is wrong so far.

use std::collections::HashSet;

use granit_parser::{ErrorKind, Event, ScalarStyle, ScanError, Span as Range, StructureStyle, Tag};

use super::Dialect;
use super::alias::{Anchors, is_tag_of, json_key, json_number, merge_into, tagged_scalar};
use super::error::ParseError;
use crate::diagnostic::Located;
use crate::source::{SourceId, Sources, Span};
use crate::yaml::limits::{MAX_DEPTH, MAX_ERRORS, MAX_NODES};
use crate::yaml::node::{Entry, Mapping, Node, Value};
use crate::yaml::path::{Path, Segment};
use crate::yaml::scalar::{Doubt, resolve_kubectl, resolve_strict};

pub(super) struct Builder<'a> {
    sources: &'a Sources,
    source: SourceId,
    text: &'a str,
    dialect: Dialect,
    errors: Vec<Located<ParseError>>,
    documents: Vec<Node>,
    /// Lists and maps that are not closed yet.
    open: Vec<Frame>,
    /// Items and entries of the open ones, so that each is made with its exact size at its end.
    items: Vec<Node>,
    entries: Vec<(Key, Node)>,
    anchors: Anchors,
    /// The way to the last anchored node.
    anchored: Path,
    nodes: usize,
    /// The byte after the last scalar or bracket: a block scalar's header comes after it.
    last_end: usize,
}

struct Frame {
    start: usize,
    anchor: usize,
    tag: Option<String>,
    flow: bool,
    kind: Kind,
}

enum Kind {
    /// With the place of its first item among all.
    Sequence(usize),
    /// With the place of its first entry among all, and the key that waits for its value.
    Mapping(usize, Option<Key>),
}

struct Key {
    /// None for a key that was refused: its value is read for errors and dropped.
    name: Option<String>,
    span: Span,
    merges: bool,
}

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

    pub(super) fn error_count(&self) -> usize {
        self.errors.len()
    }

    /// Notes an error at a range of bytes.
    pub(super) fn refuse(&mut self, error: ParseError, start: usize, end: usize) {
        self.refuse_at(self.path(), error, start, end);
    }

    fn refuse_at(&mut self, path: Path, error: ParseError, start: usize, end: usize) {
        let hint = error.cure();
        let span = Some(self.span(start, end));
        self.errors.push(Located { error, span, path, hint });
    }

    /// Notes that the parser gave up on a document; false if there is no use in going on.
    pub(super) fn syntax(&mut self, error: &ScanError) -> bool {
        if is_of_characters(error) && !self.errors.is_empty() {
            // The check of characters has said so already.
            self.reset();
            return true;
        }
        let mut start = error.marker().byte_offset().unwrap_or(0).min(self.text.len());
        let (error, cure) = ParseError::from_scan(error);
        if error == ParseError::Tab {
            // The parser is past it by then.
            start = self.text.get(..=start).and_then(|text| text.rfind('\t')).unwrap_or(start);
        }
        let width = match self.text.get(start..).and_then(|rest| rest.chars().next()) {
            None | Some('\n' | '\r') => 0,
            Some(char) => char.len_utf8(),
        };
        let more = error != ParseError::TooDeep;
        self.refuse(error, start, start + width);
        if let (Some(cure), Some(last)) = (cure, self.errors.last_mut()) {
            last.hint = Some(cure.to_owned());
        }
        self.reset();
        more
    }

    pub(super) fn finish(mut self) -> Result<Vec<Node>, Vec<Located<ParseError>>> {
        if self.errors.is_empty() {
            return Ok(self.documents);
        }
        self.errors.sort_by_key(|error| error.span.map(|span| (span.start, span.end)));
        self.errors.truncate(MAX_ERRORS);
        Err(self.errors)
    }

    /// Takes one event in; false if there is no use in going on.
    pub(super) fn event(&mut self, event: Event<'_>, range: &Range) -> bool {
        let mut bytes = range.byte_range().unwrap_or(0..0);
        match event {
            Event::DocumentStart(..) => {
                self.reset();
                self.last_end = bytes.end;
            }
            Event::Scalar(text, style, anchor, tag) => {
                if !self.count(1) {
                    return false;
                }
                let (start, end) = self.extent(style, bytes.start, bytes.end);
                self.last_end = end;
                self.note_anchored(anchor);
                let tag = self.tag(tag.as_deref(), range);
                return self.scalar(&text, style, anchor, tag, start, end);
            }
            Event::SequenceStart(style, anchor, tag) => {
                let first = self.items.len();
                self.place_dash(style, &mut bytes.start);
                return self.begin(
                    Kind::Sequence(first),
                    style,
                    anchor,
                    tag.as_deref(),
                    bytes,
                    range,
                );
            }
            Event::MappingStart(style, anchor, tag) => {
                let kind = Kind::Mapping(self.entries.len(), None);
                return self.begin(kind, style, anchor, tag.as_deref(), bytes, range);
            }
            Event::SequenceEnd | Event::MappingEnd => return self.end(bytes.end),
            Event::Anchor(_, name) if self.dialect == Dialect::Strict => {
                let error = ParseError::Anchor(format!("&{}", shorten(&name)));
                let path = std::mem::take(&mut self.anchored);
                self.refuse_at(path, error, bytes.start, bytes.end);
            }
            Event::Alias(id) => {
                self.last_end = bytes.end;
                return self.alias(Some(id), bytes.start, bytes.end);
            }
            Event::UnresolvedAlias(_) => {
                self.last_end = bytes.end;
                return self.alias(None, bytes.start, bytes.end);
            }
            _ => {}
        }
        true
    }

    fn reset(&mut self) {
        self.open.clear();
        self.items.clear();
        self.entries.clear();
        self.anchors = Anchors::default();
    }

    /// Counts nodes against the bound.
    fn count(&mut self, nodes: usize) -> bool {
        self.nodes += nodes;
        let fits = self.nodes <= MAX_NODES;
        if !fits {
            self.refuse(ParseError::TooManyNodes, self.last_end, self.last_end);
        }
        fits
    }

    /// The bytes of a scalar as written: of a block scalar, from its `|` or `>` to its last text.
    fn extent(&self, style: ScalarStyle, start: usize, end: usize) -> (usize, usize) {
        if !is_block(style) {
            return (start, end);
        }
        let before = self.text.get(self.last_end..start).unwrap_or("");
        let header =
            find_outside_comments(before, ['|', '>']).map_or(start, |at| self.last_end + at);
        let written = self.text.get(header..end).unwrap_or("").trim_end();
        (header, header + written.len())
    }

    /// The tag's text, if it counts; [`Dialect::Strict`] refuses every tag here.
    fn tag(&mut self, tag: Option<&Tag>, range: &Range) -> Option<String> {
        let tag = tag?.original();
        if self.dialect == Dialect::Kubectl {
            return Some(tag);
        }
        let span = range.tag_span().and_then(|span| span.byte_range());
        let at = span.or(range.byte_range()).unwrap_or(0..0);
        self.refuse(ParseError::Tag(shorten(&tag)), at.start, at.end);
        None
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<String>,
        start: usize,
        end: usize,
    ) -> bool {
        let plain = style == ScalarStyle::Plain;
        // The parser gives `~` for a scalar that is not there.
        let text = if plain && start == end { "" } else { text };
        if self.open.is_empty() && text.is_empty() && plain && tag.is_none() && anchor == 0 {
            return true;
        }
        self.refuse_lines(style, start, end);
        if is_block(style) && end == self.text.len() && self.dialect == Dialect::Strict {
            self.refuse(ParseError::NoLineEnd, end, end);
        }
        let merges = plain && tag.is_none() && text == "<<" && self.awaits_key();
        if merges && self.dialect == Dialect::Strict {
            self.refuse(ParseError::MergeKey, start, end);
            let span = self.span(start, end);
            return self.complete_key(Key { name: None, span, merges: false });
        }
        let value = match merges {
            true => Ok(Value::String(text.to_owned())),
            false => match (tag.as_deref(), self.dialect) {
                (Some(tag), _) => tagged_scalar(text, tag),
                _ if !plain => Ok(Value::String(text.to_owned())),
                (_, Dialect::Strict) => resolve_strict(text).map_err(|d| scalar_error(text, d)),
                (_, Dialect::Kubectl) => resolve_kubectl(text).map_err(|d| scalar_error(text, d)),
            },
        };
        let value = match value {
            Ok(Value::Float(number)) if self.dialect == Dialect::Kubectl && !self.awaits_key() => {
                Ok(json_number(number))
            }
            value => value,
        };
        let refused = value.is_err();
        let value = value.unwrap_or_else(|error| {
            self.refuse(error, start, end);
            Value::Null
        });
        let node = Node { span: Some(self.span(start, end)), value };
        if refused && self.awaits_key() {
            let span = self.span(start, end);
            return self.complete_key(Key { name: None, span, merges: false });
        }
        self.keep_anchor(anchor, &node) && self.complete(node, merges)
    }

    fn refuse_lines(&mut self, style: ScalarStyle, start: usize, end: usize) {
        let kind = match style {
            ScalarStyle::Plain => "plain",
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => "quoted",
            _ => return,
        };
        let lines = self.text.get(start..end).is_some_and(|text| text.contains(['\n', '\r']));
        if lines && self.dialect == Dialect::Strict {
            self.refuse(ParseError::MultiLine(kind), start, end);
        }
    }

    /// A list that is no deeper than its key starts, to the parser, after its first dash.
    fn place_dash(&self, style: StructureStyle, start: &mut usize) {
        let before = self.text.get(self.last_end..*start).unwrap_or("");
        if style == StructureStyle::Block
            && !self.text[*start..].starts_with('-')
            && let Some(at) = find_outside_comments(before, ['-', '-'])
        {
            *start = self.last_end + at;
        }
    }

    /// Keeps the way to an anchored node, for the anchor's own event comes after the node's.
    fn note_anchored(&mut self, anchor: usize) {
        if anchor != 0 && self.dialect == Dialect::Strict {
            self.anchored = self.path();
        }
    }

    fn begin(
        &mut self,
        kind: Kind,
        style: StructureStyle,
        anchor: usize,
        tag: Option<&Tag>,
        bytes: std::ops::Range<usize>,
        range: &Range,
    ) -> bool {
        self.note_anchored(anchor);
        if self.open.len() >= MAX_DEPTH {
            self.refuse(ParseError::TooDeep, bytes.start, bytes.end);
            return false;
        }
        let tag = self.tag(tag, range);
        let flow = style == StructureStyle::Flow;
        if flow {
            self.last_end = bytes.end;
        }
        self.open.push(Frame { start: bytes.start, anchor, tag, flow, kind });
        self.count(1)
    }

    /// Closes the innermost list or map.
    fn end(&mut self, end: usize) -> bool {
        let Some(frame) = self.open.pop() else {
            return true;
        };
        // A block ends where the next token starts; what belongs to it ends with its last scalar.
        let end = if frame.flow { end } else { self.last_end.max(frame.start) };
        self.last_end = end;
        let span = self.span(frame.start, end);
        let (value, name) = match frame.kind {
            Kind::Sequence(first) => (Value::Sequence(self.items.drain(first..).collect()), "seq"),
            Kind::Mapping(first, _) => (Value::Mapping(self.mapping(first)), "map"),
        };
        if let Some(tag) = frame.tag.filter(|tag| !is_tag_of(tag, name)) {
            self.refuse(ParseError::UnknownTag(shorten(&tag)), frame.start, end);
        }
        let node = Node { span: Some(span), value };
        self.keep_anchor(frame.anchor, &node) && self.complete(node, false)
    }

    /// Makes the map of the entries from `first` on; duplicates are refused.
    fn mapping(&mut self, first: usize) -> Mapping {
        let entries: Vec<(Key, Node)> = self.entries.drain(first..).collect();
        let mut mapping = Mapping::with_capacity(entries.len());
        let mut merged = HashSet::new();
        for (key, node) in entries {
            if key.merges {
                self.merge(node, &mut mapping, &mut merged);
                continue;
            }
            let Some(name) = key.name else {
                continue;
            };
            let overrides = merged.remove(&name);
            if let Some(earlier) = mapping.get(&name).filter(|_| !overrides) {
                let line = earlier.key_span.map(|span| self.sources.place(span).line);
                self.refuse_duplicate(&name, key.span, line);
                continue;
            }
            mapping.insert(name, Entry { key_span: Some(key.span), node });
        }
        mapping
    }

    fn refuse_duplicate(&mut self, name: &str, span: Span, line: Option<u32>) {
        let hint = line.map(|line| format!("it stands in line {line} already"));
        let error = ParseError::DuplicateKey(shorten(name));
        let path = self.path().key(name);
        self.errors.push(Located { error, span: Some(span), path, hint });
    }

    fn merge(&mut self, node: Node, mapping: &mut Mapping, merged: &mut HashSet<String>) {
        let at = node.span.unwrap_or(self.span(0, 0));
        for result in merge_into(node, mapping, merged) {
            self.refuse(result, at.start as usize, at.end as usize);
        }
    }

    fn keep_anchor(&mut self, anchor: usize, node: &Node) -> bool {
        if anchor == 0 || self.dialect == Dialect::Strict {
            return true;
        }
        let nodes = self.anchors.keep(anchor, node);
        self.count(nodes)
    }

    fn alias(&mut self, id: Option<usize>, start: usize, end: usize) -> bool {
        let name = shorten(self.text.get(start..end).unwrap_or(""));
        let found = match (self.dialect, id) {
            (Dialect::Strict, _) => Err(ParseError::Alias(name)),
            (Dialect::Kubectl, None) => Err(ParseError::UnknownAnchor(name)),
            (Dialect::Kubectl, Some(id)) => {
                let depth = self.open.len();
                self.anchors.expand(id, depth).unwrap_or(Err(ParseError::AliasInItself(name)))
            }
        };
        match found {
            Ok((node, nodes)) => self.count(nodes) && self.complete(node, false),
            Err(error) => {
                let more = !matches!(error, ParseError::AliasesTooLarge | ParseError::TooDeep);
                self.refuse(error, start, end);
                if self.awaits_key() {
                    let span = self.span(start, end);
                    self.complete_key(Key { name: None, span, merges: false });
                } else {
                    self.complete(Node::new(Value::Null), false);
                }
                more
            }
        }
    }

    fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Frame { kind: Kind::Mapping(_, None), .. }))
    }

    /// Hands a node to what it stands in.
    fn complete(&mut self, node: Node, merges: bool) -> bool {
        match self.open.last_mut() {
            None if node.value == Value::Null && self.dialect == Dialect::Kubectl => {}
            None => self.documents.push(node),
            Some(Frame { kind: Kind::Sequence(_), .. }) => self.items.push(node),
            Some(Frame { kind: Kind::Mapping(_, key), .. }) => match key.take() {
                Some(key) => self.entries.push((key, node)),
                None => return self.key(node, merges),
            },
        }
        true
    }

    fn key(&mut self, node: Node, merges: bool) -> bool {
        let span = node.span.unwrap_or(self.span(0, 0));
        let kind = node.kind();
        let name = match (node.value, self.dialect) {
            (Value::String(name), _) => Some(name),
            (value, Dialect::Kubectl) => json_key(&value),
            (_, Dialect::Strict) => None,
        };
        if name.is_none() {
            self.refuse(ParseError::KeyNotString(kind), span.start as usize, span.end as usize);
        }
        self.complete_key(Key { name, span, merges })
    }

    fn complete_key(&mut self, done: Key) -> bool {
        if let Some(Frame { kind: Kind::Mapping(_, key), .. }) = self.open.last_mut() {
            *key = Some(done);
        }
        true
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.source, start as u32, end as u32)
    }

    /// The way to what is being read.
    fn path(&self) -> Path {
        let mut path = Path::root();
        let mut firsts = self.open.iter().filter_map(|frame| match frame.kind {
            Kind::Sequence(first) => Some(first),
            Kind::Mapping(..) => None,
        });
        firsts.next();
        for frame in &self.open {
            match &frame.kind {
                Kind::Sequence(first) => {
                    let end = firsts.next().unwrap_or(self.items.len());
                    path.push(Segment::Index(end - first));
                }
                Kind::Mapping(_, Some(Key { name: Some(name), .. })) => {
                    path.push(Segment::Key(name.clone()));
                }
                Kind::Mapping(..) => {}
            }
        }
        path
    }
}

fn scalar_error(text: &str, doubt: Doubt) -> ParseError {
    ParseError::Scalar { text: shorten(text), doubt }
}

/// Whether a character is the parser's whole trouble.
fn is_of_characters(error: &ScanError) -> bool {
    match error.kind() {
        ErrorKind::UnexpectedCharacter { character } => character.is_control(),
        kind => *kind == ErrorKind::BomInsideDocument,
    }
}

fn is_block(style: ScalarStyle) -> bool {
    matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
}

/// The text as messages show it: one line, not long.
pub(super) fn shorten(text: &str) -> String {
    const MOST: usize = 60;
    let mut shown: String = text.chars().take(MOST).flat_map(show_control).collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}

fn show_control(char: char) -> Vec<char> {
    if char.is_control() { char.escape_default().collect() } else { vec![char] }
}

/// Where one of two indicators stands first in what comes between two tokens.
fn find_outside_comments(between: &str, indicators: [char; 2]) -> Option<usize> {
    let mut comment = false;
    let mut space = true;
    for (at, char) in between.char_indices() {
        match char {
            '\n' => comment = false,
            '#' if space => comment = true,
            _ if !comment && indicators.contains(&char) => return Some(at),
            _ => {}
        }
        space = char.is_whitespace();
    }
    None
}
