//! Errors of a text, and advice on how to fix them.

use std::fmt;

use granit_parser::{ErrorKind, ScanError};

use crate::diagnostic::Hint;
use crate::limits::{MAX_DEPTH, MAX_MEBIBYTES, MAX_NODES};
use crate::scalar::Doubt;
use crate::truncate::truncate;

/// A reason why a text is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The text is too large.
    #[error("the text is larger than {MAX_MEBIBYTES} MiB")]
    TooLarge,
    /// Lists and maps are nested too deep.
    #[error("lists and maps are nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// The text has too many nodes.
    #[error("the text has more than {MAX_NODES} keys and values, with aliases expanded")]
    TooManyNodes,
    /// Aliases expand a small text to a large one.
    #[error("aliases expand the text to more than {MAX_MEBIBYTES} MiB")]
    AliasesTooLarge,
    /// A character that YAML does not allow, or that its versions treat differently.
    #[error("the character U+{:04X} is not allowed unescaped", u32::from(*.0))]
    Character(char),
    /// The text ends within a block scalar's last line.
    #[error("the text ends in a block scalar, without a newline")]
    NoLineEnd,
    /// A tab where YAML allows only spaces.
    #[error("a tab is used as indentation")]
    Tab,
    /// Any other syntax error.
    #[error("{message}")]
    Syntax {
        /// The error in words.
        message: String,
        /// Advice, for common errors.
        cure: Option<Box<str>>,
    },
    /// The markers of a merge that Git could not finish.
    #[error("unresolved merge conflict: `{0}`")]
    MergeConflict(String),
    /// `%YAML` or `%TAG`.
    #[error("directives are not allowed")]
    Directive,
    /// `&name`.
    #[error("anchors are not allowed: `{0}`")]
    Anchor(String),
    /// `*name`.
    #[error("aliases are not allowed: `{0}`")]
    Alias(String),
    /// `!tag`.
    #[error("tags are not allowed: `{0}`")]
    Tag(String),
    /// `<<:`.
    #[error("the merge key `<<` is not allowed")]
    MergeKey,
    /// A map has a key twice.
    #[error("duplicate key `{0}`")]
    DuplicateKey(String),
    /// A key that is a number, a list or the like.
    #[error("a key must be a string, not {0}")]
    KeyNotString(&'static str),
    /// A plain scalar that readers disagree on, or that JSON can't represent.
    #[error("`{text}` {}", doubt.readings())]
    Scalar {
        /// The scalar, truncated if it is long.
        text: String,
        /// The reason.
        doubt: Doubt,
    },
    /// A plain or quoted scalar that continues on the next line.
    #[error("{0} must end on the line it starts on")]
    MultiLine(ScalarKind),
    /// `*name` before any `&name`.
    #[error("the alias `{0}` has no anchor before it")]
    UnknownAnchor(String),
    /// `&a [*a]`.
    #[error("the alias `{0}` is inside the value that it refers to")]
    AliasInItself(String),
    /// `<<: 5`.
    #[error("the merge key `<<` takes a map or a list of maps, not {0}")]
    MergeNotMap(&'static str),
    /// `{a: 1, <<: *m}` where `*m` has `a` too.
    #[error("the merge key `<<` comes after the key `{0}`, which it also sets")]
    MergeAfterKey(String),
    /// A tag for a value that JSON can't represent.
    #[error("the tag `{0}` has no meaning in Kubernetes manifests")]
    UnknownTag(String),
    /// `!!int abc`.
    #[error("`{text}` is not a valid `{tag}`")]
    TagMismatch {
        /// The tag as written.
        tag: String,
        /// The value after it.
        text: String,
    },
}

/// A kind of scalar that must not continue on the next line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarKind {
    /// Without quotes.
    Plain,
    /// In single or double quotes.
    Quoted,
}

impl fmt::Display for ScalarKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ScalarKind::Plain => "a plain scalar",
            ScalarKind::Quoted => "a quoted scalar",
        })
    }
}

impl ParseError {
    pub(super) fn syntax(message: String, cure: impl Into<Box<str>>) -> Self {
        ParseError::Syntax { message, cure: Some(cure.into()) }
    }

    pub(super) fn doubtful(text: &str, doubt: Doubt) -> Self {
        ParseError::Scalar { text: truncate(text), doubt }
    }

    /// Advice on how to fix the error.
    pub(super) fn hint(&self) -> Option<Hint> {
        Some(match self {
            ParseError::TooLarge | ParseError::TooManyNodes => "split the file".into(),
            ParseError::Character('\r') => r"end lines with `\n` or `\r\n`".into(),
            ParseError::Character('\u{feff}') => "delete the byte order mark".into(),
            ParseError::Character(char) => {
                let code = u32::from(*char);
                format!("write it in a double-quoted string, as `\\u{code:04x}`").into()
            }
            ParseError::NoLineEnd => {
                "add a newline: readers differ on whether the string ends in one".into()
            }
            ParseError::Tab => "indent with spaces".into(),
            ParseError::Syntax { cure, .. } => Hint::Text(cure.clone()?),
            ParseError::Directive => "delete the line".into(),
            ParseError::Anchor(_) => "write the value out".into(),
            ParseError::Alias(_) | ParseError::UnknownAnchor(_) => {
                "write the value out, or quote it if it is a string".into()
            }
            ParseError::Tag(_) => "delete the tag; quote the value if it is a string".into(),
            ParseError::MergeKey => {
                "write the keys out, or quote it if it is a string: `\"<<\"`".into()
            }
            ParseError::KeyNotString("null") => "a key is missing before the `:`".into(),
            ParseError::KeyNotString("a map") => {
                "quote a text with `{{`: only templates replace it".into()
            }
            ParseError::KeyNotString(kind) if *kind != "a list" => "quote it".into(),
            ParseError::Scalar { text, doubt } => scalar_hint(text, *doubt).into(),
            ParseError::MultiLine(ScalarKind::Plain) => {
                "write it on one line, or as a block after `|` or `>`".into()
            }
            ParseError::MultiLine(ScalarKind::Quoted) => {
                "write it on one line with `\\n`, or as a block after `|`".into()
            }
            ParseError::MergeAfterKey(_) => {
                "put `<<` first: readers differ on which one wins".into()
            }
            ParseError::UnknownTag(_) => "write the value as the Kubernetes API expects it".into(),
            _ => return None,
        })
    }

    /// Converts an error of granit-parser; common errors get a message of their own.
    pub(super) fn from_scan_error(error: &ScanError) -> ParseError {
        let (message, cure) = match error.kind() {
            ErrorKind::RecursionLimitExceeded => return ParseError::TooDeep,
            ErrorKind::DirectiveDisallowed => return ParseError::Directive,
            ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInPlainScalar => return ParseError::Tab,
            ErrorKind::UnexpectedCharacter { character } => {
                let character = truncate(&character.to_string());
                (format!("a plain scalar can't start with `{character}`"), "quote it")
            }
            ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => (
                "a `:` is not allowed here, where no map can begin".to_owned(),
                "quote the string around it, or correct the indentation",
            ),
            ErrorKind::UnknownQuotedScalarEscape => (
                "unknown escape in a double-quoted string".to_owned(),
                "write `\\\\` for a backslash, or use single quotes",
            ),
            ErrorKind::MisplacedFlowCollectionEnd => (
                "the bracket closes nothing".to_owned(),
                "delete it, or quote the string around it",
            ),
            ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
                (format!("the `{open}` is closed by `{close}`"), "close it with the same bracket")
            }
            ErrorKind::ExpectedFlowSequenceSeparator => (
                "the items of a list in `[` and `]` are separated by commas".to_owned(),
                "add a `,`, or quote the string",
            ),
            ErrorKind::ExpectedFlowMappingSeparator => (
                "the entries of a map in `{` and `}` are separated by commas".to_owned(),
                "add a `,`, or quote the string",
            ),
            ErrorKind::ExpectedNodeContent => {
                ("a value can't start here".to_owned(), "quote the string")
            }
            ErrorKind::BlockSequenceEntryNotAllowed => (
                "a list can't start on the line of its key".to_owned(),
                "put the `-` on the next line",
            ),
            ErrorKind::InvalidBlockScalarHeader => (
                "there is text on the line of a block's `|` or `>`".to_owned(),
                "put the text on the next line, or quote the value",
            ),
            ErrorKind::InvalidBlockScalarIndent => (
                "the first line of a block's text is indented less than an empty line before it"
                    .to_owned(),
                "delete the spaces of the empty line",
            ),
            _ => return ParseError::Syntax { message: truncate(&error.info()), cure: None },
        };
        ParseError::syntax(message, cure)
    }
}

/// Advice for a plain scalar that readers disagree on.
fn scalar_hint(text: &str, doubt: Doubt) -> String {
    let alternative = match doubt {
        Doubt::Boolean => match text.to_ascii_lowercase().as_str() {
            "yes" | "on" | "y" => "write `true`, or ",
            _ => "write `false`, or ",
        },
        Doubt::Number | Doubt::Sexagesimal => "write the number in decimal digits, or ",
        Doubt::TooLarge => "write a number that fits, or ",
        Doubt::Date | Doubt::Special | Doubt::NonFinite => "",
    };
    format!("{alternative}quote it for the string: `\"{text}\"`")
}
