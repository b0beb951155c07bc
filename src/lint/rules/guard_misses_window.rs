//! A window without a guard.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "guard-misses-window",
    severity: Severity::Critical,
    summary: "A window, or hours of demand, opens in which the guard never runs",
    rationale: "Nothing gives the GPU back while a resident needs it. GPU memory is not isolated, so the resident fails.",
    fix: "Schedule `offPeak.guard` from `offPeak.up` to `offPeak.down`, on the same days, and from `offPeak.demand.opens` too.",
    source: "docs/gate.md; gate/src/decision.rs: only `guard` yields before the window ends",
    check: Check::Stack(guard_misses_window),
};

fn guard_misses_window(context: &RuleContext<'_>) -> Vec<Violation> {
    let times = &context.times;
    let windows: Vec<_> = times.guarded_windows().iter().chain(times.demand_hours()).collect();
    let unguarded: Vec<_> =
        windows.iter().filter(|guarded| guarded.longest_unguarded.is_none()).collect();
    let Some(first) = unguarded.first() else { return Vec::new() };
    let message = Message::of(format!(
        "The guard never runs in {} of {} windows in two weeks, such as {}",
        unguarded.len(),
        windows.len(),
        context.times.format(first.window)
    ));
    vec![Violation::at_value(value_paths::GUARD_SCHEDULE, message)]
}
