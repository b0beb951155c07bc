//! Keys, and the maps made of them.

use std::collections::HashSet;

use indexmap::map::Entry as Slot;

use super::Dialect;
use super::alias::{merge_into, to_json_key};
use super::builder::{Builder, Collection, Frame};
use super::error::ParseError;
use crate::diagnostic::Located;
use crate::node::{Entry, Mapping, Node, Value, mapping_with_capacity};
use crate::source::Span;
use crate::truncate::truncate;

/// A key of a map.
pub(super) struct Key {
    pub(super) kind: KeyKind,
    pub(super) span: Span,
}

pub(super) enum KeyKind {
    Name(String),
    /// `<<` in [`Dialect::Kubectl`]: the value's entries become the map's.
    Merge,
    /// A refused key: its value is read for errors and dropped.
    Refused,
}

impl Builder<'_> {
    /// Makes a node the key of the innermost map.
    pub(super) fn set_key_node(&mut self, node: Node) {
        let span = node.span.unwrap_or(self.span(0, 0));
        let kind = node.kind();
        let name = match (node.value, self.dialect) {
            (Value::String(name), _) => Some(name),
            (value, Dialect::Kubectl) => to_json_key(&value),
            (_, Dialect::Strict) => None,
        };
        if name.is_none() {
            self.refuse(ParseError::KeyNotString(kind), span.start as usize, span.end as usize);
        }
        self.set_key(Key { kind: name.map_or(KeyKind::Refused, KeyKind::Name), span });
    }

    pub(super) fn set_key(&mut self, new: Key) {
        if let Some(Frame { collection: Collection::Mapping { key, .. }, .. }) =
            self.open.last_mut()
        {
            *key = Some(new);
        }
    }

    /// Makes a map of the entries from `first` on; duplicate keys are refused.
    pub(super) fn take_mapping(&mut self, first: usize) -> Mapping {
        let entries = self.entries.split_off(first);
        let mut mapping = mapping_with_capacity(entries.len());
        let mut merged = HashSet::new();
        for (key, node) in entries {
            let name = match key.kind {
                KeyKind::Name(name) => name,
                KeyKind::Refused => continue,
                KeyKind::Merge => {
                    let span = node.span.unwrap_or(key.span);
                    for error in merge_into(node, &mut mapping, &mut merged) {
                        self.refuse(error, span.start as usize, span.end as usize);
                    }
                    continue;
                }
            };
            let entry = Entry { key_span: Some(key.span), node };
            match mapping.entry(name) {
                Slot::Vacant(slot) => {
                    slot.insert(entry);
                }
                // The map's own key replaces one that `<<` brought, once.
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
        let hint = line.map(|line| format!("first defined on line {line}").into());
        let error = ParseError::DuplicateKey(truncate(name));
        let path = self.path().key(name);
        self.push_error(Located { error, span: Some(span), path, hint });
    }
}
