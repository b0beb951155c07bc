//! A gate with another priority class than its tenant.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "gate-below-tenant",
    severity: Severity::Warning,
    summary: "`gate.priorityClassName` is not the server's class",
    rationale: "On a full cluster, a Pod with a lower priority waits until others end. The guard then waits while the server that it guards runs.",
    fix: "Set `gate.priorityClassName` to the class of `server.priorityClassName`, or to one with at least its value, and allow the finding. `tts-render doctor` prints the command that compares the values.",
    source: "https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/; docs/gate.md",
    check: Check::Stack(gate_below_tenant),
};

fn gate_below_tenant(context: &RuleContext<'_>) -> Vec<Violation> {
    let (server, gate) =
        (&context.values.server.priority_class_name, &context.values.gate.priority_class_name);
    let Some(server) = server.as_ref().filter(|server| gate.as_ref() != Some(*server)) else {
        return Vec::new();
    };
    let message = match gate {
        Some(gate) => Message::of("The gate's Pods have the class ").code(gate.as_str()),
        None => Message::of("The gate's Pods have no class"),
    };
    let message = message.and(", and the server has ").code(server.as_str());
    vec![Violation::at_value(value_paths::GATE_PRIORITY_CLASS_NAME, message)]
}
