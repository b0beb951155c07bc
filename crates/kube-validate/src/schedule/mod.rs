//! CronJob schedules and time zones, as Kubernetes reads and runs them.
//!
//! In: the text of a CronJob's `schedule` and `timeZone`. Out: the instants of its runs, or the reason
//! why Kubernetes refuses it. The module never reads the clock: callers pass every instant.
//!
//! Kubernetes parses a schedule with `ParseStandard` of robfig/cron v3.0.1 and computes its runs with
//! `Next` (`pkg/apis/batch/validation`, `pkg/controller/cronjob`, v1.37). This module does the same,
//! and `tests/schedule_robfig.rs` compares it with that library. One consequence: a run in the hour
//! that daylight saving skips does not happen, and a run in the hour that it repeats happens twice.

mod error;
mod every;
mod field;
mod parse;
mod search;
mod zone;

pub use error::Error;
pub use zone::{ZoneError, zone};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use field::Fields;

/// The schedule of a CronJob, parsed by [`str::parse`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    timing: Timing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Timing {
    /// Five fields, or a name that means five fields, such as `@daily`.
    Fields(Fields),
    /// `@every`: the delay after the last run, in whole seconds, at least one.
    Every(SignedDuration),
}

/// The time after which a schedule's runs repeat on the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cycle {
    /// A day: no day and no month is restricted.
    Day,
    /// A week: neither the days of the month nor the months are restricted.
    Week,
    /// The calendar: days of the month or months are restricted.
    Calendar,
    /// A delay after the last run, whenever that was: `@every`.
    Delay,
}

impl Schedule {
    /// The schedule's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first run after an instant, on the wall clock of `zone`; none if there is no run in the next
    /// five years, which is as far as Kubernetes looks.
    ///
    /// `@every` counts from `after`, as Kubernetes counts it from the last run.
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match &self.timing {
            Timing::Fields(fields) => search::next_run(fields, after, zone),
            Timing::Every(delay) => search::floor_to_second(after)?.checked_add(*delay).ok(),
        }
    }

    /// The runs from `start` (included) to `end` (excluded), in order.
    ///
    /// `@every` counts from `start`: its first run is one delay later.
    pub fn runs<'a>(&'a self, start: Timestamp, end: Timestamp, zone: &'a TimeZone) -> Runs<'a> {
        let after = match self.timing {
            Timing::Fields(_) => start.checked_sub(SignedDuration::from_nanos(1)).ok(),
            Timing::Every(_) => Some(start),
        };
        Runs { schedule: self, zone, after, end }
    }

    /// The time after which the runs repeat on the wall clock.
    pub fn cycle(&self) -> Cycle {
        match &self.timing {
            Timing::Fields(fields) if fields.repeat_daily() => Cycle::Day,
            Timing::Fields(fields) if fields.repeat_weekly() => Cycle::Week,
            Timing::Fields(_) => Cycle::Calendar,
            Timing::Every(_) => Cycle::Delay,
        }
    }

    /// The most runs in any 24 hours. A day on which the clocks go back has one hour twice.
    pub fn max_runs_a_day(&self) -> u32 {
        const DAY: i64 = 24 * 3600;
        match &self.timing {
            Timing::Fields(fields) => fields.minute.count() * (fields.hour.count() + 1),
            Timing::Every(delay) => u32::try_from(DAY / delay.as_secs().max(1) + 1).unwrap_or(1),
        }
    }

    /// Returns true if the schedule restricts the day of the month and the day of the week: either is then
    /// enough.
    pub fn is_either_day(&self) -> bool {
        matches!(&self.timing, Timing::Fields(fields) if fields.is_either_day())
    }

    /// Returns true if the schedule can ever run: `0 0 30 2 *` is valid, and never does.
    pub fn can_run(&self) -> bool {
        match &self.timing {
            Timing::Fields(fields) => fields.can_match(),
            Timing::Every(_) => true,
        }
    }
}

impl std::fmt::Display for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// The runs of a schedule in a span of time.
#[derive(Debug, Clone)]
pub struct Runs<'a> {
    schedule: &'a Schedule,
    zone: &'a TimeZone,
    /// The last run, or the instant that the first run follows; none at the end.
    after: Option<Timestamp>,
    end: Timestamp,
}

impl Iterator for Runs<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        let run = self.schedule.next_after(self.after?, self.zone).filter(|&run| run < self.end);
        self.after = run;
        run
    }
}

#[cfg(test)]
mod tests;
