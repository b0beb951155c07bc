//! Errors of values that do not fit their type.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::passes::ErrorLocation;
use crate::diagnostic::Hint;
use crate::suggest::suggestion;
use crate::truncate::{truncate, truncate_to};

/// The longest message of a type's own rule, in characters.
const MAX_RULE_CHARS: usize = 300;

/// A reason why a value does not fit its type.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReadError {
    /// The type has no such field.
    #[error("unknown field `{}`", truncate(.0))]
    UnknownField(String),
    /// A required field is missing.
    #[error("missing field `{0}`")]
    MissingField(String),
    /// The enum has no such value.
    #[error("unknown value `{}`", truncate(.0))]
    UnknownVariant(String),
    /// The value is of another kind.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// The kind of value that is expected.
        expected: String,
        /// The value that was found.
        found: String,
    },
    /// A whole number is outside its type's range.
    #[error("{number} is out of range: {least} to {most}")]
    OutOfRange {
        /// The number.
        number: i64,
        /// The smallest number of the type.
        least: i64,
        /// The largest number of the type.
        most: i64,
    },
    /// The value breaks a rule of its type.
    #[error("{message}")]
    Rule {
        /// The rule's own message.
        message: String,
        /// The type that was read, as [`std::any::type_name`] names it, if the type's visitor
        /// refused the value.
        type_name: Option<&'static str>,
    },
}

/// An error on its way through serde, which knows no places: the first node that it passes sets its
/// place. Boxed, since every read returns a result of this type.
#[derive(Debug)]
pub(super) struct Failure(Box<FailureParts>);

#[derive(Debug)]
pub(super) struct FailureParts {
    pub(super) error: ReadError,
    pub(super) hint: Option<Hint>,
    pub(super) location: Option<ErrorLocation>,
}

const STRING: &str = "a string";

/// The hint for a number or boolean that should be a string, or may be one.
pub(super) fn quote_hint(expected: &str, value: &impl fmt::Debug) -> Option<Hint> {
    let rest = expected.strip_prefix(STRING)?;
    (rest.is_empty() || rest.starts_with(" or ")).then(|| Hint::Quote(format!("{value:?}").into()))
}

impl Failure {
    pub(super) fn new(error: ReadError, hint: Option<Hint>) -> Self {
        Failure(Box::new(FailureParts { error, hint, location: None }))
    }

    /// Makes the failure of a type's own rule.
    pub(super) fn rule(message: String) -> Self {
        Failure::new(ReadError::Rule { message, type_name: None }, None)
    }

    pub(super) fn wrong_type(expected: impl Into<String>, found: impl Into<String>) -> Self {
        let (expected, found) = (expected.into(), found.into());
        Failure::new(ReadError::WrongType { expected, found }, None)
    }

    pub(super) fn error(&self) -> &ReadError {
        &self.0.error
    }

    pub(super) fn is_located(&self) -> bool {
        self.0.location.is_some()
    }

    pub(super) fn set_location(&mut self, location: ErrorLocation) {
        self.0.location = Some(location);
    }

    pub(super) fn location_mut(&mut self) -> Option<&mut ErrorLocation> {
        self.0.location.as_mut()
    }

    pub(super) fn into_parts(self) -> FailureParts {
        *self.0
    }

    /// Names the type `T` in the failure of a rule that has no place yet: `T` is the type whose rule
    /// it is.
    pub(super) fn of_type<T>(mut self) -> Self {
        if let (ReadError::Rule { type_name, .. }, None) = (&mut self.0.error, &self.0.location) {
            *type_name = Some(std::any::type_name::<T>());
        }
        self
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
        Failure::rule(truncate_to(message.trim_end_matches('.'), MAX_RULE_CHARS))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        let hint = match found {
            Unexpected::Bool(value) => quote_hint(&expected, &value),
            Unexpected::Signed(number) => quote_hint(&expected, &number),
            Unexpected::Unsigned(number) => quote_hint(&expected, &number),
            Unexpected::Float(number) => quote_hint(&expected, &number),
            _ => None,
        };
        let found = describe_unexpected(found);
        Failure::new(ReadError::WrongType { expected, found }, hint)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Failure::wrong_type(expected.to_string(), describe_unexpected(found))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Failure::wrong_type(expected.to_string(), describe_length(length))
    }

    fn unknown_variant(variant: &str, allowed: &'static [&'static str]) -> Self {
        let hint = suggestion(variant, allowed);
        Failure::new(ReadError::UnknownVariant(variant.to_owned()), hint)
    }

    fn unknown_field(field: &str, allowed: &'static [&'static str]) -> Self {
        let hint = suggestion(field, allowed);
        Failure::new(ReadError::UnknownField(field.to_owned()), hint)
    }

    fn missing_field(field: &'static str) -> Self {
        Failure::new(ReadError::MissingField(field.to_owned()), None)
    }
}

/// Describes the value that serde found.
fn describe_unexpected(value: Unexpected<'_>) -> String {
    match value {
        Unexpected::Unit => "null".to_owned(),
        Unexpected::Bool(value) => format!("the boolean `{value}`"),
        Unexpected::Unsigned(number) => format!("the number `{number}`"),
        Unexpected::Signed(number) => format!("the number `{number}`"),
        Unexpected::Float(number) => format!("the number `{number}`"),
        Unexpected::Str(text) => describe_string(text),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a map".to_owned(),
        other => other.to_string(),
    }
}

/// Describes a string for a message.
pub(super) fn describe_string(text: &str) -> String {
    format!("the string `{}`", truncate(text))
}

/// Describes a number of items for a message.
pub(super) fn describe_length(length: usize) -> String {
    if length == 1 { "1 item".to_owned() } else { format!("{length} items") }
}
