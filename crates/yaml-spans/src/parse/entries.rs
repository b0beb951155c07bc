//! Keys and the maps they make.

use std::collections::HashSet;

use indexmap::map::Entry as Slot;

use super::Dialect;
use super::alias::{json_key, merge_into};
use super::builder::{Builder, Frame, Kind};
use super::error::ParseError;
use crate::diagnostic::Located;
use crate::node::{Entry, Mapping, Node, Value};
use crate::show::shorten;
use crate::source::Span;

/// A key that was read.
pub(super) struct Key {
    /// None for a key that was refused: its value is read for errors and dropped.
    pub(super) name: Option<String>,
    pub(super) span: Span,
    /// Whether it is `<<`, as `kubectl` takes it.
    pub(super) merges: bool,
}

impl Builder<'_> {
    /// Takes a node as the key of the innermost map.
    pub(super) fn key(&mut self, node: Node, merges: bool) {
        let span = node.span.unwrap_or(self.span(0, 0));
        let kind = node.kind();
        let name = match (node.value, self.dialect) {
            (Value::String(name), _) => Some(name),
            (value, Dialect::Kubectl) => json_key(&value),
            (_, Dialect::Strict) => None,
        };
        if name.is_none() {
            self.refuse(ParseError::KeyNotString(kind), span.start as usize, span.end as usize);
        }
        self.complete_key(Key { name, span, merges });
    }

    pub(super) fn complete_key(&mut self, done: Key) {
        if let Some(Frame { kind: Kind::Mapping(_, key), .. }) = self.open.last_mut() {
            *key = Some(done);
        }
    }

    /// Makes the map of the entries from `first` on; duplicates are refused.
    pub(super) fn mapping(&mut self, first: usize) -> Mapping {
        let entries = self.entries.split_off(first);
        let mut mapping = Mapping::with_capacity(entries.len());
        let mut merged = HashSet::new();
        for (key, node) in entries {
            if key.merges {
                let at = node.span.unwrap_or(key.span);
                for error in merge_into(node, &mut mapping, &mut merged) {
                    self.refuse(error, at.start as usize, at.end as usize);
                }
                continue;
            }
            let Some(name) = key.name else {
                continue;
            };
            let entry = Entry { key_span: Some(key.span), node };
            match mapping.entry(name) {
                Slot::Vacant(slot) => {
                    slot.insert(entry);
                }
                // A key that `<<` brought gives way once.
                Slot::Occupied(mut slot) if merged.remove(slot.key()) => {
                    slot.insert(entry);
                }
                Slot::Occupied(slot) => {
                    self.refuse_duplicate(slot.key(), key.span, slot.get().key_span);
                }
            }
        }
        mapping
    }

    fn refuse_duplicate(&mut self, name: &str, span: Span, earlier: Option<Span>) {
        if self.is_full() {
            return;
        }
        let line = earlier.map(|span| self.sources.place(span).line);
        let hint = line.map(|line| format!("it stands in line {line} already"));
        let error = ParseError::DuplicateKey(shorten(name));
        let path = self.path().key(name);
        self.push(Located { error, span: Some(span), path, hint });
    }
}
