//! What is wrong, where, and what would be right: the one shape in which every module reports.
//!
//! Modules return their own error enums, wrapped in [`Located`] while the run still knows its
//! [`Sources`]; a stage's edge makes them into [`Diagnostic`]s, which stand alone. Only the
//! command line prints them.

use std::fmt;

use crate::Path;
use crate::source::{Place, Sources, Span};

/// A module's error with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Located<E> {
    /// What is wrong.
    pub error: E,
    /// Where it was written, if a file holds it.
    pub span: Option<Span>,
    /// The way to it from the document's root.
    pub path: Path,
    /// What would be right; stands at the place: "did you mean `floor`?".
    pub hint: Option<String>,
}

impl<E> Located<E> {
    /// An error at a place.
    pub fn new(error: E, span: Option<Span>, path: Path) -> Self {
        Located { error, span, path, hint: None }
    }

    /// With what would be right.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Another error in the same place, as a caller's enum wraps a module's.
    pub fn map<F>(self, wrap: impl FnOnce(E) -> F) -> Located<F> {
        let Located { error, span, path, hint } = self;
        Located { error: wrap(error), span, path, hint }
    }
}

impl<E: fmt::Display> Located<E> {
    /// Makes it stand alone.
    pub fn diagnose(&self, sources: &Sources) -> Diagnostic {
        Diagnostic {
            message: self.error.to_string(),
            place: self.span.map(|span| sources.place(span)),
            label: self.hint.clone(),
            path: (!self.path.is_root()).then(|| self.path.to_string()),
            notes: Vec::new(),
        }
    }
}

/// One message for a person. Stands alone: places are resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, in one line, without a full stop.
    pub message: String,
    /// Where.
    pub place: Option<Place>,
    /// What would be right, shown at the place.
    pub label: Option<String>,
    /// The path of the field or value.
    pub path: Option<String>,
    /// More that helps, a line each: the value that brought it, how to mend it.
    pub notes: Vec<String>,
}

impl Diagnostic {
    /// A message without a place.
    pub fn new(message: impl Into<String>) -> Self {
        Diagnostic {
            message: message.into(),
            place: None,
            label: None,
            path: None,
            notes: Vec::new(),
        }
    }

    /// With one more note.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// What a stage found wrong; never empty where it stands as an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Diagnostics(vec![diagnostic])
    }
}

/// One line an entry: `file:line:column: message (path)`.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, diagnostic) in self.0.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            if let Some(place) = &diagnostic.place {
                write!(f, "{}:{}:{}: ", place.name, place.line, place.column)?;
            }
            f.write_str(&diagnostic.message)?;
            if let Some(path) = &diagnostic.path {
                write!(f, " ({path})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}
