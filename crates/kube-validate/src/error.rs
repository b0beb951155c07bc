//! What can be wrong with an object.

use std::fmt;

use yaml_spans::ReadError;

/// A problem and the object that has it, as messages name it: `Deployment tts/chatterbox-tts`.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// What is wrong.
    pub problem: Problem,
    /// The object; none where the document is none.
    pub object: Option<String>,
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

/// What is wrong with an object.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Problem {
    /// A field has the wrong type, or is none of its type's.
    #[error("{0}")]
    Read(ReadError),
    /// A key of a map that can have no such key.
    #[error("unknown key `{0}`")]
    Unknown(String),
    /// A field is missing that the API asks for.
    #[error("missing field `{0}`")]
    Missing(String),
    /// A field is there, but empty where the API asks for content.
    #[error("`{0}` is empty")]
    Empty(String),
    /// A text is none of those that the field can hold.
    #[error("`{value}` is no legal `{field}`")]
    NotOneOf {
        /// What was written.
        value: String,
        /// The field.
        field: String,
    },
    /// A number is outside its range.
    #[error("`{field}` is {value}, out of range")]
    OutOfRange {
        /// The field.
        field: String,
        /// What was written.
        value: i64,
    },
    /// A text lacks the form that the field asks for.
    #[error("`{value}` is a malformed `{field}`")]
    Malformed {
        /// What was written.
        value: String,
        /// The field.
        field: String,
    },
    /// A key of a map lacks its form.
    #[error("`{key}` is a malformed key of `{field}`")]
    MalformedKey {
        /// The key.
        key: String,
        /// The field that holds the map.
        field: String,
    },
    /// A quantity does not follow Kubernetes' grammar.
    #[error("`{0}` is no quantity")]
    Quantity(String),
    /// A text is not the base64 that the field asks for.
    #[error("`{0}` is not base64")]
    Base64(String),
    /// Something that must be unique in a list is there twice.
    #[error("duplicate {what} `{value}`")]
    Duplicate {
        /// What must be unique.
        what: &'static str,
        /// What is there twice.
        value: String,
    },
    /// Something is named that the object does not have.
    #[error("{what} `{name}` does not exist")]
    NotFound {
        /// What is named.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Fields contradict one another, or may not be there at all.
    #[error("{0}")]
    Conflict(String),
    /// The document is no map, so no object.
    #[error("the document is {0}, not an object with `apiVersion` and `kind`")]
    NotAnObject(&'static str),
    /// No type of this `apiVersion` and `kind` is known.
    #[error("unknown kind `{kind}` of `{api_version}`")]
    UnknownKind {
        /// The `apiVersion` as written.
        api_version: String,
        /// The `kind` as written.
        kind: String,
    },
}
