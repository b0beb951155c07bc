//! A window that never opens or is very short.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "window-never-opens",
    severity: Severity::Warning,
    summary: "No window opens, or one is shorter than a quarter of an hour",
    rationale: "The server never starts, or is stopped before it has loaded its model.",
    fix: "Schedule `offPeak.up` for a day that exists, and `offPeak.down` some hours after it.",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax",
    check: Check::Stack(window_never_opens),
};

/// The shortest useful window, in minutes: a model takes minutes to load.
const MIN_MINUTES: i64 = 15;

fn window_never_opens(context: &RuleContext<'_>) -> Vec<Violation> {
    // A window that never closes is worse: it is the finding of `guard-suspended`.
    if !context.times.down.schedule.can_run() {
        return Vec::new();
    }
    let windows = context.times.windows();
    let lengths = windows.map(|window| window.closes.duration_since(window.opens));
    let message = match lengths.min().map(|length| length.as_mins()) {
        None => Message::of(
            "No window opens: the schedule never runs, or the window closes as it opens",
        ),
        Some(minutes) if minutes < MIN_MINUTES => {
            Message::of(format!("A window is open for {minutes} min"))
        }
        Some(_) => return Vec::new(),
    };
    vec![Violation::at_value(value_paths::UP_SCHEDULE, message)]
}
