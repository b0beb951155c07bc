//! A guard that the server's own memory trips.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};
use crate::values::Count;

pub(super) const RULE: Rule = Rule {
    id: "own-memory-counted",
    severity: Severity::Warning,
    summary: "The guard counts the server's own memory against the floor",
    rationale: "With a model of 4 GiB and a floor of 6 GiB, every start with less than 10 GiB free ends in a yield, night after night.",
    fix: "Set `gate.count: residents`. `gate.reserve` still limits the server's own growth.",
    source: "docs/gate.md; gate/src/decision.rs",
    check: Check::Stack(own_memory_counted),
};

fn own_memory_counted(context: &RuleContext<'_>) -> Vec<Violation> {
    if context.values.gate.count != Some(Count::Everyone) {
        return Vec::new();
    }
    let message =
        Message::of("The server's own model can make the guard yield minutes after the start");
    vec![Violation::at_value(value_paths::GATE_COUNT, message)]
}
