//! A schedule that restricts the days twice.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "schedule-either-day",
    severity: Severity::Info,
    summary: "A schedule restricts the day of the month and the day of the week",
    rationale: "Then either is enough: `0 2 1-7 * MON` runs on the first seven days of a month and on every Monday, not on the first Monday.",
    fix: "Leave one of the two fields at `*`, unless both kinds of days are meant.",
    source: "https://pkg.go.dev/github.com/robfig/cron/v3: Day of month; Kubernetes' CronJob controller parses with it",
    check: Check::Stack(schedule_either_day),
};

fn schedule_either_day(context: &RuleContext<'_>) -> Vec<Violation> {
    let times = &context.times;
    [
        (value_paths::UP_SCHEDULE, &times.up),
        (value_paths::GUARD_SCHEDULE, &times.guard),
        (value_paths::DOWN_SCHEDULE, &times.down),
    ]
    .into_iter()
    .filter(|(_, times)| times.schedule.is_either_day())
    .map(|(path, _)| {
        Violation::at_value(
            path,
            Message::of("It runs on the days of the month and on the days of the week"),
        )
    })
    .collect()
}
