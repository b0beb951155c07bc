//! Tree to types: a strict serde reader that finds every error, each with its place.
//!
//! serde stops at the first error of a type. Here, unknown fields are noted and passed over; a value
//! that cannot be read is noted, and all is read again without it; a field that is missing gets a
//! stand-in. So one call tells all that is wrong, and costs nothing more when nothing is.

mod error;
mod map;
mod stand_in;
mod value;

use std::cell::RefCell;

use serde::de::DeserializeOwned;

pub use self::error::ReadError;
use self::error::{At, Failure, Inner};
use self::value::{Reader, Step};
use super::limits::MAX_ERRORS;
use super::node::Node;
use super::path::Path;
use crate::diagnostic::Located;

/// Reads a value into a type. Strictly: no string for a number nor a number for a string, no null
/// but for an `Option`, no unknown field, no number out of its type's range. Errors are sorted by
/// place, and at most [`MAX_ERRORS`].
pub fn read<T: DeserializeOwned>(node: &Node) -> Result<T, Vec<Located<ReadError>>> {
    read_at(node, &Path::root())
}

/// [`read`] for a node that does not stand at its document's root: paths of errors begin with
/// `base`.
pub fn read_at<T: DeserializeOwned>(
    node: &Node,
    base: &Path,
) -> Result<T, Vec<Located<ReadError>>> {
    let run = Run { base, notes: RefCell::default() };
    loop {
        let step = Step::root(node);
        let read = T::deserialize(Reader { node, step: &step, run: &run });
        let failure = match read {
            Ok(value) => {
                let errors = run.notes.into_inner().errors;
                return if errors.is_empty() { Ok(value) } else { Err(sorted(errors)) };
            }
            Err(failure) => run.locate(failure, node, &step),
        };
        if !run.note(failure, node) {
            return Err(sorted(run.notes.into_inner().errors));
        }
    }
}

fn sorted(mut errors: Vec<Located<ReadError>>) -> Vec<Located<ReadError>> {
    errors.sort_by_key(|error| error.span.map(|span| (span.source, span.start, span.end)));
    errors.truncate(MAX_ERRORS);
    errors
}

/// One call of [`read_at`].
struct Run<'r> {
    base: &'r Path,
    notes: RefCell<Notes>,
}

/// What earlier passes found. Nodes are known by their address: the tree does not change.
#[derive(Default)]
struct Notes {
    errors: Vec<Located<ReadError>>,
    /// Values that could not be read.
    skipped: Vec<*const Node>,
    /// Keys whose field is unknown.
    unknown: Vec<*const Node>,
    /// Maps with the fields that get a stand-in.
    stand_ins: Vec<(*const Node, String)>,
}

impl Run<'_> {
    /// Notes why a pass failed; false if another has no use.
    fn note(&self, failure: Failure, root: &Node) -> bool {
        let Inner { error, hint, at } = *failure.0;
        let Some(At { node, span, path, stand_in }) = at else {
            return false;
        };
        let mut notes = self.notes.borrow_mut();
        let missing = match &error {
            ReadError::MissingField(field) => Some((node, field.clone())),
            _ => None,
        };
        let missing = missing.filter(|missing| !notes.stand_ins.contains(missing));
        let consequence = stand_in || path_is_skipped(&notes, root, self.base, &path);
        if !consequence {
            notes.errors.push(Located { error, span, path, hint });
        }
        if notes.errors.len() >= MAX_ERRORS {
            return false;
        }
        match missing {
            Some(missing) => notes.stand_ins.push(missing),
            None if std::ptr::eq(node, root) || notes.skipped.contains(&node) => return false,
            None => notes.skipped.push(node),
        }
        true
    }
}

/// Whether a path leads to a value that an earlier pass could not read.
fn path_is_skipped(notes: &Notes, root: &Node, base: &Path, path: &Path) -> bool {
    let mut within = Path::root();
    for segment in path.segments().iter().skip(base.segments().len()) {
        within.push(segment.clone());
    }
    let found = within.find(root);
    found.is_some_and(|node| notes.skipped.iter().any(|skipped| std::ptr::eq(*skipped, node)))
}

#[cfg(test)]
mod tests;
