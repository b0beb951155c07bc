//! A priority class of another tier.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "priority-class-tier",
    severity: Severity::Warning,
    summary: "`server.priorityClassName` is not the class of the namespace's tier",
    rationale: "The cluster assigns limits and quota by the tier, and evicts by the class: a server with a higher class than its tier's is not the one that is evicted.",
    fix: "Use `tier-<namespace.tier>`, which the cluster's policy sets on Pods without a class.",
    source: "docs/kyverno.md; https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/",
    check: Check::Stack(priority_class_tier),
};

fn priority_class_tier(context: &RuleContext<'_>) -> Vec<Violation> {
    let (Some(class), Some(tier)) =
        (&context.values.server.priority_class_name, &context.values.namespace.tier)
    else {
        return Vec::new();
    };
    let expected = format!("tier-{tier}");
    if class.as_str() == expected {
        return Vec::new();
    }
    let message = Message::of("The namespace has tier ")
        .code(tier)
        .and(", whose class is ")
        .code(expected)
        .and(", not ")
        .code(class.as_str());
    vec![Violation::at_value(value_paths::PRIORITY_CLASS_NAME, message)]
}
