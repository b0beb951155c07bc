//! Changes after which an object is invalid, whatever it was before.

use super::{Finding, Rule, RuleContext, Topic};
use crate::diff::FieldChange;
use crate::diff::fields::starts_with;
use crate::model::object::Object;
use crate::model::{Message, Severity};
use kube_validate::{Definitions, validate_foreign};
use yaml_spans::{Node, Path};

pub(super) const INVALID: Rule = Rule {
    id: "object-invalid",
    severity: Severity::Critical,
    topic: Topic::Refusal,
    summary: "The API server will refuse a changed object: it was valid, and has a value, a field or a version that is not",
    source: "docs/validate-rules.md: the API server's validation functions, as `validate` checks them",
};

/// The most fields of one object that are named.
const MAX_SHOWN: usize = 3;

/// Kinds of which the API server fills in what else would be missing, and drops what another type has no use for, as
/// long as it is not changed: only a problem of a changed field counts.
/// Source: `dropTypeDependentFields` in `pkg/registry/core/service`, `generateSelector` in `pkg/registry/batch/job`; the
/// `stringData` of a Secret stays in its `data`.
const KEPT_BY_SERVER: [(&str, &str); 3] = [("", "Service"), ("", "Secret"), ("batch", "Job")];

/// An object that was invalid before is a patch, a placeholder or a known fault, and gets no finding.
pub(super) fn invalid_objects(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (change, before, after) in context.modified() {
        let mut invalid = invalid_fields(after);
        if invalid.is_empty() || !invalid_fields(before).is_empty() {
            continue;
        }
        if KEPT_BY_SERVER.iter().any(|(group, kind)| after.is_kind(group, kind)) {
            let changes = change.fields.iter().filter(|field| !is_kept_data(field));
            let changes: Vec<&FieldChange> = changes.collect();
            // A problem of the whole `spec` is one of something that is missing in it.
            let is_in = |path: &Path, field: &FieldChange| {
                let is_whole = path.segments().len() < 2;
                path.starts_with(&field.path) || (!is_whole && field.path.starts_with(path))
            };
            invalid.retain(|path| changes.iter().any(|field| is_in(path, field)));
        }
        if invalid.is_empty() {
            continue;
        }
        // The value is `{}`, or was until its last entry was removed.
        let is_emptied = invalid.iter().any(|path| {
            let above = path.parent();
            let mut places = [Some(path), above.as_ref()].into_iter().flatten();
            places.any(|path| is_empty_map(path.find(&after.node)))
        });
        let invalid: Vec<String> = invalid.iter().map(Path::to_string).collect();
        // A problem's text is not shown: it may quote a secret.
        let message = Message::of("The API server will refuse it, for what is in ")
            .codes(invalid, MAX_SHOWN)
            .and("; `tts-render validate` names the reason")
            .and(match is_emptied {
                true => ". A server-side apply may drop the empty map instead",
                false => "",
            });
        findings.push(Finding::new(&INVALID, &change.id, message));
    }
    findings
}

fn is_empty_map(node: Option<&Node>) -> bool {
    node.and_then(Node::as_mapping).is_some_and(|map| map.is_empty())
}

/// Returns true for `stringData` that is removed from a Secret: the API server keeps it in `data`.
fn is_kept_data(field: &FieldChange) -> bool {
    field.change.after().is_none() && starts_with(&field.path, &["stringData"])
}

/// The places of the problems that `validate` finds in an object.
fn invalid_fields(object: &Object) -> Vec<Path> {
    let report = validate_foreign(std::slice::from_ref(&*object.node), &Definitions::default());
    let found = report.findings.into_iter().filter(|found| !found.error.is_placeholder());
    let mut fields: Vec<Path> = found.map(|found| found.path).collect();
    fields.dedup();
    fields
}
