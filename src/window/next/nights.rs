//! The nights of a span: each has a window that ends, or a fault.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::{GateTimes, Span};
use crate::model::clock_change::ClockChange;
use crate::model::run_times::RunTimes;
use crate::model::window::Opening;

/// One night: the twelve hours before and after the usual opening time on one date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Night {
    /// The date on the clock of `up`.
    pub date: Date,
    /// The instant of the usual opening time.
    pub opening: Timestamp,
    /// The fault of its window.
    pub fault: Option<Fault>,
    /// The clock changes in it and their effect, as sentences without a full stop.
    pub clock: Vec<String>,
    pub(super) changes: Vec<ClockChange>,
}

/// A fault of a night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// No window opens, for this reason.
    NoWindow(String),
    /// The window that opens does not end within a day.
    NoEnd,
}

impl Fault {
    /// The name in JSON.
    pub fn id(&self) -> &'static str {
        match self {
            Fault::NoWindow(_) => "no-window",
            Fault::NoEnd => "no-end",
        }
    }
}

const HALF_DAY: SignedDuration = SignedDuration::from_hours(12);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The nights whose usual opening time is in the span.
pub(super) fn find_nights(times: &GateTimes, openings: &[Opening], span: Span) -> Vec<Night> {
    let zone = &times.zone;
    let usual = usual_time(times.up.as_ref(), openings, span);
    let mut date = zone.to_datetime(span.from).date().yesterday().unwrap_or(Date::MIN);
    let mut changes = ClockChange::following(zone, subtract_time(span.from, DAY)).peekable();
    let mut nights = Vec::new();
    let mut next = 0;
    while let Ok(opening) = date.to_datetime(usual).to_zoned(zone.clone()) {
        let opening = opening.timestamp();
        if opening >= span.until {
            break;
        }
        if opening >= span.from {
            let (start, end) = (subtract_time(opening, HALF_DAY), add_time(opening, HALF_DAY));
            while changes.next_if(|change| change.at < start).is_some() {}
            let changes: Vec<ClockChange> =
                std::iter::from_fn(|| changes.next_if(|change| change.at < end)).collect();
            // The openings are in order, and so are the nights.
            while openings.get(next).is_some_and(|one| {
                one.opens < start && one.closes.is_some_and(|closes| closes <= opening)
            }) {
                next += 1;
            }
            let near = openings.get(next..).unwrap_or_default();
            let own: Vec<&Opening> = near
                .iter()
                .take_while(|one| one.opens < end)
                .filter(|one| one.opens >= start)
                .collect();
            // One that opened in an earlier night, and is still open.
            let covering = near.first().filter(|one| {
                one.opens < start && one.closes.is_none_or(|closes| closes > opening)
            });
            let fault = match own.iter().copied().chain(covering).map(ends_in_a_day).min() {
                Some(true) => None,
                Some(false) => Some(Fault::NoEnd),
                None => Some(Fault::NoWindow(missing_reason(times, &changes, start, end))),
            };
            let clock = changes.iter().map(|change| describe_change(change, times, &own)).collect();
            nights.push(Night { date, opening, fault, clock, changes });
        }
        let Ok(tomorrow) = date.tomorrow() else { break };
        date = tomorrow;
    }
    nights
}

fn ends_in_a_day(opening: &Opening) -> bool {
    opening.closes.is_some_and(|closes| closes.duration_since(opening.opens) <= DAY)
}

fn subtract_time(instant: Timestamp, by: SignedDuration) -> Timestamp {
    instant.checked_sub(by).unwrap_or(Timestamp::MIN)
}

fn add_time(instant: Timestamp, by: SignedDuration) -> Timestamp {
    instant.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// The time of day at which most windows open; without a window, the time of the next run.
fn usual_time(up: Option<&RunTimes>, openings: &[Opening], span: Span) -> Time {
    let Some(up) = up else { return Time::midnight() };
    let time = |instant| up.zone.to_datetime(instant).time();
    let mut counts: BTreeMap<Time, usize> = BTreeMap::new();
    for opening in openings {
        *counts.entry(time(opening.opens)).or_default() += 1;
    }
    // Of equally common times, the first.
    let common = counts.into_iter().rev().max_by_key(|(_, count)| *count);
    common
        .map(|(time, _)| time)
        .or_else(|| up.next(span.from).map(time))
        .unwrap_or(Time::midnight())
}

/// The reason why a night has no window.
fn missing_reason(
    times: &GateTimes,
    changes: &[ClockChange],
    start: Timestamp,
    end: Timestamp,
) -> String {
    let Some(up) = &times.up else {
        return "`up` does not run, or at times that are not known".to_owned();
    };
    let skipped = changes.iter().filter(|change| change.skips()).find_map(|change| {
        let run = change.affected_runs(up).next()?;
        Some(format!("`up` at {} is skipped", run.strftime("%H:%M")))
    });
    if let Some(skipped) = skipped {
        return skipped;
    }
    match up.runs(start, end).next() {
        Some(run) => {
            let shown = up.zone.to_datetime(run).strftime("%H:%M").to_string();
            format!("`down` runs at {shown}, too, and closes it at once")
        }
        None => "`up` does not run".to_owned(),
    }
}

/// A clock change and its effect on the night's jobs and windows.
fn describe_change(change: &ClockChange, times: &GateTimes, windows: &[&Opening]) -> String {
    let moved = change.moved();
    let direction = if change.skips() { "forward" } else { "back" };
    let at = change.before.to_datetime(change.at);
    let mut text =
        format!("clocks go {direction} by {} at {}", duration(moved.abs()), format_hour(at));
    let mut effects = Vec::new();
    for (runs, name) in times.jobs() {
        // Another zone's clock changes at other instants.
        if times.up.as_ref().is_some_and(|up| up.zone_name != runs.zone_name) {
            continue;
        }
        let affected: Vec<DateTime> = change.affected_runs(runs).collect();
        let Some(first) = affected.first() else { continue };
        effects.push(match (affected.len(), change.skips()) {
            (1, true) => format!("`{name}` at {} is skipped", format_hour(*first)),
            (1, false) => format!("`{name}` at {} comes twice", format_hour(*first)),
            (count, true) => format!("{count} runs of `{name}` are skipped"),
            (count, false) => format!("{count} runs of `{name}` come twice"),
        });
    }
    if effects.is_empty() {
        let verb = if change.skips() { "is skipped" } else { "comes twice" };
        effects.push(format!("no run {verb}"));
    }
    for window in windows {
        let Some(closes) = window.closes else { continue };
        if window.opens < change.at && change.at < closes {
            let real = closes.duration_since(window.opens);
            let shown = real.saturating_add(moved);
            effects.push(format!(
                "the window is open for {} instead of {}",
                duration(real),
                duration(shown)
            ));
        }
    }
    text.push_str(": ");
    text.push_str(&effects.join(", "));
    text
}

fn format_hour(time: DateTime) -> String {
    time.strftime("%H:%M").to_string()
}

/// A duration as people write it: `4 h`, `3 h 30 min`, `45 min`, `2 d 4 h`.
pub(super) fn duration(length: SignedDuration) -> String {
    let minutes = length.as_secs().unsigned_abs().div_ceil(60);
    let parts = [(minutes / 1440, "d"), (minutes / 60 % 24, "h"), (minutes % 60, "min")];
    // Up to two days in hours: `28 h` is one number.
    if (24 * 60..48 * 60).contains(&minutes) && minutes.is_multiple_of(60) {
        return format!("{} h", minutes / 60);
    }
    let shown: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if shown.is_empty() { "0 min".to_owned() } else { shown.join(" ") }
}

/// The date before another.
pub(super) fn day_before(date: Date) -> Date {
    date.checked_sub(1.day()).unwrap_or(Date::MIN)
}
