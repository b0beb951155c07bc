//! A volume whose data is deleted with its claim.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};
use crate::values::ReclaimPolicy;

pub(super) const RULE: Rule = Rule {
    id: "storage-not-retained",
    severity: Severity::Critical,
    summary: "The volume's reclaim policy is `Delete`",
    rationale: "Deleting the claim, by hand or by a prune, deletes the data.",
    fix: "Set `storage.reclaimPolicy: Retain`.",
    source: "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming",
    check: Check::Stack(storage_not_retained),
};

fn storage_not_retained(context: &RuleContext<'_>) -> Vec<Violation> {
    let policy = context.values.storage.as_ref().map(|storage| storage.reclaim_policy);
    if policy != Some(ReclaimPolicy::Delete) {
        return Vec::new();
    }
    let message = Message::of("The data is deleted with its claim");
    vec![Violation::at_value(value_paths::RECLAIM_POLICY, message)]
}
