//! Clock changes of a time zone, and the times of day that they skip or repeat.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::run_times::RunTimes;

/// An instant at which a zone's clocks are moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClockChange {
    /// The first instant on the new clock.
    pub at: Timestamp,
    /// The offset before.
    pub before: Offset,
    /// The offset from then on.
    pub after: Offset,
}

impl ClockChange {
    /// The clock changes of a zone after an instant, in order.
    pub fn following(zone: &TimeZone, after: Timestamp) -> impl Iterator<Item = ClockChange> + '_ {
        zone.following(after).filter_map(|change| {
            let at = change.timestamp();
            let earlier = at.checked_sub(SignedDuration::from_nanos(1)).ok()?;
            let change =
                ClockChange { at, before: zone.to_offset(earlier), after: change.offset() };
            (change.before != change.after).then_some(change)
        })
    }

    /// The time by which the clocks go forward; negative if they go back.
    pub fn moved(&self) -> SignedDuration {
        SignedDuration::from_secs(i64::from(self.after.seconds() - self.before.seconds()))
    }

    /// Returns true if times of day are skipped, false if they come twice.
    pub fn skips(&self) -> bool {
        self.moved().is_positive()
    }

    /// The times of day that are skipped or come twice: the first, and the one after the last.
    pub fn affected_times(&self) -> (DateTime, DateTime) {
        let (before, after) = (self.before.to_datetime(self.at), self.after.to_datetime(self.at));
        if self.skips() { (before, after) } else { (after, before) }
    }

    /// The times of day in a schedule that are skipped or come twice.
    pub fn affected_runs<'a>(&self, times: &'a RunTimes) -> impl Iterator<Item = DateTime> + 'a {
        // Skipped times are on the clock before the change, repeated ones on the clock after it.
        let offset = if self.skips() { self.before } else { self.after };
        let moved = self.moved().abs();
        let end = self.at.checked_add(moved).unwrap_or(self.at);
        let clock = TimeZone::fixed(offset);
        let mut next = self.at.checked_sub(SignedDuration::from_nanos(1)).ok();
        std::iter::from_fn(move || {
            let run = times.schedule.next_after(next?, &clock).filter(|run| *run < end);
            next = run;
            Some(offset.to_datetime(run?))
        })
    }
}
