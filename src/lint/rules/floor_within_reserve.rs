//! A floor that does not exceed the reserve.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "floor-within-reserve",
    severity: Severity::Critical,
    summary: "`gate.floor` is not more than `gate.reserve`",
    rationale: "The gate starts the server with less room than it must leave free: the guard stops the server right after its start.",
    fix: "Raise `gate.floor` to the server's peak memory plus what others may allocate meanwhile, or lower `gate.reserve`.",
    source: "gate/src/decision.rs: up if `free ≥ floor`; the guard yields if less than the reserve is left",
    check: Check::Stack(floor_within_reserve),
};

fn floor_within_reserve(context: &RuleContext<'_>) -> Vec<Violation> {
    let gate = &context.values.gate;
    if gate.floor > gate.reserve {
        return Vec::new();
    }
    let message = Message::of("A floor of ")
        .code(gate.floor.to_string())
        .and(" does not exceed the reserve of ")
        .code(gate.reserve.to_string())
        .and(": the guard stops the server right after its start");
    vec![Violation::at_value(value_paths::GATE_FLOOR, message)]
}
