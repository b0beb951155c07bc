//! Five-field schedules over time zones, as Kubernetes reads and runs them.
//!
//! In: the text of a CronJob's `schedule` and `timeZone`. Out: the instants at which its Jobs are
//! made, or why Kubernetes would refuse it. `values`, `objects`, `review`, `lint` and `window` call
//! it; it calls nothing of this crate. There is no clock here: callers bring every instant.
//!
//! Kubernetes parses with `ParseStandard` of robfig/cron v3.0.1 and asks its `Next` for the instants
//! (`pkg/apis/batch/validation`, `pkg/controller/cronjob`, v1.37); `tests/schedule_robfig.rs` holds
//! this module against that library. So in the hour that daylight saving skips nothing runs, and in
//! the hour that comes twice jobs run twice.

mod error;
mod every;
mod field;
mod parse;
mod search;
mod zone;

pub use error::{Error, Problem};
pub use field::Field;
pub use zone::{ZoneError, zone};

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use field::Fields;

/// When a CronJob runs. Made by [`str::parse`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// Five fields, or a name for them such as `@daily`.
    Fields(Fields),
    /// `@every`: so long after the last run; at least a second, whole seconds.
    Every(SignedDuration),
}

impl Schedule {
    /// The schedule as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first run after an instant, on the wall clock of `zone`; none where the next five years
    /// hold no run, which is how far Kubernetes looks.
    ///
    /// `@every` counts from `after`, as Kubernetes counts it from the last run.
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match &self.kind {
            Kind::Fields(fields) => search::next(fields, after, zone),
            Kind::Every(delay) => search::floor(after)?.checked_add(*delay).ok(),
        }
    }

    /// The runs from `start` (included) to `end` (excluded), in order.
    ///
    /// `@every` counts from `start`, its first run being one delay later.
    pub fn runs<'a>(&'a self, start: Timestamp, end: Timestamp, zone: &'a TimeZone) -> Runs<'a> {
        let after = match self.kind {
            Kind::Fields(_) => start.checked_sub(SignedDuration::from_nanos(1)).ok(),
            Kind::Every(_) => Some(start),
        };
        Runs { schedule: self, zone, after, end }
    }

    /// The runs of one day on the wall clock of `zone`; the day is as long as it is there.
    pub fn runs_on<'a>(&'a self, day: Date, zone: &'a TimeZone) -> Runs<'a> {
        let midnight = |date: Date| zone.to_timestamp(date.to_datetime(Time::midnight())).ok();
        let start = midnight(day);
        let end = day.tomorrow().ok().and_then(midnight);
        match (start, end) {
            (Some(start), Some(end)) => self.runs(start, end, zone),
            _ => Runs { schedule: self, zone, after: None, end: Timestamp::MIN },
        }
    }

    /// Whether there is any day and time that it means: `0 0 30 2 *` is well formed and never runs.
    pub fn can_run(&self) -> bool {
        match &self.kind {
            Kind::Fields(fields) => fields.can_match(),
            Kind::Every(_) => true,
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
    /// The last run found, or what the first is looked for from; none at the end.
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
