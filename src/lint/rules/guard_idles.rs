//! A guard that runs outside the window.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "guard-idles",
    severity: Severity::Info,
    summary: "More than half of the guard's runs fall outside every window",
    rationale: "The server is down then. Each run still creates a Pod, which causes a burst of small writes on the node's disk.",
    fix: "Schedule `offPeak.guard` only from `offPeak.up` to `offPeak.down`.",
    source: "docs/gate.md: the cost of the jobs",
    check: Check::Stack(guard_idles),
};

fn guard_idles(context: &RuleContext<'_>) -> Vec<Violation> {
    let (idle, all) = context.times.idle_guard_runs();
    if idle * 2 <= all || context.times.windows().len() == 0 {
        return Vec::new();
    }
    let message = Message::of(format!(
        "{idle} of {all} runs in two weeks fall outside every window, and each creates a Pod"
    ));
    vec![Violation::at_value(value_paths::GUARD_SCHEDULE, message)]
}
