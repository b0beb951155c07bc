//! A stack's windows in two fixed weeks, and the guard's runs in them.
//!
//! Lint reads no clock: the two weeks begin with the first window of a fixed year, so that the same
//! values always have the same findings.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use crate::model::run_times::RunTimes;
use crate::model::window::{Window, WindowSchedule, longest_unguarded};
use crate::values::OffPeak;

/// A Monday.
const START: jiff::civil::Date = date(2026, 1, 12);
const DAYS: i64 = 14;
/// The days of the longest month.
const MONTH_DAYS: i64 = 31;

/// The times of a stack's three jobs.
pub(super) struct OffPeakTimes {
    /// The runs that open the window.
    pub up: RunTimes,
    /// The runs that check whether to yield.
    pub guard: RunTimes,
    /// The runs that close the window.
    pub down: RunTimes,
    /// The runs that open hours of demand.
    demand: Option<RunTimes>,
    /// The windows of the two weeks, once a rule has asked for them.
    windows: OnceLock<Vec<GuardedWindow>>,
    /// The hours of demand of the two weeks.
    demand_hours: OnceLock<Vec<GuardedWindow>>,
    /// The windows of the month.
    month_windows: OnceLock<Vec<Window>>,
    /// The shortest time between two runs of the guard, and of the window's end.
    intervals: [OnceLock<Option<SignedDuration>>; 2],
    /// The guard's runs outside every window, and all of them.
    idle_guard_runs: OnceLock<(usize, usize)>,
    /// The average number of times a day that the window's end runs.
    down_runs_a_day: OnceLock<usize>,
}

/// A window, and the longest time in it without a run of the guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GuardedWindow {
    /// The window.
    pub window: Window,
    /// `None` if the guard never runs in it.
    pub longest_unguarded: Option<SignedDuration>,
}

impl OffPeakTimes {
    /// Parses the values; `None` if Kubernetes would refuse a schedule or the time zone.
    pub fn parse(off_peak: &OffPeak) -> Option<Self> {
        let zone = off_peak.time_zone.as_str();
        Some(OffPeakTimes::new(
            RunTimes::parse(off_peak.up.as_str(), zone)?,
            RunTimes::parse(off_peak.guard.as_str(), zone)?,
            RunTimes::parse(off_peak.down.as_str(), zone)?,
            match off_peak.demand_opens() {
                Some(opens) => Some(RunTimes::parse(opens.as_str(), zone)?),
                None => None,
            },
        ))
    }

    fn new(up: RunTimes, guard: RunTimes, down: RunTimes, demand: Option<RunTimes>) -> Self {
        OffPeakTimes {
            up,
            guard,
            down,
            demand,
            windows: OnceLock::new(),
            demand_hours: OnceLock::new(),
            month_windows: OnceLock::new(),
            intervals: Default::default(),
            idle_guard_runs: OnceLock::new(),
            down_runs_a_day: OnceLock::new(),
        }
    }

    fn schedule(&self) -> WindowSchedule<'_> {
        WindowSchedule { up: &self.up, down: &self.down }
    }

    fn demand_schedule(&self) -> Option<WindowSchedule<'_>> {
        self.demand.as_ref().map(|demand| WindowSchedule { up: demand, down: &self.down })
    }

    /// The two weeks from the first run that opens the window; `None` if it never opens.
    fn two_weeks(&self) -> Option<(Timestamp, Timestamp)> {
        let monday = START.to_zoned(self.up.zone.clone()).ok()?.timestamp();
        let first = self.up.next(monday)?.to_zoned(self.up.zone.clone());
        let start = first.start_of_day().ok()?.timestamp();
        Some((start, start.checked_add(SignedDuration::from_hours(24 * DAYS)).ok()?))
    }

    /// The windows that open in the two weeks.
    pub fn windows(&self) -> impl ExactSizeIterator<Item = Window> + Clone {
        self.guarded_windows().iter().map(|guarded| guarded.window)
    }

    /// The windows that open in the two weeks, each with the longest time without a run of the guard.
    pub fn guarded_windows(&self) -> &[GuardedWindow] {
        self.windows.get_or_init(|| self.guarded(Some(self.schedule())))
    }

    /// The hours of demand that open in the two weeks, each with the longest time without a run of the guard.
    pub fn demand_hours(&self) -> &[GuardedWindow] {
        self.demand_hours.get_or_init(|| self.guarded(self.demand_schedule()))
    }

    fn guarded(&self, schedule: Option<WindowSchedule<'_>>) -> Vec<GuardedWindow> {
        let windows = schedule.zip(self.two_weeks());
        let windows = windows.map(|(schedule, (start, end))| schedule.windows(start, end));
        windows
            .into_iter()
            .flatten()
            .map(|window| GuardedWindow {
                window,
                longest_unguarded: self.longest_unguarded(window),
            })
            .collect()
    }

    /// The windows and hours of demand of a month that is the same for all stacks, so that they can be
    /// compared.
    pub fn month_windows(&self) -> &[Window] {
        self.month_windows.get_or_init(|| {
            let Ok(start) = START.to_zoned(TimeZone::UTC) else { return Vec::new() };
            let start = start.timestamp();
            let month = SignedDuration::from_hours(24 * MONTH_DAYS);
            let end = start.checked_add(month).unwrap_or(Timestamp::MAX);
            let schedules = std::iter::once(self.schedule()).chain(self.demand_schedule());
            let mut windows: Vec<Window> =
                schedules.flat_map(|schedule| schedule.windows(start, end)).collect();
            windows.sort_unstable();
            windows
        })
    }

    /// The longest time in a window without a run of the guard; `None` if the guard never runs in it.
    fn longest_unguarded(&self, window: Window) -> Option<SignedDuration> {
        let runs = self.guard.runs(window.opens, window.closes);
        longest_unguarded(window, runs).map(|gap| gap.closes.duration_since(gap.opens))
    }

    /// The shortest time between two runs of the guard in the two weeks.
    pub fn shortest_guard_interval(&self) -> Option<SignedDuration> {
        *self.intervals[0].get_or_init(|| self.shortest_interval(&self.guard))
    }

    /// The shortest time between two runs that end the window, in the two weeks.
    pub fn shortest_down_interval(&self) -> Option<SignedDuration> {
        *self.intervals[1].get_or_init(|| self.shortest_interval(&self.down))
    }

    fn shortest_interval(&self, job: &RunTimes) -> Option<SignedDuration> {
        let (start, end) = self.two_weeks()?;
        let mut last: Option<Timestamp> = None;
        let intervals = job.runs(start, end).filter_map(|run| {
            let interval = last.map(|last| run.duration_since(last));
            last = Some(run);
            interval
        });
        intervals.min()
    }

    /// The average number of times a day that the window's end runs, rounded up.
    pub fn down_runs_a_day(&self) -> usize {
        *self.down_runs_a_day.get_or_init(|| {
            let Some((start, end)) = self.two_weeks() else { return 0 };
            self.down.runs(start, end).count().div_ceil(DAYS as usize)
        })
    }

    /// The number of the guard's runs in the two weeks that fall outside every window, and of all.
    pub fn idle_guard_runs(&self) -> (usize, usize) {
        *self.idle_guard_runs.get_or_init(|| self.count_idle_guard_runs())
    }

    fn count_idle_guard_runs(&self) -> (usize, usize) {
        let Some((start, end)) = self.two_weeks() else { return (0, 0) };
        let is_in = |windows: &[GuardedWindow], run| {
            let next = windows.partition_point(|guarded| guarded.window.opens <= run);
            let last = next.checked_sub(1).and_then(|index| windows.get(index));
            last.is_some_and(|last| run < last.window.closes)
        };
        let (mut idle, mut all) = (0, 0);
        for run in self.guard.runs(start, end) {
            all += 1;
            if !is_in(self.guarded_windows(), run) && !is_in(self.demand_hours(), run) {
                idle += 1;
            }
        }
        (idle, all)
    }

    /// A window on the schedules' clock: `Mon 02:00 to Mon 06:00`.
    pub fn format(&self, window: Window) -> String {
        let (opens, closes) = (window.opens, window.closes);
        format!("{} to {}", self.up.format_short(opens), self.up.format_short(closes))
    }

    /// The windows of a month in words: `every night from 02:00 to 06:00`, `on Sat and Sun from …`.
    pub fn describe(&self, windows: &[Window]) -> String {
        let local = |instant: Timestamp| instant.to_zoned(self.up.zone.clone());
        let Some(first) = windows.first() else { return String::new() };
        let opens: Vec<Zoned> = windows.iter().map(|window| local(window.opens)).collect();
        let weekdays: BTreeSet<i8> =
            opens.iter().map(|opens| opens.weekday().to_monday_one_offset()).collect();
        let is_weekly = windows.len() as i64 >= MONTH_DAYS / 7 * weekdays.len() as i64;
        let is_night = opens.iter().all(|opens| !(6..18).contains(&opens.hour()));
        let days = match weekdays.len() {
            7 if is_weekly && is_night => "every night".to_owned(),
            7 if is_weekly => "every day".to_owned(),
            _ if is_weekly => format!("on {}", weekday_names(&weekdays)),
            _ => format!("on {} of {MONTH_DAYS} days", windows.len()),
        };
        let hours = |window: &Window| {
            let time = |instant| local(instant).strftime("%H:%M").to_string();
            format!("{} to {}", time(window.opens), time(window.closes))
        };
        let is_same = windows.iter().all(|window| hours(window) == hours(first));
        let from = if is_same { "from" } else { "such as from" };
        format!("{days} {from} {}", hours(first))
    }
}

/// Weekdays, counted from Monday as 1: `Mon, Tue and Sun`.
fn weekday_names(days: &BTreeSet<i8>) -> String {
    let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let names: Vec<&str> =
        days.iter().filter_map(|day| names.get(usize::try_from(*day - 1).ok()?)).copied().collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(up: &str, guard: &str, down: &str) -> OffPeakTimes {
        let parse = |schedule| RunTimes::parse(schedule, "Europe/London").unwrap();
        OffPeakTimes::new(parse(up), parse(guard), parse(down), None)
    }

    #[test]
    fn windows_are_described_by_their_days_and_hours() {
        for (up, down, expected) in [
            ("0 2 * * *", "0 6 * * *", "every night from 02:00 to 06:00"),
            ("0 12 * * *", "30 13 * * *", "every day from 12:00 to 13:30"),
            ("0 2 * * 6,0", "0 6 * * *", "on Sat and Sun from 02:00 to 06:00"),
            ("0 2 1 * *", "0 6 * * *", "on 1 of 31 days from 02:00 to 06:00"),
            ("0 2 * * *", "0 4,6 2-31/2,1-31/2 * *", "every night from 02:00 to 04:00"),
            ("0 2 * * 0", "0 6 * * *", "on Sun from 02:00 to 06:00"),
        ] {
            let times = times(up, "*/5 * * * *", down);
            assert_eq!(times.describe(times.month_windows()), expected, "{up} {down}");
        }
        assert_eq!(times("0 2 * * *", "* * * * *", "0 6 * * *").describe(&[]), "");
    }

    #[test]
    fn two_weeks_have_a_window_each_night() {
        let nightly = times("0 2 * * *", "*/5 2-5 * * *", "0 6 * * *");
        assert_eq!(nightly.windows().len(), 14);
        let longest = nightly.guarded_windows()[0].longest_unguarded;
        assert_eq!(longest, Some(SignedDuration::from_mins(5)));
        assert_eq!(nightly.idle_guard_runs().0, 0);
    }

    #[test]
    fn unguarded_time_counts_at_both_ends() {
        let late = times("0 2 * * *", "30 3 * * *", "0 6 * * *");
        let longest = late.guarded_windows()[0].longest_unguarded;
        assert_eq!(longest, Some(SignedDuration::from_mins(150)));
        let never = times("0 2 * * *", "*/5 12 * * *", "0 6 * * *");
        assert_eq!(never.guarded_windows()[0].longest_unguarded, None);
        assert_eq!(never.idle_guard_runs(), (14 * 12, 14 * 12));
    }

    #[test]
    fn a_window_that_closes_when_it_opens_does_not_count() {
        assert_eq!(times("0 2 * * *", "0 2 * * *", "0 2 * * *").windows().len(), 0);
        let twice = times("0 2,3 * * *", "0 2 * * *", "0 6 * * *");
        assert_eq!(twice.windows().len(), 14);
    }

    #[test]
    fn a_rare_window_is_found() {
        let monthly = times("0 2 1 * *", "*/5 2-5 1 * *", "0 6 1 * *");
        assert_eq!(monthly.windows().len(), 1);
        assert_eq!(times("0 2 30 2 *", "0 2 * * *", "0 6 * * *").windows().len(), 0);
    }
}
