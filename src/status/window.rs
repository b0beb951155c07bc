//! A window and what happened in it: the decisions, the failures, the runs that are missing, and the time for
//! which the tenant was up.

use jiff::{SignedDuration, Timestamp};
use kube_validate::ObjectId;
use vram_gate::decision::Action;

use super::failure::{Cause, Failure};
use super::gate_report::Report;
use super::live::LiveObjects;
use super::runs::{Run, event_message, job_name, reported_problem};
use super::{DecisionRecord, GuardRuns, ObservedJob, Served, Status, WindowStatus};
use crate::model::object::Object;
use crate::model::window::Window;

/// The time after which a due run has a Job, unless it was missed.
const CREATION: SignedDuration = SignedDuration::from_secs(60);

/// Finds what happened in a window, up to an instant.
pub(super) fn inspect_window(
    window: Window,
    until: Timestamp,
    now: Timestamp,
    jobs: &[ObservedJob<'_>],
    live: &LiveObjects,
    status: &Status,
) -> WindowStatus {
    let mut runs: Vec<&Run> = jobs
        .iter()
        .flat_map(|job| &job.runs)
        .filter(|run| run.time >= window.opens && (run.time < until || until == now))
        .collect();
    runs.sort_by_key(|run| (run.time, order(run.action)));
    let mut decisions = Vec::new();
    let mut failures = Vec::new();
    let running: Vec<(Action, Timestamp)> =
        runs.iter().filter(|run| run.is_running).map(|run| (run.action, run.time)).collect();
    let is_watched = running.iter().any(|(action, _)| *action == Action::Watch);
    for run in &runs {
        failures.extend(run.failures.iter().cloned());
        for attempt in &run.attempts {
            let whole = DecisionRecord {
                time: run.time,
                action: run.action,
                exit: attempt.exit,
                by_hand: run.by_hand,
                ended: attempt.finished,
                in_watch: false,
                report: attempt.report.clone(),
                grown: None,
            };
            let changes = attempt.report.iter().flat_map(Report::changes);
            decisions.extend(changes.map(|(time, report)| DecisionRecord {
                time,
                exit: 0,
                ended: None,
                in_watch: true,
                report: Some(report),
                ..whole.clone()
            }));
            decisions.push(whole);
        }
    }
    let minute = |time: Timestamp| time.as_second().div_euclid(60);
    decisions.sort_by_key(|record| (minute(record.decided()), order(record.action)));
    let mut guard_runs = GuardRuns { due: 0, seen: 0 };
    let judged = now.checked_sub(CREATION).unwrap_or(now);
    for job in jobs {
        let (start, end) = match job.job.action {
            // Up to the first `down` after the window that ran: those after it are a fallback.
            Action::Down => (window.closes, first_success(job, window.closes).unwrap_or(until)),
            _ => (window.opens, window.closes),
        };
        let due = job.due(start, end.min(judged).min(until));
        for time in &due {
            if !job.has_run_at(*time) {
                failures.push(missed_run(job, *time, live, status));
            }
        }
        if job.job.action == Action::Guard {
            guard_runs.due += due.len();
            guard_runs.seen += due.iter().filter(|time| job.has_run_at(**time)).count();
        }
    }
    failures.sort_by_key(|failure| (failure.time, order(failure.action)));
    WindowStatus {
        window,
        is_open: now < window.closes,
        by_demand: false,
        served: match served(&decisions, window.closes.min(now)) {
            _ if is_watched => Served::Unknown,
            Served::Never if is_lost(&decisions, &failures) => Served::Unknown,
            served => served,
        },
        decisions,
        running,
        guard_runs,
        failures,
    }
}

/// The time of the first run that ended well, from an instant on.
fn first_success(job: &ObservedJob<'_>, from: Timestamp) -> Option<Timestamp> {
    let ran = |run: &&Run| run.attempts.iter().any(|attempt| attempt.exit == 0);
    job.runs.iter().filter(|run| run.time >= from).find(ran).map(|run| run.time)
}

/// The order of runs of the same minute.
pub(super) fn order(action: Action) -> u8 {
    match action {
        Action::Up | Action::Watch => 0,
        Action::Guard | Action::Admit => 1,
        Action::Down => 2,
    }
}

/// The failure of a run that has no Job, with the reason that the CronJob's events give.
fn missed_run(
    job: &ObservedJob<'_>,
    time: Timestamp,
    live: &LiveObjects,
    status: &Status,
) -> Failure {
    let action = job.job.action;
    let name = job_name(&job.job.id.name, time);
    let namespace = status.target.namespace.as_deref().unwrap_or_default();
    let about = |event: &&Object| {
        let keys = ["involvedObject", "regarding"];
        keys.iter().any(|key| event.text_at(&[key, "name"]) == Some(job.job.id.name.as_str()))
            && event_message(event).contains(&name)
    };
    for event in live.events(namespace).filter(about) {
        let cause = match event.text_at(&["reason"]) {
            Some("SuccessfulDelete") => {
                let id = ObjectId { kind: "Job".to_owned(), name, ..job.job.id.clone() };
                let deleted = event_message(event);
                let (cause, message) = match reported_problem(live, &id) {
                    Some((cause, problem)) => (cause, format!("{problem}; {deleted}")),
                    None => (Cause::Replaced, deleted.to_owned()),
                };
                return Failure::new(action, time, cause, message);
            }
            Some("FailedCreate") if event_message(event).contains("exceeded quota") => Cause::Quota,
            Some("FailedCreate") => Cause::Refused,
            _ => continue,
        };
        return Failure::new(action, time, cause, event_message(event));
    }
    Failure::new(action, time, Cause::Missed, format!("no Job `{name}`"))
}

/// The time for which the decisions left the tenant up, up to an instant.
fn served(decisions: &[DecisionRecord], until: Timestamp) -> Served {
    let is_silent = |record: &DecisionRecord| record.exit == 0 && record.report.is_none();
    match served_by_reports(decisions, until) {
        Some(span) => Served::For(span),
        None if decisions.iter().any(is_silent) => Served::Unknown,
        None => Served::Never,
    }
}

/// The time by the reports that are left; `None` if none of them says that the tenant was up.
fn served_by_reports(decisions: &[DecisionRecord], until: Timestamp) -> Option<SignedDuration> {
    // A watch counts the time itself: it may start and stop the tenant several times.
    let watched = decisions.iter().filter_map(|record| record.report.as_ref()?.served_seconds);
    if let Some(seconds) = watched.reduce(|one, other| one.saturating_add(other))
        && !is_cut(decisions)
    {
        return (seconds > 0).then(|| SignedDuration::from_secs(seconds));
    }
    let mut total = None;
    let mut since: Option<Timestamp> = None;
    for record in decisions {
        let Some(report) = &record.report else { continue };
        let replicas = report.after.or(report.before);
        match (since, replicas) {
            (None, Some(1..)) => since = Some(record.decided()),
            (Some(start), Some(0)) => {
                total = Some(add(total, start, record.decided().min(until)));
                since = None;
            }
            _ => {}
        }
    }
    match since {
        Some(start) => Some(add(total, start, until)),
        None => total,
    }
}

/// Returns true if a watch was killed, so that it has not counted to its end.
pub(super) fn is_cut(decisions: &[DecisionRecord]) -> bool {
    decisions.iter().any(|record| record.action == Action::Watch && record.exit > 2)
}

fn add(total: Option<SignedDuration>, start: Timestamp, end: Timestamp) -> SignedDuration {
    total.unwrap_or_default() + end.duration_since(start).max(SignedDuration::ZERO)
}

/// Returns true if the Pod of a watch reported no end, so that what it did is not known.
pub(super) fn is_lost(decisions: &[DecisionRecord], failures: &[Failure]) -> bool {
    let is_killed =
        |failure: &Failure| (failure.action, failure.cause) == (Action::Watch, Cause::Killed);
    failures.iter().any(is_killed) && !is_cut(decisions)
}
