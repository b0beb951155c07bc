//! A guard that runs too rarely for its floor.

use jiff::SignedDuration;

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::window::unguarded_limit;
use crate::model::{Message, Severity};
use crate::values::Mode;

pub(super) const RULE: Rule = Rule {
    id: "guard-too-slow",
    severity: Severity::Warning,
    summary: "The guard runs less often than once a minute for each GiB of the floor, with a minimum of five minutes",
    rationale: "Memory that a resident allocates between two runs goes unnoticed, and with `gate.prometheus` also what it allocates within `gate.maxAgeSeconds` before a run. The original stack checks every 5 minutes with a floor of 6 GiB; a lower floor leaves less time.",
    fix: "Schedule `offPeak.guard` more often, lower `gate.maxAgeSeconds` if Prometheus is read, or raise `gate.floor`.",
    source: "docs/gate.md; a rule of thumb from an incident in which a resident grew by 8 GiB",
    check: Check::Stack(guard_too_slow),
};

fn guard_too_slow(context: &RuleContext<'_>) -> Vec<Violation> {
    let gate = &context.values.gate;
    let limit = unguarded_limit(gate.floor.get());
    let is_watch = context.values.off_peak.mode == Mode::Watch;
    let longest = match is_watch {
        // The guard is its fallback.
        true => Some(SignedDuration::from_secs(gate.watch.interval_seconds.get())),
        // A window in which the guard never runs is the finding of `guard-misses-window`.
        false => {
            let windows = context.times.guarded_windows();
            windows.iter().filter_map(|guarded| guarded.longest_unguarded).max()
        }
    };
    // What Prometheus answers may be that old: the gate is blind for the interval of its scrapes, too.
    let age = match gate.prometheus {
        Some(_) => SignedDuration::from_secs(gate.max_age_seconds.get()),
        None => SignedDuration::ZERO,
    };
    let longest = longest.map(|longest| longest.saturating_add(age));
    let Some(longest) = longest.filter(|longest| *longest > limit) else { return Vec::new() };
    let (blind, should) = match (is_watch, &gate.prometheus) {
        (true, _) => {
            ("watch sees nothing new, with the age of Prometheus' samples,", "see something new")
        }
        (false, Some(_)) => ("guard sees nothing new, with the age of Prometheus' samples,", "run"),
        (false, None) => ("guard does not run", "run"),
    };
    let message = Message::of(format!(
        "In a window the {blind} for up to {} min: with a floor of ",
        longest.as_mins()
    ))
    .code(gate.floor.to_string())
    .and(format!(", it should {should} at least every {} min", limit.as_mins()));
    let path = if is_watch { value_paths::GATE_MAX_AGE } else { value_paths::GUARD_SCHEDULE };
    vec![Violation::at_value(path, message)]
}
