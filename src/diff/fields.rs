//! Two trees, compared field by field.
//!
//! The order of keys and quotes are no difference, nor is an absent field and one that is null:
//! Kubernetes' decoder drops it. The order of a list whose items have keys is none either, except
//! where Kubernetes acts on it.

use super::merge_keys::{Items, items_of, key_of, order_is_meant};
use yaml_spans::{Node, Path, Segment, Value};

/// Above this many pairs of items a list is one value: items are looked for one by one.
const MOST_PAIRS: usize = 4_000_000;

/// A field that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// Where it is: in the new tree, or in the old one if it is gone from the new.
    pub path: Path,
    /// What the items of lists on the way are known by: `chatterbox-tts`, `TTS_BF16`.
    pub names: Vec<String>,
    /// How it differs.
    pub change: Change,
}

/// How a field differs.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// It is new.
    Added(Node),
    /// It is gone.
    Removed(Node),
    /// It was one value and is another.
    Changed(Node, Node),
    /// The items of a list stand in another order, which counts here.
    Reordered(Vec<String>, Vec<String>),
}

impl Change {
    /// The value before, if there was one.
    pub fn before(&self) -> Option<&Node> {
        match self {
            Change::Removed(node) | Change::Changed(node, _) => Some(node),
            Change::Added(_) | Change::Reordered(..) => None,
        }
    }

    /// The value after, if there is one.
    pub fn after(&self) -> Option<&Node> {
        match self {
            Change::Added(node) | Change::Changed(_, node) => Some(node),
            Change::Removed(_) | Change::Reordered(..) => None,
        }
    }
}

/// The fields that differ, in the order of the new tree, what is gone after what is there. Below
/// `ordered` the order of every list counts.
pub fn compare(before: &Node, after: &Node, ordered: Option<&[&str]>) -> Vec<FieldChange> {
    let mut walk = Walk { path: Path::root(), names: Vec::new(), ordered, found: Vec::new() };
    walk.node(before, after);
    walk.found
}

struct Walk<'a> {
    path: Path,
    names: Vec<String>,
    ordered: Option<&'a [&'a str]>,
    found: Vec<FieldChange>,
}

impl Walk<'_> {
    fn node(&mut self, before: &Node, after: &Node) {
        match (&before.value, &after.value) {
            (Value::Mapping(old), Value::Mapping(new)) => {
                for (key, entry) in new {
                    let was = old.get(key).map(|entry| &entry.node);
                    self.within(Segment::Key(key.clone()), |walk| {
                        walk.entry(was, Some(&entry.node))
                    });
                }
                for (key, entry) in old.iter().filter(|(key, _)| !new.contains_key(*key)) {
                    self.within(Segment::Key(key.clone()), |walk| {
                        walk.entry(Some(&entry.node), None)
                    });
                }
            }
            (Value::Sequence(old), Value::Sequence(new)) if old.len() * new.len() <= MOST_PAIRS => {
                self.list(old, new);
            }
            (old, new) if old == new => {}
            _ => self.found(Change::Changed(before.clone(), after.clone())),
        }
    }

    /// A value that may be missing on one side; null is missing.
    fn entry(&mut self, before: Option<&Node>, after: Option<&Node>) {
        let there = |node: &&Node| node.value != Value::Null;
        match (before.filter(there), after.filter(there)) {
            (Some(before), Some(after)) => self.node(before, after),
            (None, Some(after)) => self.found(Change::Added(after.clone())),
            (Some(before), None) => self.found(Change::Removed(before.clone())),
            (None, None) => {}
        }
    }

    fn list(&mut self, before: &[Node], after: &[Node]) {
        let field = match self.path.segments().last() {
            Some(Segment::Key(field)) => field.clone(),
            _ => String::new(),
        };
        match items_of(&field, before, after) {
            Items::Keyed(keys) => self.keyed(&field, keys, before, after),
            Items::Set => {
                let counts = self.order_counts(&field);
                self.places(before, after, counts);
            }
            Items::Sequence => self.places(before, after, true),
        }
    }

    fn keyed(&mut self, field: &str, keys: &[&[&str]], before: &[Node], after: &[Node]) {
        let names = |items: &[Node]| -> Vec<String> {
            items.iter().map(|item| key_of(item, keys)).collect()
        };
        let (old, new) = (names(before), names(after));
        for (index, name) in new.iter().enumerate() {
            let was = old.iter().position(|old| old == name).and_then(|at| before.get(at));
            self.item(index, Some(name), was, after.get(index));
        }
        for (index, name) in old.iter().enumerate().filter(|(_, name)| !new.contains(name)) {
            self.item(index, Some(name), before.get(index), None);
        }
        let common = |list: &[String], other: &[String]| -> Vec<String> {
            list.iter().filter(|name| other.contains(name)).cloned().collect()
        };
        let (old, new) = (common(&old, &new), common(&new, &old));
        if old != new && self.order_counts(field) {
            self.found(Change::Reordered(old, new));
        }
    }

    /// Items without keys: equal ones belong together, the rest by their place.
    fn places(&mut self, before: &[Node], after: &[Node], order_counts: bool) {
        let mut partner: Vec<Option<usize>> = vec![None; after.len()];
        let mut free: Vec<usize> = Vec::new();
        for (index, item) in before.iter().enumerate() {
            let equal = |at: &usize| partner[*at].is_none() && after[*at] == *item;
            // Its own place first, so that equal items do not seem to wander.
            let found = Some(index).filter(|at| *at < after.len() && equal(at));
            match found.or_else(|| (0..after.len()).find(equal)) {
                Some(at) => partner[at] = Some(index),
                None => free.push(index),
            }
        }
        let pairs: Vec<usize> = partner.iter().flatten().copied().collect();
        let wandered = !pairs.is_sorted();
        let scalar = |node: &Node| node.as_mapping().is_none() && node.as_sequence().is_none();
        let mut free = free.into_iter().peekable();
        for (index, item) in after.iter().enumerate() {
            if partner[index].is_some() {
                continue;
            }
            // A scalar that is gone and one that is new belong together only in one place.
            let was =
                free.next_if(|&at| !scalar(item) || at == index).and_then(|at| before.get(at));
            self.item(index, None, was, Some(item));
        }
        for index in free {
            self.item(index, None, before.get(index), None);
        }
        if wandered && order_counts {
            let shown = |index: &usize| short(&before[*index]);
            let mut sorted = pairs.clone();
            sorted.sort_unstable();
            let (old, new) =
                (sorted.iter().map(shown).collect(), pairs.iter().map(shown).collect());
            self.found(Change::Reordered(old, new));
        }
    }

    fn item(
        &mut self,
        index: usize,
        name: Option<&String>,
        before: Option<&Node>,
        after: Option<&Node>,
    ) {
        self.names.extend(name.cloned());
        self.within(Segment::Index(index), |walk| walk.entry(before, after));
        if name.is_some() {
            self.names.pop();
        }
    }

    fn within(&mut self, segment: Segment, walk: impl FnOnce(&mut Self)) {
        self.path.push(segment);
        walk(self);
        self.path.pop();
    }

    fn order_counts(&self, field: &str) -> bool {
        order_is_meant(field) || self.ordered.is_some_and(|below| starts_with(&self.path, below))
    }

    fn found(&mut self, change: Change) {
        let (path, names) = (self.path.clone(), self.names.clone());
        self.found.push(FieldChange { path, names, change });
    }
}

/// Whether a path goes through these keys from the root.
pub(super) fn starts_with(path: &Path, keys: &[&str]) -> bool {
    let segments = path.segments();
    segments.len() >= keys.len()
        && segments.iter().zip(keys).all(|(segment, key)| match segment {
            Segment::Key(name) => name == key,
            Segment::Index(_) => false,
        })
}

/// An item in a few words: what it is called, else its first scalar.
fn short(node: &Node) -> String {
    match &node.value {
        Value::Mapping(map) => {
            let named = map.get("name").or_else(|| map.values().next());
            named.map_or_else(|| "{}".to_owned(), |entry| short(&entry.node))
        }
        Value::Sequence(items) => items.first().map_or_else(|| "[]".to_owned(), short),
        _ => crate::model::object::scalar_text(node),
    }
}

#[cfg(test)]
mod tests;
