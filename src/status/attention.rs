//! The sentences about things that deserve a look and belong to no run, and about those that could not be seen.

use jiff::{SignedDuration, Timestamp};

use super::window::{is_lost, order};
use super::{DecisionRecord, ObservedJob, Served, Status, WindowStatus};
use crate::report::count_of;

/// The most that the clocks of two nodes are taken to differ.
const CLOCKS: SignedDuration = SignedDuration::from_secs(5);

/// The times between which something else than the gate scaled the tenant up: the gate had left 0 replicas, and
/// found more.
fn starts_by_another(window: &WindowStatus) -> Vec<(Timestamp, Timestamp)> {
    let ended = |record: &DecisionRecord| record.ended.unwrap_or(record.time);
    let mut decisions: Vec<&DecisionRecord> = window.decisions.iter().collect();
    decisions.sort_by_key(|record| (ended(record), order(record.action)));
    let mut found = Vec::new();
    let mut stopped: Option<Timestamp> = None;
    for record in decisions {
        let Some(report) = &record.report else {
            // What it did is not known.
            stopped = None;
            continue;
        };
        // What a watch reported before it was killed is listed with its changes.
        if record.exit > 2 {
            continue;
        }
        let at = ended(record);
        if let (Some(stopped), Some(1..)) = (stopped, report.before)
            && at.duration_since(stopped) > CLOCKS
        {
            found.push((stopped, at));
        }
        match report.after.or(report.before) {
            Some(0) => stopped = Some(at),
            Some(_) => stopped = None,
            None => {}
        }
    }
    found
}

/// Adds what deserves a look and belongs to no run.
pub(super) fn add_attention(
    status: &mut Status,
    is_open: bool,
    jobs: &[ObservedJob<'_>],
    has_fields: bool,
) {
    let name = format!("{}/{}", status.target.kind, status.target.name);
    // A target that stayed at 0 was scaled by nobody.
    let was_up = status.windows.iter().any(|window| matches!(window.served, Served::For(_)));
    if status.replicas.is_none() {
        status.unseen.push(format!("`{name}`: who scales it, and whether it is up"));
    } else if !has_fields {
        let why = "it was read without managed fields (`--show-managed-fields`)";
        status.unseen.push(format!("who scaled `{name}`: {why}"));
    } else if status.scaled_by.is_none() && (was_up || status.replicas != Some(0)) {
        let why = "no managed field has its replicas, and the gate's last report does not either";
        status.unseen.push(format!("who scaled `{name}`: {why}"));
    }
    if status.replicas.is_some_and(|replicas| replicas > 0) && !is_open {
        status.attention.push(format!("`{name}` has replicas outside its window"));
    }
    let clock = |time: Timestamp| time.to_zoned(status.zone.clone()).strftime("%H:%M").to_string();
    let starts = status.windows.iter().flat_map(starts_by_another);
    let by_another: Vec<String> = starts
        .map(|(stopped, found)| {
            let (stopped, found) = (clock(stopped), clock(found));
            format!("`{name}` was scaled up between {stopped} and {found}, and not by the gate")
        })
        .collect();
    status.attention.extend(by_another);
    let first = status.windows.first().map(|window| window.window.opens);
    if let (Some(by), Some(first)) = (&status.scaled_by, first)
        && !by.is_gate
        && by.time.is_some_and(|time| time >= first)
    {
        let text = format!("`{name}` was scaled by `{}`, which is not the gate", by.manager);
        status.attention.push(text);
    }
    for job in jobs.iter().filter(|job| !job.is_live) {
        status
            .unseen
            .push(format!("CronJob `{}`, and whether its runs were missed", job.job.id.name));
    }
    for record in status.windows.iter().flat_map(|window| &window.decisions) {
        let error = record.report.as_ref().and_then(|report| report.demand_error.as_ref());
        let time = record.time.to_zoned(status.zone.clone()).strftime("%a %d %b %H:%M");
        status.attention.extend(error.map(|error| {
            format!("the hours of demand from {time} had no count of the demand: {error}")
        }));
    }
    if status.windows.iter().any(|window| is_lost(&window.decisions, &window.failures)) {
        let text = "how long the server was up under a watch whose Pod reported no end";
        status.unseen.push(text.to_owned());
    }
    let decisions = status.windows.iter().flat_map(|window| &window.decisions);
    let silent = decisions.filter(|record| record.exit == 0 && record.report.is_none()).count();
    if silent > 0 {
        let text = "whether the server was up after them: no Pod with a report is left";
        let runs = count_of(silent, "run", "runs");
        status.unseen.push(format!("what {runs} decided, and {text}"));
    }
    let kept = jobs.iter().map(|job| job.kept_since).max();
    let is_older = |kept: Timestamp| first.is_some_and(|first| first <= kept);
    if let Some(kept) = kept.filter(|kept| is_older(*kept)) {
        let time = kept.to_zoned(status.zone.clone()).strftime("%a %d %b %H:%M");
        status
            .unseen
            .push(format!("runs before {time}: their Jobs are deleted by now (`offPeak.keep`, `offPeak.historyLimits`)"));
    }
}
