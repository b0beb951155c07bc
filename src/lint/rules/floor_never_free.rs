//! Amounts that do not fit on the GPU together.

use super::gpu_total;
use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};
use crate::values::{Bytes, Count};

pub(super) const RULE: Rule = Rule {
    id: "floor-never-free",
    severity: Severity::Warning,
    summary: "The GPU can never have the floor free, or never the reserve beside the budget",
    rationale: "With a floor above the GPU's memory the server never starts. If budget and reserve together exceed it, or with `count: everyone` floor and budget, the guard stops a server that uses what it may, night after night.",
    fix: "Lower `gate.floor`, `gate.budget` or `gate.reserve` until they fit into the memory that the GPU offers, or use a larger GPU.",
    source: "gate/src/decision.rs: `up` needs `free ≥ floor`, the guard `free ≥ reserve`; src/lint/rules/gpu_total.rs lists what GPUs offer",
    check: Check::Stack(floor_never_free),
};

fn floor_never_free(context: &RuleContext<'_>) -> Vec<Violation> {
    let values = context.values;
    let gate = &values.gate;
    let offered = gpu_total::offered_memory(values);
    // The smaller amount counts: a total above the GPU's memory is the finding of `gpu-total`.
    let total = match (values.gpu.total, offered) {
        (Some(total), Some(offered)) => total.min(offered),
        (Some(total), None) => total,
        (None, Some(offered)) => offered,
        (None, None) => return Vec::new(),
    };
    let exceeds = |sum: u64| sum > total.get();
    let budget = gate.budget.map_or(0, Bytes::get);
    let with_reserve = budget.saturating_add(gate.reserve.get());
    let with_floor = budget.saturating_add(gate.floor.get());
    let message = if exceeds(gate.floor.get()) {
        Message::of("The server never starts: the GPU offers ")
            .code(total.to_string())
            .and(", less than the floor of ")
            .code(gate.floor.to_string())
    } else if gate.count == Some(Count::Everyone) && budget > 0 && exceeds(with_floor) {
        Message::of("With the whole budget in use, the floor is never free: both need ")
            .code(Bytes::new(with_floor).to_string())
            .and(" of ")
            .code(total.to_string())
    } else if budget > 0 && exceeds(with_reserve) {
        Message::of("With the whole budget in use, the reserve is never free: both need ")
            .code(Bytes::new(with_reserve).to_string())
            .and(" of ")
            .code(total.to_string())
    } else {
        return Vec::new();
    };
    let path = match exceeds(gate.floor.get()) {
        true => value_paths::GATE_FLOOR,
        false => value_paths::GATE_BUDGET,
    };
    vec![Violation::at_value(path, message)]
}
