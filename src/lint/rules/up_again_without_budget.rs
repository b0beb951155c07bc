//! Several starts in one window, of a server whose memory is not bounded.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "up-again-without-budget",
    severity: Severity::Warning,
    summary: "`up` runs again in a window, and `gate.budget` does not bound the server's memory",
    rationale: "Each further start loads the model between the residents that made the server yield. Without a budget the guard lets it grow until others lack memory.",
    fix: "Set `gate.budget`, or let `up` run once in a window.",
    source: "docs/gate.md; gate/src/decision.rs: the guard yields when the tenant uses more than the budget",
    check: Check::Stack(up_again_without_budget),
};

fn up_again_without_budget(context: &RuleContext<'_>) -> Vec<Violation> {
    if context.values.gate.budget.is_some() {
        return Vec::new();
    }
    let times = &context.times;
    let starts = times.windows().map(|window| times.up.runs(window.opens, window.closes).count());
    let Some(most) = starts.max().filter(|most| *most > 1) else { return Vec::new() };
    let message = Message::of(format!("It runs {most} times in a window, and "))
        .code("gate.budget")
        .and(" is not set");
    vec![Violation::at_value(value_paths::UP_SCHEDULE, message)]
}
