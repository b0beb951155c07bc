//! A server whose memory is not bounded.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};
use crate::values::Series;

pub(super) const RULE: Rule = Rule {
    id: "budget-missing",
    severity: Severity::Warning,
    summary: "The server has no `gate.budget`",
    rationale: "The server may grow until only `gate.reserve` is left. A server that keeps what it has loaded, such as one voice after the other, takes the memory that others need when they wake.",
    fix: "Set `gate.budget` to the server's measured peak, at most `gate.floor` less `gate.reserve`.",
    source: "docs/gate.md; gate/src/decision.rs: the guard yields if the tenant uses more than its budget",
    check: Check::Stack(budget_missing),
};

fn budget_missing(context: &RuleContext<'_>) -> Vec<Violation> {
    let gate = &context.values.gate;
    // Where nothing attributes memory, the gate itself requires a budget or does not use one.
    if gate.budget.is_some() || gate.series == Some(Series::Devices) {
        return Vec::new();
    }
    let message = Message::of("Nothing bounds the server's memory but the reserve of ")
        .code(gate.reserve.to_string());
    vec![Violation::at_value(value_paths::GATE_BUDGET, message)]
}
