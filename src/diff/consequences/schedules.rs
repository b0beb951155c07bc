//! Changed schedules: the next runs before and after, in the schedule's own time zone.

use super::{Finding, Rule, RuleContext, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::gate_jobs::{GateJob, is_suspended};
use crate::model::object::Object;
use crate::model::run_times::RunTimes;

pub(super) const MOVES: Rule = Rule {
    id: "schedule-moves",
    severity: Severity::Warning,
    topic: Topic::Schedule,
    summary: "A CronJob runs at other times",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax",
};

pub(super) const SUSPENDED: Rule = Rule {
    id: "schedule-suspended",
    severity: Severity::Warning,
    topic: Topic::Schedule,
    summary: "A CronJob is suspended or resumed",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-suspension",
};

/// The number of runs that are listed before and after.
const MAX_RUNS: usize = 3;

fn cron_jobs<'a>(context: &'a RuleContext<'_>) -> impl Iterator<Item = (&'a Object, &'a Object)> {
    context
        .modified()
        .filter(|(_, before, _)| before.is_kind("batch", "CronJob"))
        .map(|(_, before, after)| (before, after))
}

pub(super) fn changed_schedules(context: &RuleContext<'_>) -> Vec<Finding> {
    cron_jobs(context)
        .filter_map(|(before, after)| {
            let (old, new) = (schedule_text(before), schedule_text(after));
            (old != new).then_some(())?;
            let mut message = Message::of("From ").code(old).and(" to ").code(new);
            if let (Some(old), Some(new)) = (RunTimes::read(before), RunTimes::read(after)) {
                let was = old.next_runs(context.now, MAX_RUNS);
                let is = new.next_runs(context.now, MAX_RUNS);
                message = if was == is {
                    message.and(": the next runs are the same")
                } else {
                    let message = message
                        .and(": next ")
                        .and(run_list(&new, &is))
                        .and(" ")
                        .code(&new.zone_name)
                        .and(", before ")
                        .and(run_list(&old, &was));
                    match old.zone_name == new.zone_name {
                        true => message,
                        false => message.and(" ").code(&old.zone_name),
                    }
                };
            }
            Some(Finding::new(&MOVES, &after.id, message))
        })
        .collect()
}

/// The schedule and its time zone: `0 2 * * * Europe/Sofia`.
fn schedule_text(job: &Object) -> String {
    let schedule = job.text_at(&["spec", "schedule"]).unwrap_or_default();
    let zone = job.text_at(&["spec", "timeZone"]).unwrap_or_default();
    format!("{schedule} {zone}").trim_end().to_owned()
}

fn run_list(times: &RunTimes, runs: &[jiff::Timestamp]) -> String {
    if runs.is_empty() {
        return "never".to_owned();
    }
    runs.iter().map(|run| times.format(*run)).collect::<Vec<_>>().join(", ")
}

pub(super) fn suspended_jobs(context: &RuleContext<'_>) -> Vec<Finding> {
    cron_jobs(context)
        .filter_map(|(before, after)| {
            let message = match (is_suspended(before), is_suspended(after)) {
                // The gate's own rules report a gate job that is suspended.
                (false, true) if GateJob::read(after).is_none() => {
                    Message::of("It is suspended and does not run until it is resumed")
                }
                (true, false) => Message::of("It is resumed").then(next_run(context, after)),
                _ => return None,
            };
            Some(Finding::new(&SUSPENDED, &after.id, message))
        })
        .collect()
}

fn next_run(context: &RuleContext<'_>, job: &Object) -> Message {
    let Some(times) = RunTimes::read(job) else { return Message::default() };
    let Some(next) = times.next(context.now) else { return Message::default() };
    Message::of(": next ").and(times.format(next)).and(" ").code(times.zone_name)
}
