//! A budget that exceeds the floor.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "budget-above-floor",
    severity: Severity::Critical,
    summary: "`gate.budget` is more than `gate.floor`",
    rationale: "The server starts when the floor is free, and may then use more than that: it takes memory that others have in use or need.",
    fix: "Raise `gate.floor` to the budget plus the reserve, or lower `gate.budget` to the server's measured peak.",
    source: "docs/gate.md; gate/src/decision.rs: up if `free ≥ floor`; the guard yields if the tenant uses more than its budget",
    check: Check::Stack(budget_above_floor),
};

fn budget_above_floor(context: &RuleContext<'_>) -> Vec<Violation> {
    let gate = &context.values.gate;
    let Some(budget) = gate.budget.filter(|budget| *budget > gate.floor) else {
        return Vec::new();
    };
    let message = Message::of("The server starts with ")
        .code(gate.floor.to_string())
        .and(" free and may use ")
        .code(budget.to_string());
    vec![Violation::at_value(value_paths::GATE_BUDGET, message)]
}
