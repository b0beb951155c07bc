//! Errors with their places, and the diagnostics that a person is shown.
//!
//! Parsing and reading return their own error enums inside [`Located`], which refers to
//! [`Sources`]. [`Located::diagnose`] resolves the place and makes a [`Diagnostic`], which refers to
//! nothing.

use std::fmt;

use crate::message::Message;
use crate::path::Path;
use crate::source::{Place, Sources, Span};
use crate::visible_line;

/// An error with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Located<E> {
    /// The error.
    pub error: E,
    /// Its place in a source, if it has one.
    pub span: Option<Span>,
    /// Its path from the document's root.
    pub path: Path,
    /// Advice that is shown at the place.
    pub hint: Option<Hint>,
}

/// Advice on how to fix an error. Boxed texts keep [`Located`] small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// The name that was probably meant; shown as "did you mean `name`?".
    Suggestion(Box<str>),
    /// A scalar that must be quoted, as it was read; shown as it is written in the source.
    Quote(Box<str>),
    /// Any other advice, as it is shown.
    Text(Box<str>),
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hint::Suggestion(name) => write!(f, "did you mean `{name}`?"),
            Hint::Quote(text) => write!(f, "quote it: `\"{text}\"`"),
            Hint::Text(text) => f.write_str(text),
        }
    }
}

impl From<String> for Hint {
    fn from(text: String) -> Self {
        Hint::Text(text.into())
    }
}

impl From<&str> for Hint {
    fn from(text: &str) -> Self {
        Hint::Text(text.into())
    }
}

impl<E> Located<E> {
    /// Makes an error without a hint.
    pub fn new(error: E, span: Option<Span>, path: Path) -> Self {
        Located { error, span, path, hint: None }
    }

    /// Sets the hint.
    pub fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The name that was probably meant, if the hint suggests one.
    pub fn suggestion(&self) -> Option<&str> {
        match &self.hint {
            Some(Hint::Suggestion(name)) => Some(name),
            _ => None,
        }
    }

    /// Converts the error and keeps the rest.
    pub fn map<F>(self, convert: impl FnOnce(E) -> F) -> Located<F> {
        let Located { error, span, path, hint } = self;
        Located { error: convert(error), span, path, hint }
    }
}

impl<E: fmt::Display> Located<E> {
    /// Makes a diagnostic, with the place resolved.
    pub fn diagnose(&self, sources: &Sources) -> Diagnostic {
        Diagnostic {
            message: self.error.to_string().into(),
            place: self.span.map(|span| sources.place(span)),
            label: self.hint.as_ref().map(|hint| match (hint, self.span) {
                (Hint::Quote(read), Some(span)) => quote_source(sources, span, read).to_string(),
                (hint, _) => hint.to_string(),
            }),
            path: (!self.path.is_root()).then(|| self.path.to_string()),
            notes: Vec::new(),
        }
    }
}

/// The hint to quote a scalar, with its text in the source: `1.10`, which reads as the number 1.1.
fn quote_source(sources: &Sources, span: Span, read: &str) -> Hint {
    let range = span.start as usize..span.end as usize;
    let written = sources.get(span.source).text().get(range).unwrap_or(read);
    let is_plain = !written.is_empty() && !written.contains(['"', '\\', '\n', '\r']);
    Hint::Quote(if is_plain { written } else { read }.into())
}

/// One message for a person, with its place resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The error in one line, without a full stop.
    pub message: Message,
    /// The place it points at.
    pub place: Option<Place>,
    /// Advice, shown at the place.
    pub label: Option<String>,
    /// The path of the field or value.
    pub path: Option<String>,
    /// Further help, a line each: the value behind the error, or a way to fix it.
    pub notes: Vec<String>,
}

impl Diagnostic {
    /// Makes a diagnostic without a place.
    pub fn new(message: impl Into<Message>) -> Self {
        Diagnostic {
            message: message.into(),
            place: None,
            label: None,
            path: None,
            notes: Vec::new(),
        }
    }

    /// Makes a diagnostic from the output of a program: the first line is the message, each further one
    /// a note.
    pub fn from_lines(text: &str) -> Self {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let message = Diagnostic::new(lines.next().unwrap_or_default());
        lines.fold(message, Diagnostic::note)
    }

    /// Adds a note.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// All diagnostics of one step; as an error, never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Makes a diagnostic of each error, with its place resolved.
    pub fn locate<E: fmt::Display>(errors: &[Located<E>], sources: &Sources) -> Self {
        Diagnostics(errors.iter().map(|error| error.diagnose(sources)).collect())
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Diagnostics(vec![diagnostic])
    }
}

/// One line a diagnostic: `file:line:column: message (path)`, with hidden characters written out.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            let mut line = String::new();
            if let Some(place) = &diagnostic.place {
                line.push_str(&format!("{}:{}:{}: ", place.name, place.line, place.column));
            }
            line.push_str(&diagnostic.message.to_string());
            if let Some(path) = &diagnostic.path {
                line.push_str(&format!(" ({path})"));
            }
            f.write_str(&visible_line(&line))?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}
