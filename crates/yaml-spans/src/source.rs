//! Source texts and places in them.
//!
//! In: the text of every file or flag that was read. Out: for a [`Span`], the file, line, column and
//! excerpt that a person is shown.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// The longest line that is shown as an excerpt, in bytes: a whole file can be one line.
const MAX_EXCERPT_BYTES: usize = 2000;

/// The id of a text in [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(u32);

/// A range of bytes in one source: the place of a node, a key or an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// The source.
    pub source: SourceId,
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    /// Makes the span `start..end` of `source`.
    pub fn new(source: SourceId, start: u32, end: u32) -> Self {
        Span { source, start, end }
    }
}

/// Bytes of a rendered text and the bytes of the template that produced them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The bytes of the rendered text.
    pub output: Range<u32>,
    /// The bytes of the template.
    pub template: Span,
    /// True for the value of an expression; false for text that was copied from the template byte
    /// for byte.
    pub interpolated: bool,
}

/// One text with its name: a file's path as the user wrote it, or a flag.
#[derive(Debug)]
pub struct Source {
    name: String,
    text: String,
    /// The first byte of each line, found when a place is asked for: most texts have no errors.
    line_starts: OnceLock<Vec<u32>>,
    origins: Option<Vec<Origin>>,
}

impl Source {
    /// Makes a source from a text that a person wrote: a file, or a flag such as
    /// `--set gate.floor=7Gi`.
    pub fn written(name: impl Into<String>, text: impl Into<String>) -> Self {
        Source { name: name.into(), text: text.into(), line_starts: OnceLock::new(), origins: None }
    }

    /// Makes a source from the output of a template. Places are shown in the template; `origins`, in
    /// the order of the output and without overlap, map the output to it.
    pub fn rendered(
        name: impl Into<String>,
        text: impl Into<String>,
        origins: Vec<Origin>,
    ) -> Self {
        Source { origins: Some(origins), ..Source::written(name, text) }
    }

    /// The name, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of a line, counted from 1, without its line end; empty past the last line.
    pub fn line(&self, line: u32) -> &str {
        let Some(&start) = self.line_starts().get(line.saturating_sub(1) as usize) else {
            return "";
        };
        let next = self.line_starts().get(line as usize);
        let end = next.map_or(self.text.len(), |&next| next as usize);
        self.text[start as usize..end].trim_end_matches(['\n', '\r'])
    }

    /// The span of a line, counted from 1; `id` is this source's id.
    pub fn line_span(&self, id: SourceId, line: u32) -> Span {
        let start = self.line_starts().get(line.saturating_sub(1) as usize).copied().unwrap_or(0);
        Span::new(id, start, start + self.line(line).len() as u32)
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| line_starts(&self.text))
    }

    /// The origins of a template's output; empty for any other text.
    pub fn origins(&self) -> &[Origin] {
        self.origins.as_deref().unwrap_or_default()
    }

    /// The line and the column of a byte, both counted from 1; columns count characters.
    pub fn position(&self, byte: u32) -> (u32, u32) {
        let index = self.line_starts().partition_point(|&start| start <= byte).saturating_sub(1);
        let start = self.line_starts().get(index).copied().unwrap_or(0) as usize;
        let before = self.text.get(start..byte as usize).unwrap_or("");
        (index as u32 + 1, before.chars().count() as u32 + 1)
    }

    /// The numbers, from 1, of the lines that contain a word, in order.
    pub fn lines_with(&self, word: &str) -> impl Iterator<Item = u32> {
        let mut lines: Vec<u32> =
            self.text.match_indices(word).map(|(at, _)| self.position(at as u32).0).collect();
        lines.dedup();
        lines.into_iter()
    }
}

/// The first byte of each line.
fn line_starts(text: &str) -> Vec<u32> {
    std::iter::once(0)
        .chain(text.bytes().enumerate().filter(|&(_, b)| b == b'\n').map(|(i, _)| i as u32 + 1))
        .collect()
}

/// All source texts. Cloning is cheap: the texts are shared.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    list: Vec<Arc<Source>>,
}

impl Sources {
    /// Makes an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text and returns its id, which its spans carry.
    pub fn add(&mut self, source: Source) -> SourceId {
        self.list.push(Arc::new(source));
        SourceId(self.list.len() as u32 - 1)
    }

    /// The text with an id.
    pub fn get(&self, id: SourceId) -> &Source {
        &self.list[id.0 as usize]
    }

    /// All texts with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.list
            .iter()
            .enumerate()
            .map(|(index, source)| (SourceId(index as u32), source.as_ref()))
    }

    /// The text of a span.
    pub fn slice(&self, span: Span) -> &str {
        self.get(span.source).text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// Resolves a span for a person. A span of a template's output is shown in the template.
    pub fn place(&self, span: Span) -> Place {
        let span = self.written(span);
        let source = self.get(span.source);
        let (line, column) = source.position(span.start);
        let excerpt = match source.line(line) {
            text if text.len() <= MAX_EXCERPT_BYTES => text.to_owned(),
            _ => String::new(),
        };
        let width = self.slice(span).lines().next().map_or(0, |l| l.chars().count());
        Place { name: source.name.clone(), line, column, excerpt, width }
    }

    /// The span in the text that a person wrote: for a template's output, the template's own bytes.
    pub fn written(&self, span: Span) -> Span {
        match self.origin(span) {
            Some(origin) => self.written(origin.locate(span)),
            None => span,
        }
    }

    /// The origin of a span's first byte in a template's output; none for a text that a person wrote.
    pub fn origin(&self, span: Span) -> Option<&Origin> {
        let origins = self.get(span.source).origins.as_ref()?;
        let next = origins.partition_point(|origin| origin.output.start <= span.start);
        origins.get(next.checked_sub(1)?)
    }
}

impl Origin {
    /// The template's bytes for a span of the output that begins in this piece.
    fn locate(&self, span: Span) -> Span {
        if self.interpolated {
            return self.template;
        }
        Span::new(self.template.source, self.shift(span.start), self.shift(span.end))
    }

    /// The template's byte for a byte of the output, within this piece.
    fn shift(&self, byte: u32) -> u32 {
        let offset = byte.saturating_sub(self.output.start);
        (self.template.start + offset).min(self.template.end)
    }
}

/// A span resolved for a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file's path as the user wrote it, or the flag.
    pub name: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// The line's text; empty if it is too long to be shown.
    pub excerpt: String,
    /// The number of characters to mark in the excerpt, from the column on.
    pub width: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_a_line_a_column_and_a_width() {
        let mut sources = Sources::new();
        let id = sources.add(Source::written("values/a.yaml", "a: 1\r\nä: bcd\r\n"));
        let place = sources.place(Span::new(id, 10, 13));
        assert_eq!((place.line, place.column, place.width), (2, 4, 3));
        assert_eq!(place.excerpt, "ä: bcd");
    }

    #[test]
    fn a_line_that_contains_a_word_is_found_once() {
        let source = Source::written("a.yaml", "x ä x\r\nb\n\n x");
        assert_eq!(source.lines_with("x").collect::<Vec<_>>(), [1, 4]);
        assert_eq!(source.lines_with("y").count(), 0);
    }

    #[test]
    fn a_span_of_rendered_text_is_shown_in_the_template() {
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
