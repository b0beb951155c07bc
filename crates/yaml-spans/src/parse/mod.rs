//! Text to trees: granit-parser's events, checked by the rules of a dialect and made into [`Node`]s. A text of the
//! simple form, nearly every one, is read without them.
//!
//! In: a source's text. Out: its documents, or all its errors.

mod alias;
mod builder;
mod chars;
mod entries;
mod error;
mod extent;
mod lookalike;
mod mistake;
mod scalars;
mod simple;

use granit_parser::Parser;

use self::builder::Builder;
pub use self::error::ParseError;
pub(crate) use self::extent::list_start;
use crate::diagnostic::Located;
use crate::limits::{MAX_BYTES, MAX_DEPTH};
use crate::node::Node;
use crate::path::Path;
use crate::source::{SourceId, Sources, Span};

/// A set of rules for reading a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// For text that we write ourselves, by hand or by template: refuses everything that YAML 1.1 and
    /// 1.2 readers read differently.
    Strict,
    /// For text from elsewhere, read as `kubectl` does: anchors, aliases and merge keys are resolved,
    /// plain scalars are those of YAML 1.1 in go-yaml's reading. Duplicate keys are still refused.
    Kubectl,
}

/// Reads all documents of a text. Empty documents are ignored; with [`Dialect::Kubectl`], as in
/// `kubectl`, `null` documents too.
///
/// # Errors
///
/// All errors in the order of the text, at most [`MAX_ERRORS`](crate::MAX_ERRORS).
pub fn parse(
    sources: &Sources,
    id: SourceId,
    dialect: Dialect,
) -> Result<Vec<Node>, Vec<Located<ParseError>>> {
    let text = sources.get(id).text();
    if text.len() > MAX_BYTES {
        let start = Span::new(id, 0, 0);
        return Err(vec![Located::new(ParseError::TooLarge, Some(start), Path::root())]);
    }
    let Some(documents) = simple::read_documents(text, id, dialect) else {
        return parse_events(sources, id, dialect);
    };
    // Every test and every fuzz target compares the two readers. `Node` compares without places, its text does not.
    debug_assert_eq!(
        format!("{:?}", Ok::<_, Vec<Located<ParseError>>>(&documents)),
        format!("{:?}", parse_events(sources, id, dialect)),
        "{text}"
    );
    Ok(documents)
}

/// Reads all documents of a text of any form, by granit-parser's events.
fn parse_events(
    sources: &Sources,
    id: SourceId,
    dialect: Dialect,
) -> Result<Vec<Node>, Vec<Located<ParseError>>> {
    let text = sources.get(id).text();
    let mut builder = Builder::new(sources, id, dialect);
    chars::check_chars(text, dialect, |error, start, end| builder.refuse(error, start, end));
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
        let can_continue = match next {
            Ok((event, span)) => builder.handle_event(event, &span).is_ok(),
            // The documents after a broken one are read for their errors.
            Err(error) => {
                builder.abandon_document(&error).is_ok()
                    && parser.proceed_next_document() == Ok(true)
            }
        };
        if !can_continue || builder.is_full() {
            break;
        }
    }
    builder.finish()
}

#[cfg(test)]
mod tests;
