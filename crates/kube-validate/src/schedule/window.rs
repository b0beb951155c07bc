//! The span between the run that opens and the run that closes.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Schedule;

/// A window that one schedule opens and another closes, such as 02:00 to 06:00 each night.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    /// Opens it.
    pub up: &'a Schedule,
    /// Closes it.
    pub down: &'a Schedule,
    /// Whose wall clock both follow.
    pub zone: &'a TimeZone,
}

impl Window<'_> {
    /// Whether an instant lies in the window: whether the last run up to it, itself included, opened
    /// rather than closed. Where both fall on one instant the window is closed, the side that takes
    /// nothing from others.
    pub fn contains(&self, instant: Timestamp) -> bool {
        let Some(opened) = last_run(self.up, instant, self.zone) else {
            return false;
        };
        last_run(self.down, instant, self.zone).is_none_or(|closed| closed < opened)
    }
}

/// The last run up to an instant, itself included, in the five years before it.
fn last_run(schedule: &Schedule, instant: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let end = instant.checked_add(SignedDuration::from_nanos(1)).ok()?;
    // Widening spans: a frequent schedule is found in the first, a rare one has few runs to pass.
    [2, 25, 8 * 24, 32 * 24, 366 * 24, 5 * 366 * 24].into_iter().find_map(|hours| {
        let start = instant.checked_sub(SignedDuration::from_hours(hours)).ok()?;
        schedule.runs(start, end, zone).last()
    })
}
