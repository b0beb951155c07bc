//! The problems that an object can have.

use std::fmt;

use super::kinds::is_kubernetes;
use yaml_spans::{ReadError, truncate};

/// A problem and the object that has it, in one line: `… in Deployment tts/chatterbox-tts`.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    pub(crate) problem: Problem,
    /// The object's name in messages; none if the document is not an object.
    pub(crate) object: Option<String>,
}

impl Error {
    /// The `apiVersion` and `kind` of an object whose kind is not known and not Kubernetes' own, so that it
    /// may exist in a cluster that has its definition.
    pub fn unknown_custom_kind(&self) -> Option<(&str, &str)> {
        match &self.problem {
            Problem::UnknownKind { api_version, kind } if !is_kubernetes(api_version) => {
                Some((api_version, kind))
            }
            _ => None,
        }
    }

    /// Returns true for a value that another tool fills in.
    pub fn is_placeholder(&self) -> bool {
        matches!(self.problem, Problem::Placeholder(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.object {
            Some(object) => write!(f, "{} in {object}", self.problem),
            None => write!(f, "{}", self.problem),
        }
    }
}

impl std::error::Error for Error {}

/// A problem of an object. The finding's hint says what is expected instead.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Problem {
    /// A field of the wrong type, or one that its type does not have.
    #[error("{0}")]
    Read(ReadError),
    /// A key that a map of known keys does not have.
    #[error("unknown key `{0}`")]
    Unknown(String),
    /// A required field is absent.
    #[error("missing field `{0}`")]
    Missing(String),
    /// A required field is empty.
    #[error("`{0}` is empty")]
    Empty(String),
    /// A value that its field does not allow.
    #[error("invalid `{field}` `{value}`")]
    Invalid {
        /// The field.
        field: String,
        /// The value.
        value: String,
    },
    /// A key that its map does not allow.
    #[error("invalid key `{key}` in `{map}`")]
    InvalidKey {
        /// The key.
        key: String,
        /// The field that contains the map.
        map: String,
    },
    /// A text that is not a quantity.
    #[error("invalid quantity `{0}`")]
    Quantity(String),
    /// A field whose text is not base64. The text is not shown: it may be a secret.
    #[error("invalid base64 in `{0}`")]
    Base64(String),
    /// A value that must be unique in a list, and is not.
    #[error("duplicate {what} `{value}`")]
    Duplicate {
        /// The kind of value.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// A reference to something that the object does not have.
    #[error("{what} `{name}` does not exist")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// The name in the reference.
        name: String,
    },
    /// Fields that contradict one another, or a field that the object must not have.
    #[error("{0}")]
    Conflict(String),
    /// A value that another tool fills in.
    #[error("`{0}` is a placeholder, not a value")]
    Placeholder(String),
    /// A document that is not a map, and so not an object.
    #[error("the document is {0}, not an object with `apiVersion` and `kind`")]
    NotAnObject(&'static str),
    /// An object whose `apiVersion` and `kind` are not known.
    #[error("unknown kind `{kind}` of `{api_version}`")]
    UnknownKind {
        /// The `apiVersion` in the document.
        api_version: String,
        /// The `kind` in the document.
        kind: String,
    },
}

impl Problem {
    /// An invalid value, shortened for the message.
    pub(crate) fn invalid(field: &str, value: &str) -> Self {
        Problem::Invalid { field: truncate(field), value: truncate(value) }
    }

    /// An invalid key, shortened for the message.
    pub(crate) fn invalid_key(map: &str, key: &str) -> Self {
        Problem::InvalidKey { key: truncate(key), map: truncate(map) }
    }

    /// A contradiction, with its message.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Problem::Conflict(message.into())
    }
}
