//! Schedules that move: the next runs before and after, on the schedule's own clock.

use super::{Case, Finding, Rule, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::gate_jobs::{GateJob, is_suspended};
use crate::model::object::Object;
use crate::model::run_times::RunTimes;

pub(super) const MOVES: Rule = Rule {
    id: "schedule-moves",
    severity: Severity::Warning,
    topic: Topic::Schedule,
    what: "A CronJob runs at other times",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax",
    detect: moves,
};

pub(super) const SUSPENDED: Rule = Rule {
    id: "schedule-suspended",
    severity: Severity::Warning,
    topic: Topic::Schedule,
    what: "A CronJob stops to run, or runs again",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-suspension",
    detect: suspended,
};

/// The runs that are shown of each side.
const SHOWN: usize = 3;

fn jobs<'a>(case: &'a Case<'_>) -> impl Iterator<Item = (&'a Object, &'a Object)> {
    case.both()
        .filter(|(_, before, _)| before.is("batch", "CronJob"))
        .map(|(_, before, after)| (before, after))
}

fn moves(case: &Case<'_>) -> Vec<Finding> {
    jobs(case)
        .filter_map(|(before, after)| {
            let written = |job: &Object| {
                let text = |key| job.text(&["spec", key]).unwrap_or_default().to_owned();
                (text("schedule"), text("timeZone"))
            };
            let (old, new) = (written(before), written(after));
            (old != new).then_some(())?;
            let mut words = Message::of("From ").code(show(&old)).and(" to ").code(show(&new));
            if let (Some(old), Some(new)) = (RunTimes::read(before), RunTimes::read(after)) {
                let (was, is) = (old.next_runs(case.now, SHOWN), new.next_runs(case.now, SHOWN));
                if was == is {
                    words = words.and(": the next runs are the same");
                } else {
                    words = words
                        .and(": next ")
                        .and(runs(&new, &is))
                        .and(" ")
                        .code(&new.zone_name)
                        .and(", before ")
                        .and(runs(&old, &was));
                    if old.zone_name != new.zone_name {
                        words = words.and(" ").code(&old.zone_name);
                    }
                }
            }
            Some(Finding::new(&after.id, words))
        })
        .collect()
}

fn show((schedule, zone): &(String, String)) -> String {
    if zone.is_empty() { schedule.clone() } else { format!("{schedule} {zone}") }
}

fn runs(times: &RunTimes, runs: &[jiff::Timestamp]) -> String {
    if runs.is_empty() {
        return "never".to_owned();
    }
    runs.iter().map(|run| times.format(*run)).collect::<Vec<_>>().join(", ")
}

fn suspended(case: &Case<'_>) -> Vec<Finding> {
    jobs(case)
        .filter_map(|(before, after)| {
            // A gate's job at rest is said by the gate's own rules.
            let gate = GateJob::read(after).is_some();
            let words = match (is_suspended(before), is_suspended(after)) {
                (false, true) if !gate => {
                    Message::of("It is suspended: no run until it is resumed")
                }
                (true, false) => {
                    let next = RunTimes::read(after).and_then(|times| {
                        let next = times.next(case.now)?;
                        Some(
                            Message::of(": next ")
                                .and(times.format(next))
                                .and(" ")
                                .code(times.zone_name),
                        )
                    });
                    Message::of("It runs again").then(next.unwrap_or_default())
                }
                _ => return None,
            };
            Some(Finding::new(&after.id, words))
        })
        .collect()
}
