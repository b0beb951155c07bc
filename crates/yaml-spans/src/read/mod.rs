//! Tree to types: a strict serde reader that finds every error, each with its place.
//!
//! serde stops at the first error of a type. Here, unknown fields are noted and passed over; a value
//! that cannot be read is noted, and all is read again without it; a field that is missing gets a
//! stand-in. So one call tells all that is wrong, and costs nothing more when nothing is.

mod error;
mod map;
mod run;
mod stand_in;
mod step;
mod value;

use serde::de::DeserializeOwned;

pub use self::error::ReadError;
use self::run::Run;
use self::step::Step;
use self::value::Reader;
use super::node::Node;
use super::path::Path;
use crate::diagnostic::Located;

/// Reads a value into a type. Strictly: no string for a number nor a number for a string, no null
/// but for an `Option`, no unknown field, no number out of its type's range. Errors are sorted by
/// place, and at most [`MAX_ERRORS`](super::MAX_ERRORS).
pub fn read<T: DeserializeOwned>(node: &Node) -> Result<T, Vec<Located<ReadError>>> {
    read_at(node, &Path::root())
}

/// [`read`] for a node that does not stand at its document's root: paths of errors begin with
/// `base`.
pub fn read_at<T: DeserializeOwned>(
    node: &Node,
    base: &Path,
) -> Result<T, Vec<Located<ReadError>>> {
    match read_what_can_be(node, base) {
        (Some(value), errors) if errors.is_empty() => Ok(value),
        (_, errors) => Err(errors),
    }
}

/// [`read_at`] for those who go on with what could be read: the value without what is wrong in it,
/// and what is wrong. There is no value where nothing can be made of it.
pub fn read_what_can_be<T: DeserializeOwned>(
    node: &Node,
    base: &Path,
) -> (Option<T>, Vec<Located<ReadError>>) {
    let run = Run::default();
    loop {
        let step = Step::root(node);
        let read = T::deserialize(Reader { node, step: &step, run: &run });
        let more = match read {
            Ok(value) => return (Some(value), run.into_errors(base)),
            Err(failure) => run.note(run.locate(failure, node, &step), node),
        };
        if !more {
            return (None, run.into_errors(base));
        }
    }
}

#[cfg(test)]
mod tests;
