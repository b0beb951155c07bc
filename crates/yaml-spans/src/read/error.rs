//! What is wrong with a value that is read into a type.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::near::name_hint;
use crate::node::Node;
use crate::path::Path;
use crate::show::{one_line, shorten};
use crate::source::Span;

/// Why a value does not fit its type.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReadError {
    /// The type has no such field.
    #[error("unknown field `{}`", shorten(.0))]
    UnknownField(String),
    /// A field that must be there is not.
    #[error("missing field `{0}`")]
    MissingField(String),
    /// The enum has no such value.
    #[error("unknown value `{}`", shorten(.0))]
    UnknownVariant(String),
    /// Another kind of value belongs here.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What belongs here.
        expected: String,
        /// What stands here.
        found: String,
    },
    /// A whole number out of its type's range.
    #[error("{number} is out of range: {least} to {most}")]
    OutOfRange {
        /// The number.
        number: i64,
        /// The least that fits.
        least: i64,
        /// The most that fits.
        most: i64,
    },
    /// The type's own rule is broken.
    #[error("{0}")]
    Rule(String),
}

/// An error on its way through serde, which knows nothing of places: the first node that it passes
/// gives it one. Boxed, since results of this type are returned for every value.
#[derive(Debug)]
pub(super) struct Failure(pub(super) Box<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) error: ReadError,
    pub(super) hint: Option<String>,
    pub(super) at: Option<At>,
}

/// Where a failure happened.
#[derive(Debug)]
pub(super) struct At {
    /// The node that cannot be read.
    pub(super) node: *const Node,
    pub(super) span: Option<Span>,
    pub(super) path: Path,
}

impl Failure {
    pub(super) fn new(error: ReadError, hint: Option<String>) -> Self {
        Failure(Box::new(Inner { error, hint, at: None }))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.error.fmt(f)
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        Failure::new(ReadError::Rule(one_line(message.trim_end_matches('.'), 300)), None)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let (expected, found) = (expected.to_string(), describe(found));
        Failure::new(ReadError::WrongType { expected, found }, None)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let (expected, found) = (expected.to_string(), items(length));
        Failure::new(ReadError::WrongType { expected, found }, None)
    }

    fn unknown_variant(variant: &str, allowed: &'static [&'static str]) -> Self {
        let hint = name_hint(variant, allowed);
        Failure::new(ReadError::UnknownVariant(variant.to_owned()), hint)
    }

    fn unknown_field(field: &str, allowed: &'static [&'static str]) -> Self {
        let hint = name_hint(field, allowed);
        Failure::new(ReadError::UnknownField(field.to_owned()), hint)
    }

    fn missing_field(field: &'static str) -> Self {
        Failure::new(ReadError::MissingField(field.to_owned()), None)
    }
}

/// What serde calls a value, in our words.
fn describe(value: Unexpected<'_>) -> String {
    match value {
        Unexpected::Unit => "null".to_owned(),
        Unexpected::Bool(value) => format!("the boolean `{value}`"),
        Unexpected::Unsigned(number) => format!("the number `{number}`"),
        Unexpected::Signed(number) => format!("the number `{number}`"),
        Unexpected::Float(number) => format!("the number `{number}`"),
        Unexpected::Str(text) => string(text),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a map".to_owned(),
        other => other.to_string(),
    }
}

/// A string as messages show it.
pub(super) fn string(text: &str) -> String {
    format!("the string `{}`", shorten(text))
}

/// A number of items.
pub(super) fn items(number: usize) -> String {
    if number == 1 { "1 item".to_owned() } else { format!("{number} items") }
}
