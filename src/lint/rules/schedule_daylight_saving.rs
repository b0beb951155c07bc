//! A schedule in an hour that a clock change skips or repeats.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::clock_change::ClockChange;
use crate::model::run_times::RunTimes;
use crate::model::window::YEARS_FROM;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "schedule-daylight-saving",
    severity: Severity::Warning,
    summary: "The window opens or closes at a time that a clock change skips or repeats",
    rationale: "Kubernetes runs nothing in the skipped hour: the window of that night does not open, or does not close until the next day. In the repeated hour it runs twice.",
    fix: "Use another hour (in Europe clocks change at 01:00 UTC), or a time zone without clock changes such as `Etc/UTC`.",
    source: "https://pkg.go.dev/github.com/robfig/cron/v3#hdr-Time_zones; tests/schedule_robfig.rs compares with that library",
    check: Check::Stack(schedule_daylight_saving),
};

/// The number of clock changes that are checked: two years.
const CHANGES: usize = 4;

fn schedule_daylight_saving(context: &RuleContext<'_>) -> Vec<Violation> {
    [
        (value_paths::UP_SCHEDULE, Job::Up, &context.times.up),
        (value_paths::DOWN_SCHEDULE, Job::Down, &context.times.down),
    ]
    .into_iter()
    .filter_map(|(path, job, times)| Some(Violation::at_value(path, first_affected(job, times)?)))
    .collect()
}

/// The job whose schedule is affected.
#[derive(Clone, Copy)]
enum Job {
    Up,
    Down,
}

/// The effect of the first clock change that skips or repeats a run.
fn first_affected(job: Job, times: &RunTimes) -> Option<Message> {
    ClockChange::following(&times.zone, YEARS_FROM).take(CHANGES).find_map(|change| {
        let shown = change.affected_runs(times).next()?.strftime("%H:%M on %Y-%m-%d").to_string();
        let message = Message::of("It runs at ").code(shown);
        Some(match (change.skips(), job) {
            (true, Job::Up) => {
                message.and(", which is skipped: that night the window stays closed")
            }
            (true, Job::Down) => {
                message.and(", which is skipped: the window stays open until the next run")
            }
            (false, _) => message.and(", which comes twice: the job runs twice"),
        })
    })
}
