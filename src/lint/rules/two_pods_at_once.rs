//! A rollout that needs the GPU twice.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::model::{Message, Severity};
use yaml_spans::Path;

pub(super) const RULE: Rule = Rule {
    id: "two-pods-at-once",
    severity: Severity::Warning,
    summary: "A Deployment that the gate scales does not use the strategy `Recreate`",
    rationale: "A rolling update starts the new Pod beside the old one: the model is loaded twice, and the gate has checked for room for one.",
    fix: "Set `spec.strategy.type: Recreate` in the template.",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#recreate-deployment",
    check: Check::Stack(two_pods_at_once),
};

fn two_pods_at_once(context: &RuleContext<'_>) -> Vec<Violation> {
    context
        .gated_objects()
        .filter(|object| object.is_kind("apps", "Deployment"))
        .filter(|object| object.text_at(&["spec", "strategy", "type"]) != Some("Recreate"))
        .map(|object| {
            let message =
                Message::of("A change of the Pod template starts a second server beside the first");
            Violation::at_field(object, Path::of_keys(["spec", "strategy", "type"]), message)
        })
        .collect()
}
