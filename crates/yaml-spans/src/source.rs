//! Texts and places in them.
//!
//! In: the text of every file (or flag) that was read. Out: for a [`Span`], the file, line, column
//! and excerpt that a person is shown. Every module may call it; it calls none.

use std::ops::Range;
use std::sync::Arc;

/// The longest line that is shown, in bytes: a whole file may stand on one.
const EXCERPT: usize = 2000;

/// A text among [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(u32);

/// A range of bytes in one source: what a node, a key or an error points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// The text.
    pub source: SourceId,
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    /// The range `start..end` of `source`.
    pub fn new(source: SourceId, start: u32, end: u32) -> Self {
        Span { source, start, end }
    }
}

/// Which bytes of a template made which bytes of a rendered text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The bytes of the rendered text.
    pub output: Range<u32>,
    /// The bytes of the template.
    pub template: Span,
    /// Whether an expression's value stands here. If not, the template's own text does, byte for
    /// byte.
    pub interpolated: bool,
}

/// One text with its name: a file's path as the user wrote it, or a flag.
#[derive(Debug)]
pub struct Source {
    name: String,
    text: String,
    line_starts: Vec<u32>,
    origins: Option<Vec<Origin>>,
}

impl Source {
    /// A text that a person wrote: a file, or a flag such as `--set gate.floor=7Gi`.
    pub fn written(name: impl Into<String>, text: impl Into<String>) -> Self {
        let (name, text) = (name.into(), text.into());
        let line_starts = line_starts(&text);
        Source { name, text, line_starts, origins: None }
    }

    /// A text that a template made. A person is shown the template's places; `origins` (in the order
    /// of the output, without overlap) tell which they are.
    pub fn rendered(
        name: impl Into<String>,
        text: impl Into<String>,
        origins: Vec<Origin>,
    ) -> Self {
        Source { origins: Some(origins), ..Source::written(name, text) }
    }

    /// The name that messages use.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of a line (from 1), without its line end; empty past the end.
    pub fn line(&self, line: u32) -> &str {
        let at = |n: usize| self.line_starts.get(n).map(|&start| start as usize);
        let Some(start) = at(line.saturating_sub(1) as usize) else {
            return "";
        };
        let end = at(line as usize).unwrap_or(self.text.len());
        self.text[start..end].trim_end_matches(['\n', '\r'])
    }

    /// The bytes of a line (from 1), as a span of `id`, this source.
    pub fn line_span(&self, id: SourceId, line: u32) -> Span {
        let start = self.line_starts.get(line.saturating_sub(1) as usize).copied().unwrap_or(0);
        Span::new(id, start, start + self.line(line).len() as u32)
    }

    /// For a text that a template made: what its bytes came from.
    pub fn origins(&self) -> &[Origin] {
        self.origins.as_deref().unwrap_or_default()
    }

    /// The line and column of a byte, both from 1; columns count characters.
    pub fn position(&self, byte: u32) -> (u32, u32) {
        let index = self.line_starts.partition_point(|&start| start <= byte).saturating_sub(1);
        let start = self.line_starts.get(index).copied().unwrap_or(0) as usize;
        let upto = self.text.get(start..byte as usize).unwrap_or("");
        (index as u32 + 1, upto.chars().count() as u32 + 1)
    }
}

fn line_starts(text: &str) -> Vec<u32> {
    std::iter::once(0)
        .chain(text.bytes().enumerate().filter(|&(_, b)| b == b'\n').map(|(i, _)| i as u32 + 1))
        .collect()
}

/// All texts of one run. Cloning is cheap: texts are shared.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    list: Vec<Arc<Source>>,
}

impl Sources {
    /// No texts yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a text in and gives the id that spans of it carry.
    pub fn add(&mut self, source: Source) -> SourceId {
        self.list.push(Arc::new(source));
        SourceId(self.list.len() as u32 - 1)
    }

    /// The text behind an id of these sources.
    pub fn get(&self, id: SourceId) -> &Source {
        &self.list[id.0 as usize]
    }

    /// Every text with its id.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.list.iter().enumerate().map(|(at, source)| (SourceId(at as u32), source.as_ref()))
    }

    /// The bytes that a span covers.
    pub fn slice(&self, span: Span) -> &str {
        self.get(span.source).text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// Where a span is, as a person looks for it: in what was written, a template rather than its
    /// output.
    pub fn place(&self, span: Span) -> Place {
        let span = self.written(span);
        let source = self.get(span.source);
        let (line, column) = source.position(span.start);
        let excerpt = match source.line(line) {
            text if text.len() <= EXCERPT => text.to_owned(),
            _ => String::new(),
        };
        let width = self.slice(span).lines().next().map_or(0, |l| l.chars().count());
        Place { name: source.name.clone(), line, column, excerpt, width }
    }

    /// The same in what a person wrote: a template's own bytes for a span of its output.
    pub fn written(&self, span: Span) -> Span {
        match self.origin(span) {
            Some(origin) => self.written(origin.locate(span)),
            None => span,
        }
    }

    /// What a template wrote at the start of a span of its output; none for a text that a person
    /// wrote.
    pub fn origin(&self, span: Span) -> Option<&Origin> {
        let origins = self.get(span.source).origins.as_ref()?;
        let next = origins.partition_point(|origin| origin.output.start <= span.start);
        origins.get(next.checked_sub(1)?)
    }
}

impl Origin {
    /// The bytes of the template that a span of the output, which begins in this piece, stands for.
    fn locate(&self, span: Span) -> Span {
        if self.interpolated {
            return self.template;
        }
        let shift = |byte: u32| {
            let offset = byte.saturating_sub(self.output.start);
            (self.template.start + offset).min(self.template.end)
        };
        Span::new(self.template.source, shift(span.start), shift(span.end))
    }
}

/// A span made ready for a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file's path as the user wrote it, or the flag.
    pub name: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// The line's text; empty where it is too long to be shown.
    pub excerpt: String,
    /// How many characters of the excerpt are meant, from the column on.
    pub width: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_shown_by_line_column_and_width() {
        let mut sources = Sources::new();
        let id = sources.add(Source::written("values/a.yaml", "a: 1\r\nä: bcd\r\n"));
        let place = sources.place(Span::new(id, 10, 13));
        assert_eq!((place.line, place.column, place.width), (2, 4, 3));
        assert_eq!(place.excerpt, "ä: bcd");
    }

    #[test]
    fn a_rendered_span_is_shown_in_its_template() {
        let mut sources = Sources::new();
        let template = sources.add(Source::written("t.j2", "{% if x %}\n  continers: {{ y }}\n"));
        let piece = |output, start, end, interpolated| Origin {
            output,
            template: Span::new(template, start, end),
            interpolated,
        };
        let origins = vec![piece(0..13, 11, 24, false), piece(13..14, 27, 28, true)];
        let out = sources.add(Source::rendered("t", "  continers: 5\n", origins));
        let key = sources.place(Span::new(out, 2, 11));
        assert_eq!((key.name.as_str(), key.line, key.column, key.width), ("t.j2", 2, 3, 9));
        let value = sources.place(Span::new(out, 13, 14));
        assert_eq!((value.line, value.column, value.width), (2, 17, 1));
    }
}
