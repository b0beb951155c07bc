//! Trees to types: a strict serde reader that reports every error, each with its place.
//!
//! serde stops at the first error of a type. To find the others, the tree is read in passes. A pass
//! succeeds, or fails at one value; the error is recorded with the value's path, and the next pass
//! treats that path differently:
//!
//! | the pass failed at | the next pass |
//! |---|---|
//! | a value that can't be read | *skips* it: the value is taken as absent |
//! | a missing field | *fills* it with a [`Placeholder`](placeholder::Placeholder) |
//! | a path that is skipped or filled already | skips the value around it |
//!
//! An error at or above a path that is recorded already is a consequence of that error and is not
//! reported. Unknown fields need no pass: they are recorded and passed over. A tree without errors is
//! read once; with errors, reading ends when a pass succeeds, when nothing is left to skip, or with
//! [`MAX_ERRORS`] errors.
//!
//! # Example
//!
//! Into `struct Server { port: u16, image: String, name: String }` is read:
//!
//! ```yaml
//! port: "80"
//! imgae: x
//! name: 5
//! ```
//!
//! 1. `port` is a string: recorded, to be skipped.
//! 2. Without `port`. `imgae` is unknown: recorded. `name` is a number: recorded, to be skipped.
//! 3. Without `port` and `name`: `port` is missing, a consequence of pass 1; to be filled.
//! 4. With a placeholder for `port`: `image` is missing: recorded, to be filled.
//! 5. With two placeholders: `name` is missing, a consequence of pass 2; to be filled.
//! 6. With three placeholders: a `Server`. It is discarded by [`read`]. Of the four recorded errors, that
//!    `image` is missing is a consequence of `imgae`; the others are returned in the order of the text.
//!
//! [`MAX_ERRORS`]: crate::MAX_ERRORS

mod access;
mod error;
mod passes;
mod placeholder;
mod reader;
mod step;

use serde::de::DeserializeOwned;

pub use self::error::ReadError;
use self::passes::{Next, Passes};
use self::reader::Reader;
use self::step::Step;
use crate::diagnostic::Located;
use crate::node::Node;
use crate::path::Path;

/// Reads a node into a type. Strictly: no string for a number nor a number for a string, null for an
/// `Option` only, no unknown field, no number outside its type's range.
///
/// # Errors
///
/// All errors in the order of the text, at most [`MAX_ERRORS`](crate::MAX_ERRORS).
pub fn read<T: DeserializeOwned>(node: &Node) -> Result<T, Vec<Located<ReadError>>> {
    match read_partial(node, &Path::root()) {
        (Some(value), errors) if errors.is_empty() => Ok(value),
        (_, errors) => Err(errors),
    }
}

/// Reads a node into a type as [`read`] does. Returns `None` if there is any error, which takes one pass.
pub fn read_if_valid<T: DeserializeOwned>(node: &Node) -> Option<T> {
    let passes = Passes::default();
    let value = T::deserialize(Reader { node, step: &Step::root(node), passes: &passes }).ok()?;
    passes.into_errors(&Path::root()).is_empty().then_some(value)
}

/// Reads as much of a node as possible: returns the value without its broken parts, and all errors,
/// as [`read`] does. There is no value if nothing could be read. The paths of errors begin with
/// `base`, the node's own path.
pub fn read_partial<T: DeserializeOwned>(
    node: &Node,
    base: &Path,
) -> (Option<T>, Vec<Located<ReadError>>) {
    let passes = Passes::default();
    let root = Step::root(node);
    loop {
        let failure = match T::deserialize(Reader { node, step: &root, passes: &passes }) {
            Ok(value) => return (Some(value), passes.into_errors(base)),
            Err(failure) => passes.locate(failure, node, &root),
        };
        match passes.record_failure(failure, node) {
            Next::Pass => {}
            Next::End => return (None, passes.into_errors(base)),
        }
    }
}

#[cfg(test)]
mod tests;
