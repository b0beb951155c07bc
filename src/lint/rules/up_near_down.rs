//! A start that the end of the window overtakes.

use jiff::SignedDuration;

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "up-near-down",
    severity: Severity::Warning,
    summary: "`up` runs again less than a quarter of an hour before the window ends",
    rationale: "The server is stopped before it has loaded its model: the GPU's memory is taken for nothing.",
    fix: "Let the last `up` run a quarter of an hour or more before `offPeak.down`.",
    source: "docs/server.md: a model takes minutes to load",
    check: Check::Stack(up_near_down),
};

const MIN_TIME: SignedDuration = SignedDuration::from_mins(15);

fn up_near_down(context: &RuleContext<'_>) -> Vec<Violation> {
    let times = &context.times;
    // The first run of a window is the finding of `window-never-opens`.
    let late = times.windows().find_map(|window| {
        let last = times.up.runs(window.opens, window.closes).skip(1).last()?;
        (window.closes.duration_since(last) < MIN_TIME).then_some((last, window.closes))
    });
    let Some((last, closes)) = late else { return Vec::new() };
    let message = Message::of(format!(
        "It runs at {}, and the window ends at {}",
        times.up.format_short(last),
        times.up.format_short(closes)
    ));
    vec![Violation::at_value(value_paths::UP_SCHEDULE, message)]
}
