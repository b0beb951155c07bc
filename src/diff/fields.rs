//! A field-by-field comparison of two trees.
//!
//! The order of keys and the style of quotes do not matter, and null equals an absent field, since
//! Kubernetes' decoder drops nulls. The order of a list whose items have keys does not matter either,
//! unless Kubernetes acts on it.

use std::collections::HashMap;

use super::merge_keys::{Items, item_key, items_of, order_matters};
use yaml_spans::{Node, Path, Segment, Value};

/// The most pairs of items that are compared; a list with more is one value.
const MAX_PAIRS: usize = 1_000_000;

/// A field that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// Its path in the new tree, or in the old one if the field was removed.
    pub path: Path,
    /// Its path in the new tree; of a removed field, that of the value that contained it.
    pub place: Path,
    /// The keys of the list items along the path: `chatterbox-tts`, `TTS_BF16`.
    pub names: Vec<String>,
    /// The difference.
    pub change: Difference,
}

/// The difference between two values of one field.
#[derive(Debug, Clone, PartialEq)]
pub enum Difference {
    /// Only the new tree has the field.
    Added(Node),
    /// Only the old tree has the field.
    Removed(Node),
    /// Both have it, with different values.
    Changed(Node, Node),
    /// The items of a list are in another order, and the order matters.
    Reordered(Vec<String>, Vec<String>),
}

impl Difference {
    /// The old value, if there was one.
    pub fn before(&self) -> Option<&Node> {
        match self {
            Difference::Removed(node) | Difference::Changed(node, _) => Some(node),
            Difference::Added(_) | Difference::Reordered(..) => None,
        }
    }

    /// The new value, if there is one.
    pub fn after(&self) -> Option<&Node> {
        match self {
            Difference::Added(node) | Difference::Changed(_, node) => Some(node),
            Difference::Removed(_) | Difference::Reordered(..) => None,
        }
    }
}

/// Returns the fields that differ, in the order of the new tree, removed fields last. Below `ordered`
/// the order of every list matters.
pub fn compare(before: &Node, after: &Node, ordered: Option<&[&str]>) -> Vec<FieldChange> {
    let mut walk = Walk {
        path: Path::root(),
        old_path: Path::root(),
        names: Vec::new(),
        ordered,
        changes: Vec::new(),
    };
    walk.compare_nodes(before, after);
    walk.changes
}

/// Compares two trees of which one may be missing: that is one change of the whole.
pub fn compare_optional(
    before: Option<&Node>,
    after: Option<&Node>,
    ordered: Option<&[&str]>,
) -> Vec<FieldChange> {
    let change = match (before, after) {
        (Some(before), Some(after)) => return compare(before, after, ordered),
        (None, Some(after)) => Difference::Added(after.clone()),
        (Some(before), None) => Difference::Removed(before.clone()),
        (None, None) => return Vec::new(),
    };
    vec![FieldChange { path: Path::root(), place: Path::root(), names: Vec::new(), change }]
}

struct Walk<'a> {
    /// The path in the new tree.
    path: Path,
    /// The path in the old tree, where an item may have another index.
    old_path: Path,
    names: Vec<String>,
    ordered: Option<&'a [&'a str]>,
    changes: Vec<FieldChange>,
}

impl Walk<'_> {
    fn compare_nodes(&mut self, before: &Node, after: &Node) {
        match (&before.value, &after.value) {
            (Value::Mapping(old), Value::Mapping(new)) => {
                for (key, entry) in new {
                    let previous = old.get(key).map(|entry| &entry.node);
                    self.descend_key(key, |walk| walk.compare_entries(previous, Some(&entry.node)));
                }
                for (key, entry) in old.iter().filter(|(key, _)| !new.contains_key(*key)) {
                    self.descend_key(key, |walk| walk.compare_entries(Some(&entry.node), None));
                }
            }
            (Value::Sequence(old), Value::Sequence(new)) if old.len() * new.len() <= MAX_PAIRS => {
                self.compare_lists(old, new);
            }
            (old, new) if old == new => {}
            _ => self.record(Difference::Changed(before.clone(), after.clone())),
        }
    }

    /// Compares two values of which one may be missing; null counts as missing.
    fn compare_entries(&mut self, before: Option<&Node>, after: Option<&Node>) {
        match (before.filter(is_present), after.filter(is_present)) {
            (Some(before), Some(after)) => self.compare_nodes(before, after),
            (None, Some(after)) => self.record(Difference::Added(after.clone())),
            (Some(before), None) => self.record(Difference::Removed(before.clone())),
            (None, None) => {}
        }
    }

    fn compare_lists(&mut self, before: &[Node], after: &[Node]) {
        let field = match self.path.segments().last() {
            Some(Segment::Key(field)) => field.clone(),
            _ => String::new(),
        };
        match items_of(&field, before, after) {
            Items::Keyed(keys) => self.compare_by_key(&field, keys, before, after),
            Items::Set => {
                let ordered = self.is_ordered(&field);
                self.compare_by_place(before, after, ordered);
            }
            Items::Sequence => self.compare_by_place(before, after, true),
        }
    }

    fn compare_by_key(&mut self, field: &str, keys: &[&[&str]], before: &[Node], after: &[Node]) {
        let old: Vec<String> = before.iter().map(|item| item_key(item, keys)).collect();
        let new: Vec<String> = after.iter().map(|item| item_key(item, keys)).collect();
        let (old_indexes, new_indexes) = (first_indexes(&old), first_indexes(&new));
        for (index, name) in new.iter().enumerate() {
            let old_index = old_indexes.get(name.as_str()).copied();
            let previous = old_index.and_then(|at| before.get(at));
            let indexes = (old_index.unwrap_or(index), index);
            self.compare_items(indexes, Some(name), previous, after.get(index));
        }
        for (index, name) in
            old.iter().enumerate().filter(|(_, name)| !new_indexes.contains_key(name.as_str()))
        {
            self.compare_items((index, index), Some(name), before.get(index), None);
        }
        let kept_before = common_names(&old, &new_indexes);
        let kept_after = common_names(&new, &old_indexes);
        if kept_before != kept_after && self.is_ordered(field) {
            self.record(Difference::Reordered(kept_before, kept_after));
        }
    }

    /// Compares items without keys: equal ones belong together, the others by their index.
    fn compare_by_place(&mut self, before: &[Node], after: &[Node], ordered: bool) {
        let Matching { partners, unmatched } = match_items(before, after);
        let mut unmatched = unmatched.into_iter().peekable();
        for (index, item) in after.iter().enumerate() {
            if partners[index].is_some() {
                continue;
            }
            // An old and a new scalar only belong together at the same index.
            let old_index = unmatched.next_if(|&at| !is_scalar(item) || at == index);
            let previous = old_index.and_then(|at| before.get(at));
            self.compare_items((old_index.unwrap_or(index), index), None, previous, Some(item));
        }
        for index in unmatched {
            self.compare_items((index, index), None, before.get(index), None);
        }
        let pairs: Vec<usize> = partners.into_iter().flatten().collect();
        if ordered && !pairs.is_sorted() {
            let mut sorted = pairs.clone();
            sorted.sort_unstable();
            let (old, new) = (short_names(before, &sorted), short_names(before, &pairs));
            self.record(Difference::Reordered(old, new));
        }
    }

    /// Compares an item by its indexes in the old and the new list.
    fn compare_items(
        &mut self,
        (old_index, index): (usize, usize),
        name: Option<&String>,
        before: Option<&Node>,
        after: Option<&Node>,
    ) {
        self.names.extend(name.cloned());
        let segments = (Segment::Index(old_index), Segment::Index(index));
        self.descend(segments, |walk| walk.compare_entries(before, after));
        if name.is_some() {
            self.names.pop();
        }
    }

    fn descend_key(&mut self, key: &str, walk: impl FnOnce(&mut Self)) {
        self.descend((Segment::Key(key.to_owned()), Segment::Key(key.to_owned())), walk);
    }

    /// Descends by the segments of the old and the new tree.
    fn descend(&mut self, (old, new): (Segment, Segment), walk: impl FnOnce(&mut Self)) {
        self.old_path.push(old);
        self.path.push(new);
        walk(self);
        self.path.pop();
        self.old_path.pop();
    }

    /// Returns true if the order of the list in this field matters.
    fn is_ordered(&self, field: &str) -> bool {
        order_matters(field) || self.ordered.is_some_and(|below| starts_with(&self.path, below))
    }

    fn record(&mut self, change: Difference) {
        let (path, place) = match change {
            Difference::Removed(_) => {
                (self.old_path.clone(), self.path.parent().unwrap_or_else(Path::root))
            }
            _ => (self.path.clone(), self.path.clone()),
        };
        self.changes.push(FieldChange { path, place, names: self.names.clone(), change });
    }
}

/// The equal items of two lists, by index.
struct Matching {
    /// For each new item, the index of the equal old one.
    partners: Vec<Option<usize>>,
    /// The old items without an equal new one.
    unmatched: Vec<usize>,
}

/// Matches equal items one to one. An item that is equal at its own index stays there, so that equal
/// items do not seem to move.
fn match_items(before: &[Node], after: &[Node]) -> Matching {
    // Texts are looked up; all other items are compared with each other.
    let mut by_text: HashMap<Option<&str>, Vec<usize>> = HashMap::new();
    for (index, item) in after.iter().enumerate() {
        by_text.entry(item.as_str()).or_default().push(index);
    }
    let mut partners: Vec<Option<usize>> = vec![None; after.len()];
    let mut unmatched = Vec::new();
    for (index, item) in before.iter().enumerate() {
        let is_free = |at: &usize| partners[*at].is_none() && after[*at] == *item;
        let own = Some(index).filter(|at| *at < after.len() && is_free(at));
        let alike = by_text.get(&item.as_str()).map_or(&[][..], Vec::as_slice);
        match own.or_else(|| alike.iter().copied().find(is_free)) {
            Some(at) => partners[at] = Some(index),
            None => unmatched.push(index),
        }
    }
    Matching { partners, unmatched }
}

fn is_present(node: &&Node) -> bool {
    node.value != Value::Null
}

/// The first index of each name.
fn first_indexes(names: &[String]) -> HashMap<&str, usize> {
    let mut found = HashMap::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        found.entry(name.as_str()).or_insert(index);
    }
    found
}

fn common_names(list: &[String], other: &HashMap<&str, usize>) -> Vec<String> {
    list.iter().filter(|name| other.contains_key(name.as_str())).cloned().collect()
}

pub(super) fn is_scalar(node: &Node) -> bool {
    node.as_mapping().is_none() && node.as_sequence().is_none()
}

/// Returns true if a path leads through these keys from the root.
pub(super) fn starts_with(path: &Path, keys: &[&str]) -> bool {
    let segments = path.segments();
    segments.len() >= keys.len()
        && segments.iter().zip(keys).all(|(segment, key)| match segment {
            Segment::Key(name) => name == key,
            Segment::Index(_) => false,
        })
}

fn short_names(items: &[Node], order: &[usize]) -> Vec<String> {
    order.iter().map(|index| short_name(&items[*index])).collect()
}

/// An item in few words: its name, or else its first scalar.
fn short_name(node: &Node) -> String {
    match &node.value {
        Value::Mapping(map) => {
            let named = map.get("name").or_else(|| map.values().next());
            named.map_or_else(|| "{}".to_owned(), |entry| short_name(&entry.node))
        }
        Value::Sequence(items) => items.first().map_or_else(|| "[]".to_owned(), short_name),
        _ => crate::model::object::scalar_text(node),
    }
}

#[cfg(test)]
mod tests;
