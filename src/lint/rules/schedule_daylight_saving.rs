//! A schedule in an hour that a clock change skips or repeats.

use jiff::civil::Date;

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
        let run = change.affected_runs(times).next()?;
        let message = Message::of("It is scheduled for ").code(run.strftime("%H:%M").to_string());
        let day = format!("on {}", describe_day(run.date()));
        Some(match (change.skips(), job) {
            (true, Job::Up) => message
                .and(format!(", which the clock skips {day}: that night the window stays closed")),
            (true, Job::Down) => message.and(format!(
                ", which the clock skips {day}: the window stays open until the next run"
            )),
            (false, _) => message.and(format!(", which comes twice {day}: the job runs twice")),
        })
    })
}

/// A day of the year as the rules of time zones name it: `the last Sunday of March`.
fn describe_day(day: Date) -> String {
    let place = match (day.day() - 1) / 7 {
        _ if day.day() > day.days_in_month() - 7 => "last",
        0 => "first",
        1 => "second",
        2 => "third",
        _ => "fourth",
    };
    format!("the {place} {}", day.strftime("%A of %B"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_named_by_its_place_in_the_month() {
        for (day, expected) in [
            ("2026-03-29", "the last Sunday of March"),
            ("2026-03-08", "the second Sunday of March"),
            ("2026-11-01", "the first Sunday of November"),
            ("2026-10-25", "the last Sunday of October"),
            ("2026-04-24", "the last Friday of April"),
            ("2026-03-22", "the fourth Sunday of March"),
        ] {
            assert_eq!(describe_day(day.parse().unwrap()), expected);
        }
    }
}
