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

/// One call of [`read_at`].
#[derive(Default)]
struct Run {
    notes: RefCell<Notes>,
}

/// What the passes so far found. Nodes are known by their address: the tree does not change.
#[derive(Default)]
struct Notes {
    /// Their paths begin at the node that is read.
    errors: Vec<Located<ReadError>>,
    /// The way to each value that could not be read or is missing.
    broken: Vec<Path>,
    /// Values that the next pass takes for absent.
    skipped: Vec<*const Node>,
    /// Keys whose field is unknown, by their value.
    unknown: Vec<*const Node>,
    /// Maps, each with a field that gets a stand-in.
    stand_ins: Vec<(*const Node, String)>,
}

impl Run {
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
        // What fails where something within was left out, or filled in, fails because of that.
        let consequence = stand_in || notes.broken.iter().any(|broken| broken.starts_with(&path));
        if !consequence {
            notes.errors.push(Located { error, span, path: path.clone(), hint });
            notes.broken.push(path.clone());
        }
        if notes.errors.len() >= MAX_ERRORS {
            return false;
        }
        match missing.filter(|missing| !notes.stand_ins.contains(missing)) {
            Some(missing) => notes.stand_ins.push(missing),
            None => return notes.skip(path, root),
        }
        true
    }

    fn into_errors(self, base: &Path) -> Vec<Located<ReadError>> {
        let mut errors = self.notes.into_inner().errors;
        errors.sort_by_key(|error| error.span.map(|span| (span.source, span.start, span.end)));
        errors.truncate(MAX_ERRORS);
        for error in &mut errors {
            error.path = base.join(&error.path);
        }
        errors
    }
}

impl Notes {
    /// Has the value at a path skipped; where that was to no avail (it is no field or item, or one
    /// that must be there), what it stands in. False for the root.
    fn skip(&mut self, path: Path, root: &Node) -> bool {
        let mut left = Some(path);
        while let Some(path) = left.filter(|path| !path.is_root()) {
            if let Some(node) = path.find(root)
                && !self.skipped.iter().any(|skipped| std::ptr::eq(*skipped, node))
            {
                self.skipped.push(node);
                return true;
            }
            left = path.parent();
        }
        false
    }
}

#[cfg(test)]
mod tests;
