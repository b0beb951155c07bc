//! The changes that the API server sees: a default that is written out or an amount that is spelled
//! otherwise changes a manifest and nothing in the cluster.

use std::borrow::Cow;

use crate::diff::fields::{self, FieldChange};
use crate::diff::objects::ObjectChange;
use crate::model::effective::effective_object;
use crate::model::object::Objects;
use crate::model::workload;

/// Drops the fields that are equal to the API server, and the objects in which no other field differs.
pub(super) fn changes<'a>(
    base: &Objects,
    head: &Objects,
    changes: &'a [ObjectChange],
) -> Vec<Cow<'a, ObjectChange>> {
    changes
        .iter()
        .map(|change| match effective_fields(base, head, change) {
            Some(fields) => Cow::Owned(ObjectChange { fields, ..change.clone() }),
            None => Cow::Borrowed(change),
        })
        .filter(|change| !change.fields.is_empty())
        .collect()
}

/// The fields that differ to the API server; `None` if all do.
fn effective_fields(
    base: &Objects,
    head: &Objects,
    change: &ObjectChange,
) -> Option<Vec<FieldChange>> {
    let before = effective_object(base.get(&change.id)?)?;
    let after = effective_object(head.get(&change.id)?)?;
    let effective = fields::compare(&before, &after, workload::rolls_on(&change.id));
    let is_seen = |field: &FieldChange, other: &FieldChange| {
        field.path.starts_with(&other.path) || other.path.starts_with(&field.path)
    };
    // A difference that follows from another field: which one is unknown here, so all are kept.
    if effective.iter().any(|other| !change.fields.iter().any(|field| is_seen(field, other))) {
        return None;
    }
    let kept: Vec<FieldChange> = change
        .fields
        .iter()
        .filter(|field| effective.iter().any(|other| is_seen(field, other)))
        .cloned()
        .collect();
    (kept.len() < change.fields.len()).then_some(kept)
}
