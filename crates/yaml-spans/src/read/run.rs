//! What one call of the reader found so far, over all its passes.

use std::cell::RefCell;

use super::error::{At, Failure, Inner, ReadError};
use super::step::Step;
use crate::diagnostic::Located;
use crate::limits::MAX_ERRORS;
use crate::near::name_hint;
use crate::node::{Entry, Node};
use crate::path::{Path, Segment};
use crate::source::Span;

/// One call of `read_at`.
#[derive(Default)]
pub(super) struct Run {
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
    pub(super) fn note(&self, failure: Failure, root: &Node) -> bool {
        let Inner { error, hint, at } = *failure.0;
        let Some(At { node, span, path }) = at else {
            return false;
        };
        let mut notes = self.notes.borrow_mut();
        let missing = match &error {
            ReadError::MissingField(field) => Some((node, field.clone())),
            _ => None,
        };
        // What fails where something within was left out, or filled in, fails because of that.
        let consequence = notes.broken.iter().any(|broken| broken.starts_with(&path));
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

    pub(super) fn into_errors(self, base: &Path) -> Vec<Located<ReadError>> {
        let mut errors = self.notes.into_inner().errors;
        errors.sort_by_key(|error| error.span.map(|span| (span.source, span.start, span.end)));
        errors.truncate(MAX_ERRORS);
        for error in &mut errors {
            error.path = base.join(&error.path);
        }
        errors
    }

    /// Gives a failure that has no place yet this one.
    pub(super) fn locate(&self, mut failure: Failure, node: &Node, step: &Step<'_>) -> Failure {
        if failure.0.at.is_none() {
            let mut path = step.path();
            let mut span = node.span;
            if let ReadError::MissingField(field) = &failure.0.error {
                path.push(Segment::Key(field.clone()));
                span = step.head.or(span);
            }
            failure.0.at = Some(At { node, span, path });
        }
        failure
    }

    /// Gives a key's failure the key as its place; its entry is what is skipped.
    pub(super) fn locate_key(&self, failure: Failure, entry: &Entry, step: &Step<'_>) -> Failure {
        let mut failure = self.locate(failure, &entry.node, step);
        if let Some(at) = &mut failure.0.at {
            at.span = entry.key_span;
        }
        failure
    }

    /// Lets a stand-in's failure be one of the map or tuple that asked for it: there, it is a
    /// consequence of what is broken within.
    pub(super) fn locate_stand_in(
        &self,
        mut failure: Failure,
        map: &Node,
        step: &Step<'_>,
    ) -> Failure {
        failure.0.error = ReadError::Rule(String::new());
        let path = step.path();
        failure.0.at = Some(At { node: map, span: map.span, path });
        failure
    }

    pub(super) fn is_skipped(&self, node: &Node) -> bool {
        let notes = self.notes.borrow();
        notes.skipped.iter().any(|skipped| std::ptr::eq(*skipped, node))
    }

    /// Notes a key that its type does not have.
    pub(super) fn unknown(
        &self,
        key: &str,
        span: Option<Span>,
        node: &Node,
        step: &Step<'_>,
        fields: &[&str],
    ) {
        let mut notes = self.notes.borrow_mut();
        if notes.errors.len() >= MAX_ERRORS
            || notes.unknown.iter().any(|unknown| std::ptr::eq(*unknown, node))
        {
            return;
        }
        notes.unknown.push(node);
        let error = ReadError::UnknownField(key.to_owned());
        let path = step.path().key(key);
        let hint = name_hint(key, fields);
        notes.errors.push(Located { error, span, path, hint });
    }

    /// The next field of a map that gets a stand-in, from `index` on among all.
    pub(super) fn stand_in(
        &self,
        node: &Node,
        fields: &[&'static str],
        after: usize,
    ) -> Option<(usize, &'static str)> {
        let notes = self.notes.borrow();
        let mine = notes.stand_ins.iter().enumerate().skip(after);
        mine.filter(|(_, (map, _))| std::ptr::eq(*map, node))
            .find_map(|(at, (_, field))| Some((at, *fields.iter().find(|name| *name == field)?)))
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
