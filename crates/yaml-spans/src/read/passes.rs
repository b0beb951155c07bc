//! The record of all passes over one tree: the errors so far, and the paths that the next pass treats
//! differently.

use std::cell::RefCell;

use super::error::{Failure, FailureParts, ReadError};
use super::step::Step;
use crate::diagnostic::{Hint, Located};
use crate::limits::MAX_ERRORS;
use crate::node::{Entry, Node};
use crate::path::{Path, Segment};
use crate::source::Span;
use crate::suggest::suggestion;

/// The record of all passes. Paths are relative to the node that is read.
#[derive(Default)]
pub(super) struct Passes {
    record: RefCell<Record>,
}

#[derive(Default)]
struct Record {
    errors: Vec<Located<ReadError>>,
    /// The paths of values that can't be read or are missing: those of `errors` without the unknown
    /// fields.
    broken: Vec<Path>,
    /// The values that are taken as absent.
    skipped: Vec<Path>,
    /// The missing fields that get a placeholder.
    filled: Vec<Path>,
}

/// The path of the field that an unknown one was probably meant to be.
fn meant_field(error: &Located<ReadError>) -> Option<Path> {
    match (&error.error, &error.hint) {
        (ReadError::UnknownField(_), Some(Hint::Suggestion(meant))) => {
            Some(error.path.parent()?.key(meant.to_string()))
        }
        _ => None,
    }
}

/// The place and the path of a failure.
#[derive(Debug)]
pub(super) struct ErrorLocation {
    span: Option<Span>,
    path: Path,
}

/// The step after a failed pass.
pub(super) enum Next {
    /// Another pass can find more.
    Pass,
    /// Nothing more can be found.
    End,
}

impl Passes {
    /// Records the failure of a pass and decides what the next one does differently.
    pub(super) fn record_failure(&self, failure: Failure, root: &Node) -> Next {
        let FailureParts { error, hint, location } = failure.into_parts();
        let Some(ErrorLocation { span, path }) = location else {
            return Next::End;
        };
        let is_missing = matches!(error, ReadError::MissingField(_));
        let mut record = self.record.borrow_mut();
        if !record.broken.iter().any(|broken| broken.starts_with(&path)) {
            record.errors.push(Located { error, span, path: path.clone(), hint });
            record.broken.push(path.clone());
        }
        if record.errors.len() >= MAX_ERRORS {
            return Next::End;
        }
        if is_missing && !record.filled.contains(&path) {
            record.filled.push(path);
            return Next::Pass;
        }
        record.skip(path, root)
    }

    /// The recorded errors in the order of the text, with their paths below `base`.
    pub(super) fn into_errors(self, base: &Path) -> Vec<Located<ReadError>> {
        let mut errors = self.record.into_inner().errors;
        // A field is missing because its name is misspelt: one error says both.
        let misspelt: Vec<Path> = errors.iter().filter_map(meant_field).collect();
        errors.retain(|error| {
            !matches!(error.error, ReadError::MissingField(_)) || !misspelt.contains(&error.path)
        });
        errors.sort_by_key(|error| error.span.map(|span| (span.source, span.start, span.end)));
        errors.truncate(MAX_ERRORS);
        for error in &mut errors {
            error.path = base.join(&error.path);
        }
        errors
    }

    /// Sets a failure's place, unless it has one.
    pub(super) fn locate(&self, mut failure: Failure, node: &Node, step: &Step<'_>) -> Failure {
        if !failure.is_located() {
            let mut path = step.path();
            let mut span = node.span;
            if let ReadError::MissingField(field) = failure.error() {
                path.push(Segment::Key(field.clone()));
                span = step.head.or(span);
            }
            failure.set_location(ErrorLocation { span, path });
        }
        failure
    }

    /// Sets the place of a key's failure: it points at the key, and its entry is skipped.
    pub(super) fn locate_key(&self, failure: Failure, entry: &Entry, step: &Step<'_>) -> Failure {
        let mut failure = self.locate(failure, &entry.node, step);
        if let Some(location) = failure.location_mut() {
            location.span = entry.key_span;
        }
        failure
    }

    /// Sets the place of a placeholder's failure: the map or tuple that it is in, whose own failure
    /// is a consequence of the recorded error.
    pub(super) fn locate_placeholder(&self, parent: &Node, step: &Step<'_>) -> Failure {
        let mut failure = Failure::rule(String::new());
        failure.set_location(ErrorLocation { span: parent.span, path: step.path() });
        failure
    }

    /// Returns true if any value directly in a list or map is skipped. Asked once per list or map,
    /// it saves the check of each value.
    pub(super) fn is_any_skipped_in(&self, parent: &Step<'_>) -> bool {
        self.record.borrow().skipped.iter().any(|path| parent.child_of(path).is_some())
    }

    pub(super) fn is_skipped(&self, step: &Step<'_>) -> bool {
        self.record.borrow().skipped.iter().any(|path| step.is_at(path))
    }

    /// Records a field that its type does not have, once.
    pub(super) fn record_unknown_field(&self, key: &str, field: &Step<'_>, allowed: &[&str]) {
        let mut record = self.record.borrow_mut();
        let is_known = |error: &Located<ReadError>| {
            matches!(error.error, ReadError::UnknownField(_)) && field.is_at(&error.path)
        };
        if record.errors.len() >= MAX_ERRORS || record.errors.iter().any(is_known) {
            return;
        }
        record.errors.push(Located {
            error: ReadError::UnknownField(key.to_owned()),
            span: field.head,
            path: field.path(),
            hint: suggestion(key, allowed),
        });
    }

    /// Returns a struct's next field that gets a placeholder, with its index among all of them;
    /// fields before `start` are done.
    pub(super) fn next_filled(
        &self,
        map: &Step<'_>,
        fields: &[&'static str],
        start: usize,
    ) -> Option<(usize, &'static str)> {
        let record = self.record.borrow();
        record.filled.iter().enumerate().skip(start).find_map(|(index, path)| {
            let Segment::Key(key) = map.child_of(path)? else {
                return None;
            };
            Some((index, *fields.iter().find(|field| *field == key)?))
        })
    }
}

impl Record {
    /// Marks the value at a path as skipped. If it is missing or skipped already, marks the value
    /// around it: skipping was no help, since the value is required, or its error comes from there.
    fn skip(&mut self, mut path: Path, root: &Node) -> Next {
        while !path.is_root() {
            if path.find(root).is_some() && !self.skipped.contains(&path) {
                self.skipped.push(path);
                return Next::Pass;
            }
            path.pop();
        }
        Next::End
    }
}
