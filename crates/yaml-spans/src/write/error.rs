//! What has no place in a tree.

use std::fmt;

use crate::limits::MAX_DEPTH;
use crate::path::{Path, Segment};

/// Why a value cannot be written, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteError {
    /// What is wrong.
    pub problem: WriteProblem,
    /// The way to it from the value that is written.
    pub path: Path,
}

/// Why a value cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteProblem {
    /// A whole number out of 64 bits.
    #[error("the number {0} does not fit 64 bits")]
    TooLarge(String),
    /// Not a number, or infinite.
    #[error("a number must be finite")]
    NonFinite,
    /// A key that is no string and cannot be made one.
    #[error("a key must be a string, not {0}")]
    Key(&'static str),
    /// One key twice.
    #[error("duplicate key `{0}`")]
    DuplicateKey(String),
    /// Lists and maps nest too deep to be read again.
    #[error("lists and maps nest deeper than {MAX_DEPTH}")]
    TooDeep,
    /// The type refuses to be written.
    #[error("{0}")]
    Custom(String),
}

impl WriteError {
    /// The same error, seen from one step further out.
    pub(super) fn within(mut self, segment: Segment) -> Self {
        let mut path = Path::root();
        path.push(segment);
        for inner in self.path.segments() {
            path.push(inner.clone());
        }
        self.path = path;
        self
    }
}

impl From<WriteProblem> for WriteError {
    fn from(problem: WriteProblem) -> Self {
        WriteError { problem, path: Path::root() }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)?;
        if !self.path.is_root() {
            write!(f, " (at `{}`)", self.path)?;
        }
        Ok(())
    }
}

impl std::error::Error for WriteError {}

impl serde::ser::Error for WriteError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        WriteProblem::Custom(message.to_string()).into()
    }
}
