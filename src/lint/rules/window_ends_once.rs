//! A window with one chance to end.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::window::Window;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "window-ends-once",
    severity: Severity::Warning,
    summary: "Between two windows `down` runs only once",
    rationale: "When that run fails (the image, a quota, the Role), the server keeps the GPU until the end of the next window, and nobody guards it. The same holds for a server that somebody scales by hand.",
    fix: "Schedule `offPeak.down` through the day, such as `0 6-22/2,0 * * *` for a window from 02:00 to 06:00. A run that finds no replica does nothing.",
    source: "docs/gate.md; tests/e2e/jobs: a run that is missed by more than its deadline is never made up for",
    check: Check::Stack(window_ends_once),
};

fn window_ends_once(context: &RuleContext<'_>) -> Vec<Violation> {
    // A stack that is still suspended has windows all the same.
    let windows: Vec<Window> = context.times.windows().collect();
    let down = &context.times.down;
    let alone = windows.windows(2).find(|pair| {
        let second = down.next(pair[0].closes);
        second.is_none_or(|second| second >= pair[1].opens)
    });
    let Some([first, second]) = alone else { return Vec::new() };
    let hours = second.closes.duration_since(first.closes).as_hours();
    let message = Message::of("Between the windows of ")
        .and(down.format_short(first.opens))
        .and(" and ")
        .and(down.format_short(second.opens))
        .and(", ")
        .code("down")
        .and(format!(
            " runs only once: when that run fails, the server keeps the GPU for {hours} h"
        ));
    vec![Violation::at_value(value_paths::DOWN_SCHEDULE, message)]
}
