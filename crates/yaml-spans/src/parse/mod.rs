//! Text to tree: granit-parser's events, held against the dialect, made into [`Node`]s.
//!
//! In: a source's text. Out: its documents, or all that is wrong with it. Called through `yaml`.

mod alias;
mod builder;
mod chars;
mod entries;
mod error;
mod extent;
mod scalars;

use granit_parser::Parser;

use self::builder::Builder;
pub use self::error::ParseError;
use super::limits::{MAX_BYTES, MAX_DEPTH};
use super::node::Node;
use super::path::Path;
use crate::diagnostic::Located;
use crate::source::{SourceId, Sources, Span};

/// How a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// What this project writes itself, and what templates make: what YAML 1.1 and 1.2 readers read
    /// differently is refused.
    Strict,
    /// What others wrote, as `kubectl` reads it: anchors, aliases and merge keys are followed,
    /// plain scalars are those of YAML 1.1 as go-yaml has them. Duplicate keys are still refused.
    Kubectl,
}

/// Reads all documents of a text; empty ones are left out, and by [`Dialect::Kubectl`] those that
/// are `null` too, as `kubectl` does. Errors are sorted by place, and at most
/// [`MAX_ERRORS`](super::MAX_ERRORS).
pub fn parse(
    sources: &Sources,
    id: SourceId,
    dialect: Dialect,
) -> Result<Vec<Node>, Vec<Located<ParseError>>> {
    let text = sources.get(id).text();
    if text.len() > MAX_BYTES {
        let error = ParseError::TooLarge { bytes: text.len() };
        let start = Span::new(id, 0, 0);
        return Err(vec![Located::new(error, Some(start), Path::root())]);
    }
    let mut builder = Builder::new(sources, id, dialect);
    chars::check(text, dialect, |error, start, end| builder.refuse(error, start, end));
    let options = granit_parser::options! {
        emit_comments: false,
        emit_anchor_events: true,
        emit_unresolved_aliases: true,
        disallow_directives: dialect == Dialect::Strict,
        bom_inside_document_as_content: dialect == Dialect::Kubectl,
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    while let Some(next) = parser.next_event() {
        let more = match next {
            Ok((event, span)) => builder.event(event, &span).is_ok(),
            // What comes after a broken document is read too, for its errors.
            Err(error) => {
                builder.syntax(&error).is_ok() && parser.proceed_next_document() == Ok(true)
            }
        };
        if !more || builder.is_full() {
            break;
        }
    }
    builder.finish()
}

#[cfg(test)]
mod tests;
