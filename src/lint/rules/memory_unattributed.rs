//! A guard that can't tell the server's memory from that of others.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "memory-unattributed",
    severity: Severity::Info,
    summary: "Nothing tells the server's memory from that of others (`gate.series: devices`)",
    rationale: "The guard knows only a lower bound of what others use: it yields when less is free than `gate.floor` less `gate.budget`, or than `gate.reserve`. While the server uses less than its budget, others may lack part of the floor, and the guard does not notice. A server above its budget is not noticed either.",
    fix: "Read an exporter that counts memory by Pod, or allow this finding. A smaller difference between `gate.budget` and what the server really uses makes the bound tighter.",
    source: "docs/gate.md; gate/src/decision.rs: `free < max(reserve, floor − budget)`",
    check: Check::Stack(memory_unattributed),
};

fn memory_unattributed(context: &RuleContext<'_>) -> Vec<Violation> {
    let gate = &context.values.gate;
    let Some(needed) = gate.unattributed_headroom() else { return Vec::new() };
    let message = Message::of("The guard yields only when less than ")
        .code(needed.to_string())
        .and(" is free, and does not know what the server uses");
    // A preset that decides the series is the value to change.
    let path = match context.is_written(value_paths::GATE_SERIES) {
        true => value_paths::GATE_SERIES,
        false => value_paths::GATE_EXPORTER,
    };
    vec![Violation::at_value(path, message)]
}
