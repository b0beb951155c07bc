//! The changes that the API server sees: a default that is written out or an amount that is spelled
//! otherwise changes a manifest and nothing in the cluster.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Bound;

use crate::diff::fields::{self, FieldChange};
use crate::diff::objects::ObjectChange;
use crate::model::effective::effective_object;
use crate::model::object::Objects;
use crate::model::workload;
use yaml_spans::{Path, Segment};

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
    let (seen, written) = (paths_of(&effective), paths_of(&change.fields));
    // A difference that follows from another field: which one is unknown here, so all are kept.
    if effective.iter().any(|other| !is_related(&other.path, &written)) {
        return None;
    }
    let kept: Vec<FieldChange> =
        change.fields.iter().filter(|field| is_related(&field.path, &seen)).cloned().collect();
    (kept.len() < change.fields.len()).then_some(kept)
}

fn paths_of(fields: &[FieldChange]) -> BTreeSet<&[Segment]> {
    fields.iter().map(|field| field.path.segments()).collect()
}

/// Returns true if one of the paths is this one, or above or below it. A lookup for each step: a list of all would
/// be searched once for each changed item.
fn is_related(path: &Path, paths: &BTreeSet<&[Segment]>) -> bool {
    let segments = path.segments();
    let is_below = (0..=segments.len()).any(|length| paths.contains(&segments[..length]));
    // Paths below this one follow it in the order.
    let mut from_here = paths.range::<[Segment], _>((Bound::Included(segments), Bound::Unbounded));
    is_below || from_here.next().is_some_and(|next| next.starts_with(segments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_related_to_itself_and_to_those_above_and_below() {
        let path = |text: &str| text.parse::<Path>().unwrap();
        let known = ["spec.a[1].b", "spec.a[10]", "spec.b", "x"].map(path);
        let paths: BTreeSet<&[Segment]> = known.iter().map(Path::segments).collect();
        for related in ["spec", "spec.a", "spec.a[1]", "spec.a[1].b", "spec.a[10].c.d", "x.y"] {
            assert!(is_related(&path(related), &paths), "{related}");
        }
        for unrelated in ["spec.a[1].a", "spec.a[0]", "spec.a[2]", "spec.ab", "status", "y", "a"] {
            assert!(!is_related(&path(unrelated), &paths), "{unrelated}");
        }
        assert!(is_related(&Path::root(), &paths));
        assert!(!is_related(&Path::root(), &BTreeSet::new()));
    }
}
