//! Two sets of objects, matched by identity.

use std::collections::BTreeSet;

use super::fields::{self, Change, FieldChange};
use super::secrets;
use crate::model::object::{Object, Objects};
use crate::model::workload;
use kube_validate::ObjectId;
use yaml_spans::Path;

/// An object that differs.
#[derive(Debug, Clone)]
pub struct ObjectChange {
    /// Which.
    pub id: ObjectId,
    /// Its file before, if it was there.
    pub file_before: Option<String>,
    /// Its file after, if it is there.
    pub file_after: Option<String>,
    /// What differs: one field, the whole, for an object that is new or gone. A Secret's data is
    /// masked.
    pub fields: Vec<FieldChange>,
}

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    Changed,
}

impl Fate {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Fate::Added => "added",
            Fate::Removed => "removed",
            Fate::Changed => "changed",
        }
    }

    /// The sign for it, as diffs have it.
    pub fn sign(self) -> char {
        match self {
            Fate::Added => '+',
            Fate::Removed => '-',
            Fate::Changed => '~',
        }
    }
}

impl ObjectChange {
    /// What became of it.
    pub fn fate(&self) -> Fate {
        match (&self.file_before, &self.file_after) {
            (None, _) => Fate::Added,
            (_, None) => Fate::Removed,
            _ => Fate::Changed,
        }
    }
}

/// What differs, by identity, and how many objects there are on both sides together. A file that
/// moved is no difference.
pub fn compare(base: &Objects, head: &Objects) -> (Vec<ObjectChange>, usize) {
    let ids: BTreeSet<&ObjectId> = base.ids().chain(head.ids()).collect();
    let changes = ids
        .iter()
        .filter(|id| !base.shares(head, id))
        .filter_map(|id| change(id, base.get(id), head.get(id)))
        .collect();
    (changes, ids.len())
}

fn change(id: &ObjectId, before: Option<&Object>, after: Option<&Object>) -> Option<ObjectChange> {
    let whole = |change| vec![FieldChange { path: Path::root(), names: Vec::new(), change }];
    let mut fields = match (before, after) {
        (Some(before), Some(after)) => {
            fields::compare(&before.node, &after.node, workload::rolls_on(&after.id))
        }
        (None, Some(after)) => whole(Change::Added(after.node.clone())),
        (Some(before), None) => whole(Change::Removed(before.node.clone())),
        (None, None) => Vec::new(),
    };
    if fields.is_empty() {
        return None;
    }
    if secrets::is_secret(id) {
        fields.iter_mut().for_each(secrets::mask);
    }
    Some(ObjectChange {
        id: id.clone(),
        file_before: before.map(|object| object.file.clone()),
        file_after: after.map(|object| object.file.clone()),
        fields,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::testing::{documents, objects};
    use std::sync::Arc;
    use yaml_spans::emit;

    const MAP: &str =
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: ns1}, data: {k: v}}";

    #[test]
    fn a_moved_file_and_a_newer_api_version_of_one_object_are_told_apart() {
        let of = |text: &str, file: &str| {
            let node = documents(text).remove(0);
            Objects::collect([Arc::new(Object::read(node, file).unwrap())]).unwrap()
        };
        let (moved, total) = compare(&of(MAP, "old/a.yaml"), &of(MAP, "new/b.yaml"));
        assert_eq!((moved.len(), total), (0, 1));
        let newer = MAP.replace("apiVersion: v1", "apiVersion: v2");
        let (changes, _) = compare(&of(MAP, "a"), &of(&newer, "a"));
        assert_eq!(changes[0].fate(), Fate::Changed);
        assert_eq!(changes[0].fields[0].path.to_string(), "apiVersion");
    }

    #[test]
    fn one_object_in_two_documents_is_refused() {
        let read = |file| Arc::new(Object::read(documents(MAP).remove(0), file).unwrap());
        let error = Objects::collect([read("one.yaml"), read("two.yaml")]).unwrap_err();
        assert_eq!(error.to_string(), "`ConfigMap ns1/a` is in `one.yaml` and in `two.yaml`");
    }

    #[test]
    fn new_and_gone_objects_are_found_by_identity() {
        let other = MAP.replace("namespace: ns1", "namespace: ms1");
        let (changes, total) = compare(&objects(MAP), &objects(&other));
        let fates: Vec<_> = changes.iter().map(|c| (c.id.to_string(), c.fate())).collect();
        assert_eq!(
            fates,
            [
                ("ConfigMap ms1/a".to_owned(), Fate::Added),
                ("ConfigMap ns1/a".to_owned(), Fate::Removed)
            ]
        );
        assert_eq!(total, 2);
    }

    #[test]
    fn no_byte_of_a_secret_is_in_what_differs() {
        let secret = |value: &str| {
            format!(
                "{{apiVersion: v1, kind: Secret, metadata: {{name: s, annotations: {{\"kubectl.kubernetes.io/last-applied-configuration\": '{value}'}}}}, data: {{k: '{value}'}}, stringData: {{p: '{value}', q: same}}}}"
            )
        };
        let sides = [secret("hunter1"), secret("hunter2")];
        for (base, head) in [(Some(0), Some(1)), (None, Some(0)), (Some(1), None)] {
            let side = |which: Option<usize>| {
                which.map_or_else(Objects::default, |at| objects(&sides[at]))
            };
            let (changes, _) = compare(&side(base), &side(head));
            assert!(!changes[0].fields.is_empty());
            for field in &changes[0].fields {
                for node in [field.change.before(), field.change.after()].into_iter().flatten() {
                    assert!(!emit(node).contains("hunter"), "{}", emit(node));
                    assert!(!emit(node).contains("same"), "{}", emit(node));
                }
            }
        }
    }
}
