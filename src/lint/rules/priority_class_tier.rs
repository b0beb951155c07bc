//! A priority that is not the namespace's tier's.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "priority-class-tier",
    severity: Severity::Warning,
    what: "`server.priorityClassName` is not the class of the namespace's tier",
    why: "The cluster gives limits and quota by the tier, and eviction goes by the class: a server with a higher class than its tier's is not the one that makes way.",
    mend: "`tier-<namespace.tier>`, as the cluster's policy sets it on Pods that name none.",
    source: "docs/kyverno.md; https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let (Some(class), Some(tier)) =
        (&case.values.server.priority_class_name, &case.values.namespace.tier)
    else {
        return Vec::new();
    };
    let expected = format!("tier-{tier}");
    if class.as_str() == expected {
        return Vec::new();
    }
    let words = Message::of("The namespace is of tier ")
        .code(tier)
        .and(", whose class is ")
        .code(expected)
        .and(", not ")
        .code(class.as_str());
    vec![Site::value(["server", "priorityClassName"], words)]
}
