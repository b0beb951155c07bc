//! The values as a template sees them.
//!
//! Lists and maps count how many of their items are read: the engine charges one unit for each item of a
//! list that it compares, but nothing for the items of the lists in it.

use std::cell::Cell;
use std::sync::Arc;

use crate::values::Loaded;
use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object, ObjectRepr, Value as Context};
use yaml_spans::{self, Mapping, Node, Segment, Value, WriteError};

/// The most items of lists and maps that one template reads.
pub(super) const MAX_ITEMS_READ: usize = 4_000_000;

thread_local! {
    /// The items that the current template read. A template renders on one thread.
    static ITEMS_READ: Cell<usize> = const { Cell::new(0) };
}

/// Resets the count of items for the next template.
pub(super) fn start_template() {
    ITEMS_READ.set(0);
}

/// The items that were read since [`start_template`].
pub(super) fn items_read() -> usize {
    ITEMS_READ.get()
}

/// Counts items. Returns false beyond the limit: nothing is read then, and the template fails at its end.
fn may_read(items: usize) -> bool {
    ITEMS_READ.set(ITEMS_READ.get().saturating_add(items));
    ITEMS_READ.get() <= MAX_ITEMS_READ
}

/// The values under their own names, with maps in the order in which they were written.
pub fn context(loaded: &Loaded) -> Result<Context, WriteError> {
    Ok(context_of(yaml_spans::to_node(&loaded.values)?, Some(&loaded.tree)))
}

fn context_of(mut values: Node, written: Option<&Node>) -> Context {
    if let Some(written) = written {
        restore_order(&mut values, written);
    }
    to_context(&values)
}

/// A context with another value at a path, or with none there. `written` is the tree that the values were
/// read from, for their order.
pub(crate) fn replace_in(
    context: &Context,
    path: &[Segment],
    value: Option<&Node>,
    written: Option<&Node>,
) -> Context {
    match path.split_first() {
        None => value.map_or_else(Context::default, |value| context_of(value.clone(), written)),
        Some((Segment::Key(key), rest)) => {
            let Some(map) = context.downcast_object_ref::<Map>() else { return context.clone() };
            let mut entries = map.0.clone();
            if rest.is_empty() && value.is_none() {
                entries.shift_remove(key);
            } else {
                let below = written.and_then(|written| written.get(key));
                let entry = entries.entry(key.clone()).or_default();
                *entry = replace_in(entry, rest, value, below);
            }
            if let Some(written) = written.and_then(Node::as_mapping) {
                entries.sort_by_cached_key(|key, _| written_index(key, written));
            }
            Context::from_object(Map(entries))
        }
        Some((Segment::Index(index), rest)) => {
            let Some(list) = context.downcast_object_ref::<List>() else { return context.clone() };
            let mut items = list.0.clone();
            if let Some(item) = items.get_mut(*index) {
                let written = written.and_then(|written| written.as_sequence()?.get(*index));
                *item = replace_in(item, rest, value, written);
            }
            Context::from_object(List(items))
        }
    }
}

/// A tree as a template sees it.
pub(super) fn to_context(node: &Node) -> Context {
    match &node.value {
        Value::Sequence(items) => {
            Context::from_object(List(items.iter().map(to_context).collect()))
        }
        Value::Mapping(map) => {
            let entries = map.iter().map(|(key, entry)| (key.clone(), to_context(&entry.node)));
            Context::from_object(Map(entries.collect()))
        }
        Value::String(text) => Context::from(text.as_str()),
        Value::Int(number) => Context::from(*number),
        Value::Float(number) => Context::from(*number),
        Value::Bool(value) => Context::from(*value),
        Value::Null => Context::from(()),
    }
}

#[derive(Debug)]
struct List(Vec<Context>);

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Context) -> Option<Context> {
        self.0.get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        if may_read(self.0.len()) { Enumerator::Seq(self.0.len()) } else { Enumerator::Empty }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.0.len())
    }
}

#[derive(Debug)]
struct Map(IndexMap<String, Context, foldhash::fast::RandomState>);

impl Object for Map {
    fn get_value(self: &Arc<Self>, key: &Context) -> Option<Context> {
        self.0.get(key.as_str()?).cloned()
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Context> {
        self.0.get(key).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        if !may_read(self.0.len()) {
            return Enumerator::Empty;
        }
        Enumerator::Values(self.0.keys().map(|key| Context::from(key.as_str())).collect())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.0.len())
    }
}

/// Restores the written order of fields, which Kubernetes' types sort. Reviewers expect the order of the
/// values file.
fn restore_order(node: &mut Node, written: &Node) {
    match (&mut node.value, &written.value) {
        (Value::Mapping(map), Value::Mapping(written)) => {
            map.sort_by_cached_key(|key, _| written_index(key, written));
            for (key, entry) in map {
                if let Some(written) = written.get(key) {
                    restore_order(&mut entry.node, &written.node);
                }
            }
        }
        (Value::Sequence(items), Value::Sequence(written)) => {
            items.iter_mut().zip(written).for_each(|(item, written)| restore_order(item, written));
        }
        _ => {}
    }
}

/// The place of a key among those that are written; the others come after them.
fn written_index(key: &str, written: &Mapping) -> usize {
    written.get_index_of(key).unwrap_or(usize::MAX)
}
