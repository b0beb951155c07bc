//! The stack's windows as they fall in a fortnight, and what the guard sees of them.
//!
//! Lint has no clock: the fortnight begins with the first window of a fixed year, so that the same
//! values always have the same findings.

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::values::OffPeak;
use kube_validate::schedule::{self, Schedule};

/// A Monday.
const START: jiff::civil::Date = date(2026, 1, 12);
const DAYS: i64 = 14;
/// As long as the longest month.
const MONTH: i64 = 31;

/// The schedules of a stack, read.
pub(super) struct Schedules {
    pub up: Schedule,
    pub guard: Schedule,
    pub down: Schedule,
    pub zone: TimeZone,
}

/// One window: from the run that opens it to the run that closes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub opens: Timestamp,
    pub closes: Timestamp,
}

impl Schedules {
    /// Reads them; values were checked, so there is always one.
    pub fn of(off_peak: &OffPeak) -> Option<Self> {
        Some(Schedules {
            up: off_peak.up.as_str().parse().ok()?,
            guard: off_peak.guard.as_str().parse().ok()?,
            down: off_peak.down.as_str().parse().ok()?,
            zone: schedule::zone(off_peak.time_zone.as_str()).ok()?,
        })
    }

    /// The fortnight: of a server that starts once a month, the one in which it does.
    fn fortnight(&self) -> Option<(Timestamp, Timestamp)> {
        let monday = START.to_zoned(self.zone.clone()).ok()?.timestamp();
        let first = self.up.next_after(monday, &self.zone)?.to_zoned(self.zone.clone());
        let start = first.start_of_day().ok()?.timestamp();
        Some((start, start.checked_add(SignedDuration::from_hours(24 * DAYS)).ok()?))
    }

    /// The windows that open in the fortnight. One that opens while it is open is the same.
    pub fn windows(&self) -> Vec<Span> {
        self.fortnight().map(|(start, end)| self.between(start, end)).unwrap_or_default()
    }

    /// The windows of a month that is the same for all stacks, so that they can be laid side by side.
    pub fn common_windows(&self) -> Vec<Span> {
        let start = START.to_zoned(TimeZone::UTC).map(|start| start.timestamp());
        let end =
            start.clone().map(|start| start.checked_add(SignedDuration::from_hours(24 * MONTH)));
        match (start, end) {
            (Ok(start), Ok(Ok(end))) => self.between(start, end),
            _ => Vec::new(),
        }
    }

    fn between(&self, start: Timestamp, end: Timestamp) -> Vec<Span> {
        let mut windows: Vec<Span> = Vec::new();
        for opens in self.up.runs(start, end, &self.zone) {
            if windows.last().is_some_and(|last| opens < last.closes) {
                continue;
            }
            // Where both fall on one instant, the side that takes nothing from others.
            let before = opens.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(opens);
            let Some(closes) = self.down.next_after(before, &self.zone) else { continue };
            if closes > opens {
                windows.push(Span { opens, closes });
            }
        }
        windows
    }

    /// The longest time in a window without a look at the card; none where the guard never looks.
    pub fn longest_unguarded(&self, window: Span) -> Option<SignedDuration> {
        let mut last = window.opens;
        let mut longest = None;
        for run in self.guard.runs(window.opens, window.closes, &self.zone) {
            longest = longest.max(Some(run.duration_since(last)));
            last = run;
        }
        longest?;
        longest.max(Some(window.closes.duration_since(last)))
    }

    /// How many of the guard's runs of a fortnight lie outside of every window, and how many there are.
    pub fn idle_guards(&self) -> (usize, usize) {
        let Some((start, end)) = self.fortnight() else { return (0, 0) };
        let windows = self.windows();
        let inside = |run: &Timestamp| {
            let next = windows.partition_point(|window| window.opens <= *run);
            next.checked_sub(1).is_some_and(|at| *run < windows[at].closes)
        };
        let runs: Vec<Timestamp> = self.guard.runs(start, end, &self.zone).collect();
        (runs.iter().filter(|run| !inside(run)).count(), runs.len())
    }

    /// An instant on the schedules' clock: `Mon 02:00`.
    pub fn clock(&self, instant: Timestamp) -> String {
        instant.to_zoned(self.zone.clone()).strftime("%a %H:%M").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedules(up: &str, guard: &str, down: &str) -> Schedules {
        let read = |text: &str| text.parse().unwrap();
        let zone = schedule::zone("Europe/London").unwrap();
        Schedules { up: read(up), guard: read(guard), down: read(down), zone }
    }

    #[test]
    fn a_fortnight_has_a_window_each_night() {
        let nightly = schedules("0 2 * * *", "*/5 2-5 * * *", "0 6 * * *");
        assert_eq!(nightly.windows().len(), 14);
        let longest = nightly.longest_unguarded(nightly.windows()[0]);
        assert_eq!(longest, Some(SignedDuration::from_mins(5)));
        assert_eq!(nightly.idle_guards().0, 0);
    }

    #[test]
    fn what_the_guard_does_not_see_counts_at_both_ends() {
        let late = schedules("0 2 * * *", "30 3 * * *", "0 6 * * *");
        let longest = late.longest_unguarded(late.windows()[0]);
        assert_eq!(longest, Some(SignedDuration::from_mins(150)));
        let never = schedules("0 2 * * *", "*/5 12 * * *", "0 6 * * *");
        assert_eq!(never.longest_unguarded(never.windows()[0]), None);
        assert_eq!(never.idle_guards(), (14 * 12, 14 * 12));
    }

    #[test]
    fn a_window_that_closes_when_it_opens_is_none() {
        assert_eq!(schedules("0 2 * * *", "0 2 * * *", "0 2 * * *").windows(), []);
        let twice = schedules("0 2,3 * * *", "0 2 * * *", "0 6 * * *");
        assert_eq!(twice.windows().len(), 14);
    }

    #[test]
    fn a_rare_window_is_found() {
        let monthly = schedules("0 2 1 * *", "*/5 2-5 1 * *", "0 6 1 * *");
        assert_eq!(monthly.windows().len(), 1);
        assert_eq!(schedules("0 2 30 2 *", "0 2 * * *", "0 6 * * *").windows(), []);
    }
}
