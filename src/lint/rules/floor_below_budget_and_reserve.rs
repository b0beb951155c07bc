//! A floor without room for the budget and the reserve.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};
use crate::values::Bytes;

pub(super) const RULE: Rule = Rule {
    id: "floor-below-budget-and-reserve",
    severity: Severity::Warning,
    summary: "`gate.floor` is less than `gate.budget` and `gate.reserve` together",
    rationale: "A server that uses its whole budget leaves less than the reserve: the guard stops it, though nobody else has started anything.",
    fix: "Raise `gate.floor` to the budget plus the reserve, or lower `gate.budget`.",
    source: "docs/gate.md; gate/src/decision.rs: the guard yields if less than the reserve is left",
    check: Check::Stack(floor_below_budget_and_reserve),
};

fn floor_below_budget_and_reserve(context: &RuleContext<'_>) -> Vec<Violation> {
    let gate = &context.values.gate;
    // A budget above the floor has a rule of its own.
    let Some(budget) = gate.budget.filter(|budget| *budget <= gate.floor) else {
        return Vec::new();
    };
    let needed = budget.get().saturating_add(gate.reserve.get());
    if gate.floor.get() >= needed {
        return Vec::new();
    }
    let message = Message::of("With a budget of ")
        .code(budget.to_string())
        .and(" and a reserve of ")
        .code(gate.reserve.to_string())
        .and(", the floor must be at least ")
        .code(Bytes::new(needed).to_string());
    vec![Violation::at_value(value_paths::GATE_FLOOR, message)]
}
