//! Events in, documents out: what is open, what is wrong so far, and the way to where it is.

use granit_parser::{ErrorKind, Event, ScalarStyle, ScanError, Span as Range, StructureStyle, Tag};

use super::Dialect;
use super::alias::{Anchors, is_tag_of};
use super::entries::Key;
use super::error::ParseError;
use super::extent;
use crate::diagnostic::Located;
use crate::limits::{MAX_DEPTH, MAX_ERRORS, MAX_NODES};
use crate::node::{Node, Value};
use crate::path::{Path, Segment};
use crate::show::shorten;
use crate::source::{SourceId, Sources, Span};

pub(super) struct Builder<'a> {
    pub(super) sources: &'a Sources,
    source: SourceId,
    pub(super) text: &'a str,
    pub(super) dialect: Dialect,
    errors: Vec<Located<ParseError>>,
    documents: Vec<Node>,
    /// Lists and maps that are not closed yet.
    pub(super) open: Vec<Frame>,
    /// Items and entries of the open ones, so that each is made with its exact size at its end.
    items: Vec<Node>,
    pub(super) entries: Vec<(Key, Node)>,
    pub(super) anchors: Anchors,
    /// The way to the last anchored node.
    anchored: Path,
    nodes: usize,
    /// The byte after the last scalar or bracket: signs of a block come after it.
    last_end: usize,
}

/// A list or map that is not closed yet.
pub(super) struct Frame {
    start: usize,
    anchor: usize,
    tag: Option<String>,
    flow: bool,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    /// With the place of its first item among all.
    Sequence(usize),
    /// With the place of its first entry among all, and the key that waits for its value.
    Mapping(usize, Option<Key>),
}

/// What a node's event says beside its value.
struct Properties<'t> {
    anchor: usize,
    tag: Option<&'t Tag>,
    range: &'t Range,
}

/// A bound is hit: there is no use in going on.
pub(super) struct Stop;

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

    pub(super) fn is_full(&self) -> bool {
        self.errors.len() >= MAX_ERRORS
    }

    /// Notes an error at a range of bytes.
    pub(super) fn refuse(&mut self, error: ParseError, start: usize, end: usize) {
        let hint = error.cure();
        let span = Some(self.span(start, end));
        self.push(Located { error, span, path: self.path(), hint });
    }

    pub(super) fn push(&mut self, error: Located<ParseError>) {
        if !self.is_full() {
            self.errors.push(error);
        }
    }

    /// Notes that the parser beneath gave up on a document.
    pub(super) fn syntax(&mut self, error: &ScanError) -> Result<(), Stop> {
        let of_characters = match error.kind() {
            ErrorKind::UnexpectedCharacter { character } => character.is_control(),
            kind => *kind == ErrorKind::BomInsideDocument,
        };
        // If so, the check of characters has said it already.
        if !of_characters || self.errors.is_empty() {
            let (error, span) = extent::of_syntax(error, self.text);
            self.refuse(error, span.start, span.end);
        }
        self.reset();
        match error.kind() {
            ErrorKind::RecursionLimitExceeded => Err(Stop),
            _ => Ok(()),
        }
    }

    pub(super) fn finish(mut self) -> Result<Vec<Node>, Vec<Located<ParseError>>> {
        if self.errors.is_empty() {
            return Ok(self.documents);
        }
        self.errors.sort_by_key(|error| error.span.map(|span| (span.start, span.end)));
        Err(self.errors)
    }

    /// Takes one event in.
    pub(super) fn event(&mut self, event: Event<'_>, range: &Range) -> Result<(), Stop> {
        let bytes = range.byte_range().unwrap_or(0..0);
        match event {
            Event::DocumentStart(..) => {
                self.reset();
                self.last_end = bytes.end;
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let properties = Properties { anchor, tag: tag.as_deref(), range };
                self.written_scalar(&text, style, properties)
            }
            Event::SequenceStart(style, anchor, tag) => {
                let kind = Kind::Sequence(self.items.len());
                self.begin(kind, style, Properties { anchor, tag: tag.as_deref(), range })
            }
            Event::MappingStart(style, anchor, tag) => {
                let kind = Kind::Mapping(self.entries.len(), None);
                self.begin(kind, style, Properties { anchor, tag: tag.as_deref(), range })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(bytes.end),
            Event::Anchor(_, name) if self.dialect == Dialect::Strict => {
                let error = ParseError::Anchor(format!("&{}", shorten(&name)));
                let (hint, span) = (error.cure(), Some(self.span(bytes.start, bytes.end)));
                let path = std::mem::take(&mut self.anchored);
                self.push(Located { error, span, path, hint });
                Ok(())
            }
            Event::Alias(id) => {
                self.last_end = bytes.end;
                self.alias(Some(id), bytes)
            }
            Event::UnresolvedAlias(_) => {
                self.last_end = bytes.end;
                self.alias(None, bytes)
            }
            _ => Ok(()),
        }
    }

    fn written_scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        properties: Properties<'_>,
    ) -> Result<(), Stop> {
        let bytes = properties.range.byte_range().unwrap_or(0..0);
        let bytes = extent::of_scalar(self.text, self.last_end, bytes, style);
        self.last_end = bytes.end;
        self.count(1)?;
        let tag = self.properties(&properties);
        self.scalar(text, style, properties.anchor, tag, bytes)
    }

    fn begin(
        &mut self,
        kind: Kind,
        style: StructureStyle,
        properties: Properties<'_>,
    ) -> Result<(), Stop> {
        let bytes = properties.range.byte_range().unwrap_or(0..0);
        let flow = style == StructureStyle::Flow;
        let start = match kind {
            Kind::Sequence(_) if !flow => extent::dash(self.text, self.last_end, bytes.start),
            _ => bytes.start,
        };
        if self.open.len() >= MAX_DEPTH {
            self.refuse(ParseError::TooDeep, start, bytes.end);
            return Err(Stop);
        }
        let tag = self.properties(&properties);
        if flow {
            self.last_end = bytes.end;
        }
        self.open.push(Frame { start, anchor: properties.anchor, tag, flow, kind });
        self.count(1)
    }

    /// Closes the innermost list or map.
    fn end(&mut self, end: usize) -> Result<(), Stop> {
        let Some(frame) = self.open.pop() else {
            return Ok(());
        };
        // A block ends where the next token starts; what belongs to it ends with its last scalar.
        let end = if frame.flow { end } else { self.last_end.max(frame.start) };
        self.last_end = end;
        let span = self.span(frame.start, end);
        let (value, name) = match frame.kind {
            Kind::Sequence(first) => (Value::Sequence(self.items.split_off(first)), "seq"),
            Kind::Mapping(first, _) => (Value::Mapping(self.mapping(first)), "map"),
        };
        if let Some(tag) = frame.tag.filter(|tag| !is_tag_of(tag, name)) {
            self.refuse(ParseError::UnknownTag(shorten(&tag)), frame.start, end);
        }
        let node = Node { span: Some(span), value };
        self.keep_anchor(frame.anchor, &node)?;
        self.complete(node, false);
        Ok(())
    }

    /// Keeps what the anchor's own event needs, and gives the tag's text if it counts;
    /// [`Dialect::Strict`] refuses every tag here.
    fn properties(&mut self, properties: &Properties<'_>) -> Option<String> {
        if properties.anchor != 0 && self.dialect == Dialect::Strict {
            self.anchored = self.path();
        }
        let tag = properties.tag?.original();
        if self.dialect == Dialect::Kubectl {
            return Some(tag);
        }
        let span = properties.range.tag_span().and_then(|span| span.byte_range());
        let at = span.or(properties.range.byte_range()).unwrap_or(0..0);
        self.refuse(ParseError::Tag(shorten(&tag)), at.start, at.end);
        None
    }

    /// Forgets the document that is being read.
    fn reset(&mut self) {
        self.open.clear();
        self.items.clear();
        self.entries.clear();
        self.anchors = Anchors::default();
    }

    /// Counts nodes against the bound.
    pub(super) fn count(&mut self, nodes: usize) -> Result<(), Stop> {
        self.nodes += nodes;
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        self.refuse(ParseError::TooManyNodes, self.last_end, self.last_end);
        Err(Stop)
    }

    /// Hands a node to what it stands in.
    pub(super) fn complete(&mut self, node: Node, merges: bool) {
        match self.open.last_mut() {
            None if node.value == Value::Null && self.dialect == Dialect::Kubectl => {}
            None => self.documents.push(node),
            Some(Frame { kind: Kind::Sequence(_), .. }) => self.items.push(node),
            Some(Frame { kind: Kind::Mapping(_, key), .. }) => match key.take() {
                Some(key) => self.entries.push((key, node)),
                None => self.key(node, merges),
            },
        }
    }

    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.source, start as u32, end as u32)
    }

    /// The way to what is being read.
    pub(super) fn path(&self) -> Path {
        let mut path = Path::root();
        let mut firsts = self.open.iter().filter_map(|frame| match frame.kind {
            Kind::Sequence(first) => Some(first),
            Kind::Mapping(..) => None,
        });
        firsts.next();
        for frame in &self.open {
            match &frame.kind {
                Kind::Sequence(first) => {
                    // The items of a list end where those of the next list within begin.
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
