//! A floor of almost the whole GPU.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};
use crate::values::Bytes;

pub(super) const RULE: Rule = Rule {
    id: "floor-out-of-reach",
    severity: Severity::Warning,
    summary: "`gate.floor` leaves other workloads less than a sixteenth of the GPU",
    rationale: "The server starts only on a GPU that is almost empty. On a shared one it never starts: a process that only holds a CUDA context uses hundreds of MiB.",
    fix: "Lower `gate.floor` to the memory that the server needs (`docs/server.md` shows how to measure it), or give the server a GPU of its own.",
    source: "gate/src/decision.rs: up if `total − used ≥ floor`",
    check: Check::Stack(floor_out_of_reach),
};

fn floor_out_of_reach(context: &RuleContext<'_>) -> Vec<Violation> {
    let floor = context.values.gate.floor;
    let Some(total) = context.values.gpu.total else { return Vec::new() };
    let left = total.get().saturating_sub(floor.get());
    if left >= total.get() / 16 {
        return Vec::new();
    }
    let message = Message::of("The server starts only while all others together use at most ")
        .code(Bytes::new(left).to_string())
        .and(" of ")
        .code(total.to_string());
    vec![Violation::at_value(value_paths::GATE_FLOOR, message)]
}
