//! A guard whose first run comes so late that its alert fires each night.

use jiff::{SignedDuration, Timestamp};

use super::{Check, Rule};
use crate::alerts::GUARD_NOT_RUNNING_HOLD;
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::run_times::RunTimes;
use crate::model::{Message, Severity};
use crate::values::TimeSpan;

pub(super) const RULE: Rule = Rule {
    id: "guard-late",
    severity: Severity::Warning,
    summary: "The alert `GuardNotRunning` fires from soon after the opening until the guard's first run",
    rationale: "The alert counts from the guard's last success, which is that of the window before. An alert that fires each night is one that nobody reads.",
    fix: "Let `offPeak.guard` run when the window opens, too.",
    source: "docs/alerts.md, `GuardNotRunning`",
    check: Check::Stack(guard_late),
};

fn guard_late(context: &RuleContext<'_>) -> Vec<Violation> {
    let alerts = context.values.alerts.as_ref();
    let Some(silence) = alerts.and_then(|alerts| alerts.guard_silence) else { return Vec::new() };
    let times = &context.times;
    let windows = times.guarded_windows().iter().chain(times.demand_hours());
    let late = windows.map(|guarded| guarded.window).find_map(|window| {
        let fires = alert_time(&times.guard, window.opens, silence)?;
        // A window in which the guard never runs is the finding of `guard-misses-window`.
        let first = times.guard.runs(window.opens, window.closes).next()?;
        (first > fires).then_some((window, fires, first))
    });
    let Some((window, fires, first)) = late else { return Vec::new() };
    let [fires, first] = [fires, first].map(|instant| times.up.format_short(instant));
    let message = Message::of(format!("In the window {}, ", times.format(window)))
        .code("GuardNotRunning")
        .and(format!(" fires from {fires} until the guard's first run, at {first}"));
    vec![Violation::at_value(value_paths::GUARD_SCHEDULE, message)]
}

/// The time at which the alert fires if the server starts when a window opens, and no guard runs.
fn alert_time(guard: &RunTimes, opens: Timestamp, silence: TimeSpan) -> Option<Timestamp> {
    let [silence, hold] = [silence, GUARD_NOT_RUNNING_HOLD]
        .map(|span| SignedDuration::from_secs(i64::from(span.as_secs())));
    let recent = guard.runs(opens.checked_sub(silence).ok()?, opens).last();
    let silent = recent.map_or(Ok(opens), |last| last.checked_add(silence)).ok()?;
    silent.checked_add(hold).ok()
}
