//! The objects of two snapshots, matched by identity.

use std::sync::Arc;

use super::fields::{self, FieldChange};
use super::secrets::Masked;
use crate::budget::{Budget, BudgetExceeded, Resource};
use crate::model::object::{Object, Objects};
use crate::model::workload;
use kube_validate::ObjectId;

/// An object that differs.
#[derive(Debug, Clone)]
pub struct ObjectChange {
    /// Its identity.
    pub id: ObjectId,
    /// Its file in the base, if it is there.
    pub file_before: Option<String>,
    /// Its file in the head, if it is there.
    pub file_after: Option<String>,
    /// Its changed fields; one field, the whole object, if the object was added or removed. A
    /// Secret's data is masked.
    pub fields: Vec<FieldChange>,
}

/// The kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Only the head has the object.
    Added,
    /// Only the base has the object.
    Removed,
    /// Both have it, and it differs.
    Changed,
}

impl ChangeKind {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            ChangeKind::Added => "added",
            ChangeKind::Removed => "removed",
            ChangeKind::Changed => "changed",
        }
    }

    /// The sign for it in a text report.
    pub fn sign(self) -> char {
        match self {
            ChangeKind::Added => '+',
            ChangeKind::Removed => '-',
            ChangeKind::Changed => '~',
        }
    }
}

impl ObjectChange {
    /// The kind of the change.
    pub fn kind(&self) -> ChangeKind {
        match (&self.file_before, &self.file_after) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Changed,
        }
    }
}

/// Returns the objects that differ, by identity, and the number of objects in both snapshots
/// together. A file that moved is not a difference.
///
/// # Errors
/// Too many fields differ.
pub fn compare(
    base: &Objects,
    head: &Objects,
    budget: &Budget,
) -> Result<(Vec<ObjectChange>, usize), BudgetExceeded> {
    let (mut changes, mut total) = (Vec::new(), 0);
    for (before, after) in base.paired_with(head) {
        total += 1;
        // Shared ones can't differ, and their trees need not be parsed.
        let is_shared = before.zip(after).is_some_and(|(one, other)| Arc::ptr_eq(one, other));
        let Some(either) = before.or(after).filter(|_| !is_shared) else { continue };
        let (before, after) = (before.map(Arc::as_ref), after.map(Arc::as_ref));
        if let Some(change) = compare_object(&either.id, before, after) {
            budget.spend(Resource::ChangedFields, change.fields.len())?;
            changes.push(change);
        }
    }
    Ok((changes, total))
}

fn compare_object(
    id: &ObjectId,
    before: Option<&Object>,
    after: Option<&Object>,
) -> Option<ObjectChange> {
    let mut fields = fields::compare_optional(
        before.map(|object| &*object.node),
        after.map(|object| &*object.node),
        workload::rolls_on(id),
    );
    if fields.is_empty() {
        return None;
    }
    let masked = Masked::of(id);
    if masked != Masked::Nothing {
        fields.iter_mut().for_each(|field| masked.mask(field));
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
    use yaml_spans::emit;

    const MAP: &str =
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: ns1}, data: {k: v}}";

    #[test]
    fn a_moved_file_does_not_count_and_a_newer_api_version_does() {
        let of = |text: &str, file: &str| {
            let node = documents(text).remove(0);
            Objects::collect([Arc::new(Object::read(node, file).unwrap())]).unwrap()
        };
        let (moved, total) =
            compare(&of(MAP, "old/a.yaml"), &of(MAP, "new/b.yaml"), &Budget::default()).unwrap();
        assert_eq!((moved.len(), total), (0, 1));
        let newer = MAP.replace("apiVersion: v1", "apiVersion: v2");
        let (changes, _) = compare(&of(MAP, "a"), &of(&newer, "a"), &Budget::default()).unwrap();
        assert_eq!(changes[0].kind(), ChangeKind::Changed);
        assert_eq!(changes[0].fields[0].path.to_string(), "apiVersion");
    }

    #[test]
    fn one_object_in_two_documents_is_an_error() {
        let read = |file| Arc::new(Object::read(documents(MAP).remove(0), file).unwrap());
        let error = Objects::collect([read("one.yaml"), read("two.yaml")]).unwrap_err();
        let message = error.to_string();
        for part in ["ConfigMap ns1/a", "one.yaml", "two.yaml"] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn the_first_of_several_duplicates_is_reported() {
        let read = |name: &str, file: &str| {
            let text = MAP.replace("name: a", &format!("name: {name}"));
            Arc::new(Object::read(documents(&text).remove(0), file).unwrap())
        };
        let objects = [read("b", "1"), read("a", "2"), read("b", "3"), read("a", "4")];
        let message = Objects::collect(objects).unwrap_err().to_string();
        assert_eq!(message, "`ConfigMap ns1/b` is in `1` and in `3`");
    }

    #[test]
    fn added_and_removed_objects_are_found_by_identity() {
        let other = MAP.replace("namespace: ns1", "namespace: ms1");
        let (changes, total) =
            compare(&objects(MAP), &objects(&other), &Budget::default()).unwrap();
        let kinds: Vec<_> = changes.iter().map(|c| (c.id.to_string(), c.kind())).collect();
        assert_eq!(
            kinds,
            [
                ("ConfigMap ms1/a".to_owned(), ChangeKind::Added),
                ("ConfigMap ns1/a".to_owned(), ChangeKind::Removed)
            ]
        );
        assert_eq!(total, 2);
    }

    #[test]
    fn no_byte_of_a_secret_is_in_its_changes() {
        let secret = |value: &str| {
            format!(
                "{{apiVersion: v1, kind: Secret, metadata: {{name: s, annotations: {{\"kubectl.kubernetes.io/last-applied-configuration\": '{value}'}}}}, data: {{k: '{value}'}}, stringData: {{p: '{value}', q: same}}}}"
            )
        };
        let list = |kind: &str, items: &[&str]| {
            format!(
                "{{apiVersion: v1, kind: {kind}, metadata: {{name: l}}, items: [{}]}}",
                items.join(", ")
            )
        };
        let [one, two] = [secret("hunter1"), secret("hunter2")];
        let texts = [
            one.clone(),
            two.clone(),
            list("List", &[one.as_str()]),
            list("List", &[two.as_str()]),
            list("SecretList", &[one.as_str()]),
            list("SecretList", &[two.as_str(), one.as_str()]),
            list("SecretList", &[]),
        ];
        for (base, head) in [
            (Some(0), Some(1)),
            (None, Some(0)),
            (Some(1), None),
            (Some(2), Some(3)),
            (None, Some(2)),
            (Some(4), Some(5)),
            (Some(6), Some(5)),
            (Some(5), None),
        ] {
            let snapshot = |which: Option<usize>| {
                which.map_or_else(Objects::default, |at| objects(&texts[at]))
            };
            let (changes, _) =
                compare(&snapshot(base), &snapshot(head), &Budget::default()).unwrap();
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
