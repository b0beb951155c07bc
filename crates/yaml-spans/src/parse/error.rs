//! What is wrong with a text, each with its cure.

use granit_parser::{ErrorKind, ScanError};

use super::super::limits::{MAX_BYTES, MAX_DEPTH, MAX_NODES};
use super::super::scalar::Doubt;
use super::super::show::shorten;

/// Why a text is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The text is over the bound.
    #[error("the text has {bytes} bytes, over the bound of {MAX_BYTES}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Lists and maps nest too deep.
    #[error("lists and maps nest deeper than {MAX_DEPTH}")]
    TooDeep,
    /// The text makes too many nodes.
    #[error("the text makes more than {MAX_NODES} nodes")]
    TooManyNodes,
    /// Aliases make too much of a small text.
    #[error("aliases make more than {MAX_BYTES} bytes of the text")]
    AliasesTooLarge,
    /// A character that YAML does not allow, or that its versions take differently.
    #[error("the character U+{:04X} is not allowed as it is", u32::from(*.0))]
    Character(char),
    /// The text ends within a block scalar's last line.
    #[error("the text ends without a line end, in a block scalar")]
    NoLineEnd,
    /// A tab where YAML takes spaces alone.
    #[error("a tab stands where only spaces may indent")]
    Tab,
    /// YAML's grammar is broken.
    #[error("{message}")]
    Syntax {
        /// How.
        message: String,
        /// What would be right, where that is plain.
        cure: Option<&'static str>,
    },
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
    /// A key stands twice in one map.
    #[error("duplicate key `{0}`")]
    DuplicateKey(String),
    /// A key is a number, a list or the like.
    #[error("a key must be a string, not {0}")]
    KeyNotString(&'static str),
    /// Readers disagree on a plain scalar, or JSON has no such value.
    #[error("`{text}` {}", doubt.readings())]
    Scalar {
        /// The scalar, shortened if it is long.
        text: String,
        /// What is the matter.
        doubt: Doubt,
    },
    /// A plain or quoted scalar goes on in the next line.
    #[error("a {0} scalar must end in its line")]
    MultiLine(&'static str),
    /// `*name` before any `&name`.
    #[error("no anchor has the name of the alias `{0}`")]
    UnknownAnchor(String),
    /// `&a [*a]`.
    #[error("the alias `{0}` stands inside of what it means")]
    AliasInItself(String),
    /// `<<: 5`.
    #[error("the merge key `<<` takes a map or a list of maps, not {0}")]
    MergeNotMap(&'static str),
    /// `{a: 1, <<: *m}` where `*m` has `a` too.
    #[error("the merge key `<<` stands after the key `{0}`, which it sets too")]
    MergeAfterKey(String),
    /// A tag that Kubernetes' JSON has no value for.
    #[error("the tag `{0}` has no meaning in Kubernetes manifests")]
    UnknownTag(String),
    /// `!!int abc`.
    #[error("`{text}` is no {tag}")]
    TagMismatch {
        /// The tag as written.
        tag: String,
        /// What it stands before.
        text: String,
    },
}

impl ParseError {
    /// What would be right.
    pub(super) fn cure(&self) -> Option<String> {
        Some(match self {
            ParseError::TooLarge { .. } | ParseError::TooManyNodes => "split the file".into(),
            ParseError::Character('\r') => r"end lines with `\n` or `\r\n`".into(),
            ParseError::Character('\u{feff}') => "delete the byte order mark".into(),
            ParseError::Character(char) => {
                let code = u32::from(*char);
                format!("write it in a double-quoted string, as `\\u{code:04x}`")
            }
            ParseError::NoLineEnd => {
                "readers differ on whether the string ends in one: end the line".into()
            }
            ParseError::Tab => "indent with spaces".into(),
            ParseError::Syntax { cure, .. } => (*cure)?.into(),
            ParseError::Directive => "delete the line".into(),
            ParseError::Anchor(_) | ParseError::Alias(_) => "write the value out".into(),
            ParseError::Tag(_) => "delete the tag; quote the value if it is a string".into(),
            ParseError::MergeKey => {
                "write the keys out, or quote it if it is a string: `\"<<\"`".into()
            }
            ParseError::KeyNotString("null") => "a key is missing before the `:`".into(),
            ParseError::KeyNotString(kind) if !is_collection(kind) => "quote it".into(),
            ParseError::Scalar { text, doubt } => cure_of(text, *doubt),
            ParseError::MultiLine("plain") => {
                "write it in one line, or as a block after `|` or `>`".into()
            }
            ParseError::MultiLine(_) => {
                "write it in one line with `\\n`, or as a block after `|`".into()
            }
            ParseError::MergeAfterKey(_) => {
                "readers differ on which one wins: put `<<` first".into()
            }
            ParseError::UnknownTag(_) => "write the value as Kubernetes takes it".into(),
            _ => return None,
        })
    }

    /// An error of the parser beneath, in words of ours where people meet it often.
    pub(super) fn from_scan(error: &ScanError) -> ParseError {
        let (message, cure) = match error.kind() {
            ErrorKind::RecursionLimitExceeded => return ParseError::TooDeep,
            ErrorKind::DirectiveDisallowed => return ParseError::Directive,
            ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInPlainScalar => return ParseError::Tab,
            ErrorKind::UnexpectedCharacter { character } => {
                let character = shorten(&character.to_string());
                (format!("a plain scalar cannot start with `{character}`"), Some("quote it"))
            }
            ErrorKind::MappingValueNotAllowed => (
                "a `:` stands where no map can begin".to_owned(),
                Some("quote the string that holds it, or correct the indentation"),
            ),
            ErrorKind::UnclosedQuotedScalar => {
                ("the quote is never closed".to_owned(), Some("close it with the same quote"))
            }
            ErrorKind::UnclosedFlowCollection { open } => {
                (format!("the `{open}` is never closed"), None)
            }
            ErrorKind::UnknownQuotedScalarEscape => (
                "no such escape in a double-quoted string".to_owned(),
                Some("write `\\\\` for a backslash, or use single quotes"),
            ),
            _ => (shorten(&error.info()), None),
        };
        ParseError::Syntax { message, cure }
    }
}

fn is_collection(kind: &str) -> bool {
    matches!(kind, "a list" | "a map")
}

fn cure_of(text: &str, doubt: Doubt) -> String {
    let plain = match doubt {
        Doubt::Boolean => match text.to_ascii_lowercase().as_str() {
            "yes" | "on" | "y" => "write `true`",
            _ => "write `false`",
        },
        Doubt::Number | Doubt::Sexagesimal => "write the number in decimal digits",
        Doubt::TooLarge => "write a number that fits",
        Doubt::Date | Doubt::Special | Doubt::NonFinite => "",
    };
    let quoted = format!("quote it for the string: `\"{text}\"`");
    if plain.is_empty() { quoted } else { format!("{plain}, or {quoted}") }
}
