//! Windows: the time from the run that opens one to the run that closes it.

use jiff::{SignedDuration, Timestamp};

use super::run_times::RunTimes;

/// One window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Window {
    /// The run that opens it.
    pub opens: Timestamp,
    /// The run that closes it.
    pub closes: Timestamp,
}

/// The runs that open and close windows, such as 02:00 and 06:00 each night.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WindowSchedule<'a> {
    /// The runs that open a window.
    pub up: &'a RunTimes,
    /// The runs that close it.
    pub down: &'a RunTimes,
}

impl WindowSchedule<'_> {
    /// Returns true if the last run up to an instant, itself included, opened rather than closed.
    /// If both fall on one instant the window is closed, which takes nothing from the residents.
    pub fn is_open(&self, instant: Timestamp) -> bool {
        let Some(opened) = last_run(self.up, instant) else { return false };
        last_run(self.down, instant).is_none_or(|closed| closed < opened)
    }

    /// The windows that open from `start` (included) to `end` (excluded). A run that opens while the
    /// window is open changes nothing, and a run that nothing closes opens no window.
    pub fn windows(&self, start: Timestamp, end: Timestamp) -> Vec<Window> {
        let mut windows: Vec<Window> = Vec::new();
        for opens in self.up.runs(start, end) {
            if windows.last().is_some_and(|last| opens < last.closes) {
                continue;
            }
            // Closing wins if both fall on one instant.
            let before = opens.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(opens);
            let Some(closes) = self.down.next(before) else { continue };
            if closes > opens {
                windows.push(Window { opens, closes });
            }
        }
        windows
    }
}

/// The last run up to an instant, itself included, in the five years before it.
fn last_run(times: &RunTimes, instant: Timestamp) -> Option<Timestamp> {
    let end = instant.checked_add(SignedDuration::from_nanos(1)).ok()?;
    // Widening spans: a frequent schedule is found in the first, a rare one has few runs to pass.
    [2, 25, 8 * 24, 32 * 24, 366 * 24, 5 * 366 * 24].into_iter().find_map(|hours| {
        let start = instant.checked_sub(SignedDuration::from_hours(hours)).ok()?;
        times.runs(start, end).last()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_open(up: &str, down: &str, instant: &str) -> bool {
        let up = RunTimes::parse(up, "Europe/London").unwrap();
        let down = RunTimes::parse(down, "Europe/London").unwrap();
        WindowSchedule { up: &up, down: &down }.is_open(instant.parse().unwrap())
    }

    #[test]
    fn a_window_is_open_from_up_until_down() {
        let night = |instant| is_open("0 2 * * *", "0 6 * * *", instant);
        assert!(!night("2026-01-10T01:59:59Z"));
        assert!(night("2026-01-10T02:00:00Z"));
        assert!(night("2026-01-10T05:59:59Z"));
        assert!(!night("2026-01-10T06:00:00Z"));
        // In summer the same wall clock is an hour earlier.
        assert!(night("2026-07-10T01:00:00Z") && !night("2026-07-10T05:00:00Z"));

        assert!(is_open("0 22 * * *", "0 6 * * *", "2026-01-10T00:30:00Z"));
        assert!(!is_open("0 22 * * *", "0 6 * * *", "2026-01-10T12:00:00Z"));

        // Weekdays only: the last run decides, not the next.
        assert!(is_open("0 2 * * 1-5", "0 6 * * *", "2026-01-09T03:00:00Z"));
        assert!(!is_open("0 2 * * 1-5", "0 6 * * *", "2026-01-10T03:00:00Z"));
    }

    #[test]
    fn a_schedule_that_never_runs_never_opens_or_closes() {
        let september = "2026-09-01T00:00:00Z";
        assert!(is_open("0 2 1 1 *", "0 0 30 2 *", september), "never closed");
        assert!(!is_open("0 0 30 2 *", "0 6 * * *", september), "never opened");
    }

    #[test]
    fn closing_wins_if_both_fall_on_one_instant() {
        assert!(!is_open("0 2 * * *", "0 2 * * *", "2026-01-10T02:00:00Z"));
    }

    #[test]
    fn each_run_follows_its_own_clock() {
        let up = RunTimes::parse("0 2 * * *", "Etc/UTC").unwrap();
        let down = RunTimes::parse("0 6 * * *", "Europe/Berlin").unwrap();
        let schedule = WindowSchedule { up: &up, down: &down };
        let (start, end) = ("2026-01-10T00:00:00Z", "2026-01-11T00:00:00Z");
        let windows = schedule.windows(start.parse().unwrap(), end.parse().unwrap());
        let closes: Vec<String> = windows.iter().map(|window| window.closes.to_string()).collect();
        assert_eq!(closes, ["2026-01-10T05:00:00Z"]);
    }
}
