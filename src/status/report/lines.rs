//! The lines that the reports for people share.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kube_formats::quantity::describe_bytes;
use kube_validate::ObjectId;

use crate::model::window::Window;
use crate::report::{count_of, format_span};
use crate::status::{
    Cause, DecisionRecord, Failure, Report, ScaledBy, Served, Status, WindowStatus,
};

/// A decision, and how often it was repeated.
pub(super) struct Line {
    /// The time of the first run and of the last: `02:05` or `02:05–03:35`.
    pub time: String,
    /// The gate's action.
    pub action: &'static str,
    /// The decision: `start`, `stop`, `leave`.
    pub decision: String,
    /// The reason.
    pub reason: String,
    /// The numbers, in words.
    pub facts: String,
    /// The number of runs.
    pub count: usize,
}

/// The decisions of a window in order, with repeated ones folded, and the runs that have not ended.
pub(super) fn decision_lines(window: &WindowStatus, zone: &TimeZone) -> Vec<Line> {
    let same = |one: &DecisionRecord, two: &DecisionRecord| {
        let key = |record: &DecisionRecord| {
            let report = record.report.clone();
            (
                record.action,
                record.exit,
                record.by_hand,
                report.map(|report| {
                    (report.outcome, report.decision, report.reason, report.before, report.after)
                }),
            )
        };
        key(one) == key(two)
    };
    let ended = window
        .decisions
        .chunk_by(same)
        .filter_map(|records| Some((records.first()?, records.last()?, records.len())))
        .map(|(first, last, count)| {
            let report = first.report.as_ref();
            Line {
                time: clock_span(first.time, last.decided(), zone),
                action: first.action.name(),
                decision: decision_word(first),
                reason: report.and_then(|report| report.reason.clone()).unwrap_or_default(),
                facts: facts(last, report),
                count,
            }
        });
    let running = window.running.iter().map(|(action, time)| Line {
        time: clock(*time, zone),
        action: action.name(),
        decision: "runs".to_owned(),
        reason: String::new(),
        facts: String::new(),
        count: 1,
    });
    ended.chain(running).collect()
}

fn decision_word(record: &DecisionRecord) -> String {
    let report = record.report.as_ref();
    match report.and_then(|report| report.decision.clone()) {
        Some(decision) => decision,
        None if record.exit == 0 => "ended".to_owned(),
        None => "failed".to_owned(),
    }
}

/// The numbers of the last of some equal decisions, and the replicas.
fn facts(last: &DecisionRecord, first: Option<&Report>) -> String {
    let mut facts = Vec::new();
    if let Some(report) = &last.report {
        let free = report.free.map(|free| match u64::try_from(free) {
            Ok(free) => format!("free {}", describe_bytes(free)),
            Err(_) => format!("free -{}", describe_bytes(free.unsigned_abs())),
        });
        facts.extend(free);
        for (name, bytes) in
            [("floor", report.floor), ("others", report.others), ("tenant", report.tenant)]
        {
            facts.extend(bytes.map(|bytes| format!("{name} {}", describe_bytes(bytes))));
        }
        facts.extend(report.scrape_error.clone());
        facts.extend(unlisted(report));
    }
    if let Some(report) = first {
        match (report.before, report.after) {
            (Some(before), Some(after)) if before == after => {
                facts.push(format!("replicas {after}"))
            }
            (Some(before), Some(after)) => facts.push(format!("replicas {before} → {after}")),
            (None, Some(after)) => facts.push(format!("replicas → {after}")),
            (Some(before), None) => facts.push(format!("replicas {before}")),
            (None, None) => {}
        }
    }
    if let Some(grown) = last.grown.as_ref().filter(|grown| !grown.is_empty()) {
        let grown: Vec<String> = grown
            .iter()
            .map(|one| format!("{} +{}", one.user, describe_bytes(one.bytes)))
            .collect();
        facts.push(format!("grown since the run before: {}", grown.join(", ")));
    }
    if last.exit != 0 {
        facts.push(format!("exit {}", last.exit));
    }
    if last.by_hand {
        facts.push("started by hand".to_owned());
    }
    facts.join(", ")
}

/// The number of starts and yields of a watch, if its report lists only the latest.
fn unlisted(report: &Report) -> Option<String> {
    let [starts, yields] =
        [(report.starts?, report.opened.len()), (report.yield_count?, report.yields.len())];
    let is_listed = |(all, listed): (u64, usize)| usize::try_from(all) == Ok(listed);
    let text = format!("{} starts and {} yields in all, the latest are listed", starts.0, yields.0);
    (!is_listed(starts) || !is_listed(yields)).then_some(text)
}

/// `46 of 48 guard runs`.
pub(super) fn guard_runs(window: &WindowStatus) -> String {
    format!("{} of {} guard runs", window.guard_runs.seen, window.guard_runs.due)
}

/// `served 1 h 40 min`, or `not served`.
pub(super) fn served(window: &WindowStatus) -> String {
    match window.served {
        Served::For(span) => format!("served {}", format_span(span)),
        Served::Never => "not served".to_owned(),
        Served::Unknown if !window.running.is_empty() => {
            "the watch reports at its end how long it served".to_owned()
        }
        Served::Unknown => "not known whether it was served".to_owned(),
    }
}

/// `03:05 guard missed: no Job …`, with repeated ones folded.
pub(super) fn failure_lines(window: &WindowStatus, zone: &TimeZone) -> Vec<String> {
    let is_same = |one: &Failure, two: &Failure| {
        let is_missed = one.cause == Cause::Missed;
        (one.action, one.cause) == (two.action, two.cause)
            && (is_missed || one.message == two.message)
    };
    let groups = window.failures.chunk_by(is_same);
    groups
        .filter_map(|group| Some(failure_line(group.first()?, group.last()?, group.len(), zone)))
        .collect()
}

fn failure_line(first: &Failure, last: &Failure, count: usize, zone: &TimeZone) -> String {
    let mut line = format!(
        "{} {} {}",
        clock_span(first.time, last.time, zone),
        first.action.name(),
        first.cause.name()
    );
    if count > 1 {
        line += &format!(" ×{count}");
    }
    if first.message != last.message {
        line += ", the first";
    }
    format!("{line}: {}", first.message)
}

/// `Deployment/chatterbox-tts: 1 replica, scaled last by …`; `None` if the target was not seen.
pub(super) fn target_line(status: &Status) -> Option<String> {
    let replicas = usize::try_from(status.replicas?).unwrap_or_default();
    let replicas = count_of(replicas, "replica", "replicas");
    let by = status.scaled_by.as_ref().map(|by| format!(", {}", scaled_by(by, &status.zone)));
    let ObjectId { kind, name, .. } = &status.target;
    Some(format!("{kind}/{name}: {replicas}{}", by.unwrap_or_default()))
}

/// `scaled last by vram-gate at Thu 26 Nov 03:40:21`.
fn scaled_by(by: &ScaledBy, zone: &TimeZone) -> String {
    let time =
        by.time.map(|time| time.to_zoned(zone.clone()).strftime("%a %d %b %H:%M:%S").to_string());
    match time {
        Some(time) => format!("scaled last by {} at {time}", by.manager),
        None => format!("scaled last by {}", by.manager),
    }
}

/// `Thu 26 Nov 02:00 to 06:00`.
pub(super) fn window_text(window: Window, zone: &TimeZone) -> String {
    let (opens, closes) =
        (window.opens.to_zoned(zone.clone()), window.closes.to_zoned(zone.clone()));
    let end = if opens.date() == closes.date() { "%H:%M" } else { "%a %d %b %H:%M" };
    format!("{} to {}", opens.strftime("%a %d %b %H:%M"), closes.strftime(end))
}

/// `Thu 26 Nov 02:00 to 06:00`, with `by demand` for such hours.
pub(super) fn window_title(window: &WindowStatus, zone: &TimeZone) -> String {
    let by_demand = if window.by_demand { " by demand" } else { "" };
    window_text(window.window, zone) + by_demand
}

/// `next window Fri 27 Nov 02:00 to 06:00`.
pub(super) fn next_text(status: &Status) -> String {
    match status.next {
        Some(next) => format!("next window {}", window_text(next, &status.zone)),
        None if status.up_is_suspended => "next window: none, `up` is suspended".to_owned(),
        None => "next window: none in the next five years".to_owned(),
    }
}

/// The differences from the rendered objects, a line each.
pub(super) fn drift_lines(status: &Status) -> Vec<String> {
    let lines = status.drift.iter().map(|drift| match &drift.live {
        _ if drift.path.is_empty() => format!("{}: not in the cluster", drift.object),
        Some(live) => {
            format!("{} {}: {live}, rendered as {}", drift.object, drift.path, drift.rendered)
        }
        None => format!("{} {}: missing, rendered as {}", drift.object, drift.path, drift.rendered),
    });
    lines.collect()
}

/// `02:05`, or `02:05–03:35`.
fn clock_span(first: Timestamp, last: Timestamp, zone: &TimeZone) -> String {
    let (start, end) = (clock(first, zone), clock(last, zone));
    if start == end { start } else { format!("{start}–{end}") }
}

/// `02:05`; where the clock shows the time twice, with the zone's abbreviation: `02:05 CEST`.
fn clock(time: Timestamp, zone: &TimeZone) -> String {
    let time = time.to_zoned(zone.clone());
    let is_twice = zone.to_ambiguous_zoned(time.datetime()).is_ambiguous();
    time.strftime(if is_twice { "%H:%M %Z" } else { "%H:%M" }).to_string()
}
