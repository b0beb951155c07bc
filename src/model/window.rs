//! Windows: the time from the run that opens one to the run that closes it.

use jiff::{SignedDuration, Timestamp};

use super::run_times::RunTimes;
use kube_validate::schedule::Cycle;

/// The start of two fixed years that represent every year: this program reads no clock to render or lint.
/// They have both clock changes of two years, and any other rule of a zone that falls into them.
pub(crate) const YEARS_FROM: Timestamp = Timestamp::constant(1_767_225_600, 0);
const YEARS: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);

/// More than any clock change in the two years moves a run: Troll's is two hours.
const LARGEST_SHIFT: SignedDuration = SignedDuration::from_hours(6);

/// The time that a Pod may take to start, from the due time of its Job.
pub(crate) const POD_START: SignedDuration = SignedDuration::from_secs(60);

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

    /// The longest delay with which a closing run may start, so that its Job, which may run for `active`,
    /// ends before the next window opens; `None` if no window opens after a run that closed one, or if
    /// the runs have no fixed times (`@every`).
    pub fn longest_closing_delay(&self, active: SignedDuration) -> Option<SignedDuration> {
        Some(self.shortest_closed_time()? - active - POD_START)
    }

    /// The shortest time in the two years from the last closing run before an opening run to that run.
    fn shortest_closed_time(&self) -> Option<SignedDuration> {
        let mut shortest: Option<SignedDuration> = None;
        let mut left = MAX_OPENINGS;
        for (start, end) in self.representative_spans()? {
            let mut opening = self.up.runs(start, end).next();
            while let Some(opens) = opening.filter(|opens| *opens < end) {
                left -= 1;
                if left == 0 {
                    return Some(SignedDuration::ZERO);
                }
                let before = opens.checked_sub(SignedDuration::from_nanos(1)).ok()?;
                let closed = last_run(self.down, before).map(|closed| opens.duration_since(closed));
                shortest = shortest.into_iter().chain(closed).min();
                // An opening run with no closing run between changes nothing.
                opening = self.down.next(before).and_then(|closes| self.up.next(closes));
            }
        }
        shortest
    }

    /// The shortest and the longest window in the two years; `None` if none opens and ends, or if the runs have
    /// no fixed times (`@every`).
    pub fn window_lengths(&self) -> Option<(SignedDuration, SignedDuration)> {
        let spans = self.representative_spans()?;
        let lengths: Vec<SignedDuration> = spans
            .into_iter()
            .flat_map(|(start, end)| self.windows(start, end))
            .map(|window| window.closes.duration_since(window.opens))
            .collect();
        Some((*lengths.iter().min()?, *lengths.iter().max()?))
    }

    /// Parts of the two years that have every distance between two runs. Schedules that repeat daily or weekly
    /// need one day or week, and the days around each clock change.
    pub fn representative_spans(&self) -> Option<Vec<(Timestamp, Timestamp)>> {
        let cycles = [self.up.schedule.cycle(), self.down.schedule.cycle()];
        if cycles.contains(&Cycle::Delay) {
            return None;
        }
        let until = YEARS_FROM.checked_add(YEARS).ok()?;
        if cycles.contains(&Cycle::Calendar) {
            return Some(vec![(YEARS_FROM, until)]);
        }
        let days = if cycles == [Cycle::Day; 2] { 1 } else { 7 };
        let cycle = SignedDuration::from_hours(24 * days) + LARGEST_SHIFT;
        let mut spans = vec![(YEARS_FROM, YEARS_FROM.checked_add(cycle).ok()?)];
        let mut zones = vec![&self.up.zone];
        if self.down.zone_name != self.up.zone_name {
            zones.push(&self.down.zone);
        }
        for zone in zones {
            for change in zone.following(YEARS_FROM).take_while(|change| change.timestamp() < until)
            {
                let at = change.timestamp();
                // A window that is open at the change opened within a cycle before it, and the first opening run
                // after it comes within a cycle.
                spans.push((at.checked_sub(cycle).ok()?, at.checked_add(cycle).ok()?));
            }
        }
        Some(spans)
    }

    /// The windows that open from `start` (included) to `end` (excluded). A run that opens while the
    /// window is open changes nothing, and a run that nothing closes opens no window.
    pub fn windows(&self, start: Timestamp, end: Timestamp) -> Vec<Window> {
        self.openings(start, end).into_iter().filter_map(|opening| opening.window()).collect()
    }

    /// The windows that open from `start` (included) to `end` (excluded), also one that nothing closes.
    pub fn openings(&self, start: Timestamp, end: Timestamp) -> Vec<Opening> {
        // The window that is open at the start comes first, so that runs in it open no other.
        let mut openings = Vec::from_iter(self.open_before(start));
        let earlier = openings.len();
        for opens in self.up.runs(start, end) {
            match openings.last_mut() {
                Some(last) if last.closes.is_none_or(|closes| opens < closes) => last.again += 1,
                _ => {
                    // Closing wins if both fall on one instant.
                    let before = opens.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(opens);
                    let closes = self.down.next(before);
                    if closes != Some(opens) {
                        openings.push(Opening { opens, closes, again: 0 });
                    }
                }
            }
        }
        openings.drain(..earlier);
        openings
    }

    /// The window that is open just before an instant, if there is one.
    pub fn open_before(&self, instant: Timestamp) -> Option<Opening> {
        let before = instant.checked_sub(SignedDuration::from_nanos(1)).ok()?;
        if !self.is_open(before) {
            return None;
        }
        // The first run of `up` after the last of `down`, or the last one if there is no such.
        let first = last_run(self.down, before).and_then(|closed| self.up.next(closed));
        let opens = first.or_else(|| last_run(self.up, before))?;
        Some(Opening { opens, closes: self.down.next(before), again: 0 })
    }
}

/// A window whose end may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opening {
    /// The run that opens it.
    pub opens: Timestamp,
    /// The run that closes it; `None` if there is none in the next five years.
    pub closes: Option<Timestamp>,
    /// The number of further opening runs while it is open.
    pub again: usize,
}

impl Opening {
    /// The window, if it has an end.
    pub fn window(self) -> Option<Window> {
        Some(Window { opens: self.opens, closes: self.closes? })
    }
}

/// The longest time between two of the runs of a guard in a window, and between one of them and either
/// end; `None` without a run. `runs` are in order, and in the window.
pub(crate) fn longest_unguarded(
    window: Window,
    runs: impl IntoIterator<Item = Timestamp>,
) -> Option<Window> {
    let length = |gap: &Window| gap.closes.duration_since(gap.opens);
    let mut last = window.opens;
    let mut longest: Option<Window> = None;
    for run in runs {
        let gap = Window { opens: last, closes: run };
        longest = longest.filter(|longest| length(longest) >= length(&gap)).or(Some(gap));
        last = run;
    }
    let rest = Window { opens: last, closes: window.closes };
    longest.map(|longest| if length(&longest) >= length(&rest) { longest } else { rest })
}

/// The limit for the smallest floors: each run of the guard creates a Pod.
const MIN_GUARD_LIMIT: i64 = 5;

/// The longest time that a guard may not run in a window, by its floor in bytes: a minute for each GiB,
/// with a minimum of five. A rule of thumb from an incident in which a resident grew by 8 GiB.
pub(crate) fn unguarded_limit(floor: u64) -> SignedDuration {
    let gibibytes = i64::try_from(floor >> 30).unwrap_or(i64::MAX);
    SignedDuration::from_mins(gibibytes.clamp(MIN_GUARD_LIMIT, 24 * 60))
}

/// A window that opens while another owner's window is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overlap {
    /// The time that both are open.
    pub shared: Window,
    /// The owner of the window that opens later.
    pub owner: usize,
    /// The owner of the one that is open already.
    pub other: usize,
}

/// The first overlap of each window with one of another owner, which `conflict` says uses the same GPU.
/// Each window comes with the number of its owner.
pub(crate) fn find_overlaps(
    mut windows: Vec<(Window, usize)>,
    conflict: impl Fn(usize, usize) -> bool,
) -> Vec<Overlap> {
    windows.sort();
    let mut open: Vec<(Window, usize)> = Vec::new();
    let mut overlaps = Vec::new();
    let mut now = None;
    for (window, owner) in windows {
        // Most stacks of a fleet open at the same time.
        if now != Some(window.opens) {
            now = Some(window.opens);
            open.retain(|(other, _)| other.closes > window.opens);
        }
        let other = open.iter().find(|(_, other)| *other != owner && conflict(owner, *other));
        if let Some(&(other_window, other)) = other {
            let closes = window.closes.min(other_window.closes);
            let shared = Window { opens: window.opens, closes };
            overlaps.push(Overlap { shared, owner, other });
        }
        open.push((window, owner));
    }
    overlaps
}

/// The most opening runs that are looked at. With more, no closing run is made up for.
const MAX_OPENINGS: usize = 20_000;

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

    fn closing_delay(up: &str, down: &str, zone: &str) -> Option<i64> {
        let up = RunTimes::parse(up, zone).unwrap();
        let down = RunTimes::parse(down, zone).unwrap();
        let active = SignedDuration::from_secs(120);
        let delay = WindowSchedule { up: &up, down: &down }.longest_closing_delay(active);
        delay.map(|delay| delay.as_secs())
    }

    #[test]
    fn a_closing_run_may_start_until_its_job_would_reach_the_next_window() {
        let hours = |hours: i64| Some(hours * 3600 - 180);
        assert_eq!(closing_delay("0 2 * * *", "0 6 * * *", "Etc/UTC"), hours(20));
        assert_eq!(closing_delay("0 2 * * *", "0 6-22/2,0 * * *", "Etc/UTC"), hours(2));
        // In the night in which clocks go forward, 00:00 and 02:00 are an hour apart.
        assert_eq!(closing_delay("0 2 * * *", "0 6 * * *", "Europe/London"), hours(19));
        assert_eq!(closing_delay("0 2 * * *", "0 6-22/2,0 * * *", "Europe/London"), hours(1));
        // Only the first opening run after a closing run counts.
        assert_eq!(closing_delay("0 2,3,5 * * *", "0 6 * * *", "Etc/UTC"), hours(20));
        // The shortest of several: Friday's window opens 2 h after a closing run.
        assert_eq!(closing_delay("0 2 * * mon,fri", "0 6 * * mon,thu", "Etc/UTC"), hours(20));
        assert_eq!(closing_delay("0 2 * * mon", "0 6 * * mon", "Etc/UTC"), hours(7 * 24 - 4));
        assert_eq!(closing_delay("0 2 1 * *", "0 6 1 * *", "Etc/UTC"), hours(28 * 24 - 4));
    }

    #[test]
    fn the_spans_of_daily_and_weekly_schedules_find_what_all_of_two_years_have() {
        for zone in [
            "Europe/London",
            "Africa/Cairo",
            "Etc/UTC",
            "Australia/Lord_Howe",
            "Antarctica/Troll",
            "Africa/Casablanca",
            "America/New_York",
        ] {
            for (up, down) in [
                ("0 2 * * *", "0 6-22/2,0 * * *"),
                ("0 0 * * *", "59 23 * * *"),
                ("0 2 * * *", "0 6,0 * * *"),
                ("30 1 * * *", "15 1 * * *"),
                ("0 22,23,0,1,2 * * *", "0 6 * * *"),
                ("0 2 * * *", "0 1 * * mon"),
                ("0 3 * * sun", "0 6 * * mon"),
                ("0 3 * * sun", "0 6 * * sat"),
                ("15 2 * * sun", "45 0 * * sat,sun"),
            ] {
                let spans = closing_delay(up, down, zone);
                assert_eq!(spans, all_of_two_years(up, down, zone), "{up}, {down}, {zone}");
                let times = [up, down].map(|text| RunTimes::parse(text, zone).unwrap());
                let schedule = WindowSchedule { up: &times[0], down: &times[1] };
                let until = YEARS_FROM.checked_add(YEARS).unwrap();
                let windows = schedule.windows(YEARS_FROM, until).into_iter();
                let lengths = windows.map(|window| window.closes.duration_since(window.opens));
                let ends = lengths.clone().min().zip(lengths.max());
                assert_eq!(schedule.window_lengths(), ends, "{up}, {down}, {zone}");
            }
        }
    }

    /// The delay by every opening run of the two years.
    fn all_of_two_years(up: &str, down: &str, zone: &str) -> Option<i64> {
        let up = RunTimes::parse(up, zone).unwrap();
        let down = RunTimes::parse(down, zone).unwrap();
        let until = YEARS_FROM.checked_add(YEARS).unwrap();
        let mut closings: Vec<Timestamp> = Vec::new();
        let start = YEARS_FROM.checked_sub(SignedDuration::from_hours(24 * 8)).unwrap();
        closings.extend(down.runs(start, until));
        let gaps = up.runs(YEARS_FROM, until).filter_map(|opens| {
            let next = closings.partition_point(|closes| *closes < opens);
            Some(opens.duration_since(*closings.get(next.checked_sub(1)?)?).as_secs())
        });
        gaps.min().map(|shortest| shortest - 180)
    }

    #[test]
    fn without_fixed_times_there_is_no_longest_delay() {
        assert_eq!(closing_delay("0 2 * * *", "@every 2h", "Etc/UTC"), None);
        assert_eq!(closing_delay("0 0 30 2 *", "0 6 * * *", "Etc/UTC"), None);
        assert_eq!(closing_delay("0 2 * * *", "0 0 30 2 *", "Etc/UTC"), None);
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
