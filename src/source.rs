//! Texts and places in them.
//!
//! In: the text of every file (or flag) that was read. Out: for a [`Span`], the file, line, column
//! and excerpt that a person is shown. Every module may call it; it calls none.

use std::sync::Arc;

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

/// The line of another source that a line was made from: a rendered line's template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The template.
    pub source: SourceId,
    /// Its line, from 1.
    pub line: u32,
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

    /// A text that templates made: line `i` (from 0) comes from `origins[i]`, and that is the place
    /// a person is shown.
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

    /// The bytes that a span covers.
    pub fn slice(&self, span: Span) -> &str {
        self.get(span.source).text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// Where a span is, as a person looks for it: in what was written, a template rather than its
    /// output.
    pub fn place(&self, span: Span) -> Place {
        let source = self.get(span.source);
        let (line, column) = source.position(span.start);
        let origin = source.origins.as_ref().and_then(|o| o.get(line as usize - 1));
        if let Some(origin) = origin {
            return self.place_in_template(*origin, self.slice(span));
        }
        let excerpt = source.line(line).to_owned();
        let width = self.slice(span).lines().next().map_or(0, |l| l.chars().count());
        Place { name: source.name.clone(), line, column: Some(column), excerpt, width }
    }

    /// A whole line (from 1) of a source.
    pub fn line_place(&self, source: SourceId, line: u32) -> Place {
        let source = self.get(source);
        let excerpt = source.line(line).to_owned();
        Place { name: source.name.clone(), line, column: None, excerpt, width: 0 }
    }

    /// Interpolation moves columns, so the token is looked for in the template's own line; where it
    /// is not found (a value brought it) the line as a whole is the place.
    fn place_in_template(&self, origin: Origin, token: &str) -> Place {
        let mut place = self.line_place(origin.source, origin.line);
        let token = token.lines().next().unwrap_or("").trim_end();
        if token.is_empty() {
            return place;
        }
        if let Some(byte) = place.excerpt.find(token) {
            place.column = Some(place.excerpt[..byte].chars().count() as u32 + 1);
            place.width = token.chars().count();
        }
        place
    }
}

/// A span made ready for a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file's path as the user wrote it, or the flag.
    pub name: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters; none if the line as a whole is meant.
    pub column: Option<u32>,
    /// The line's text.
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
        assert_eq!((place.line, place.column, place.width), (2, Some(4), 3));
        assert_eq!(place.excerpt, "ä: bcd");
    }

    #[test]
    fn a_rendered_span_is_shown_in_its_template() {
        let mut sources = Sources::new();
        let template = sources.add(Source::written("t.j2", "{% if x %}\n  continers: {{ y }}\n"));
        let origins = vec![Origin { source: template, line: 2 }];
        let out = sources.add(Source::rendered("t", "continers: 5\n", origins));
        let key = sources.place(Span::new(out, 0, 9));
        assert_eq!((key.name.as_str(), key.line, key.column, key.width), ("t.j2", 2, Some(3), 9));
        let value = sources.place(Span::new(out, 11, 12));
        assert_eq!((value.line, value.column), (2, None));
    }
}
