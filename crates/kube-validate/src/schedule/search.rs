//! The search for the next run.
//!
//! The search follows robfig/cron's `SpecSchedule.Next`: field by field from the month to the second,
//! it advances each field until it matches, and starts again at the month when a field wraps around. A
//! loop over all minutes would be simpler and give nearly the same runs. It would differ at clock
//! changes that skip midnight or are shorter than an hour (Cairo, Santiago, Beirut, Lord Howe): there
//! `Next` skips a matching day or runs on one that does not match, and so does Kubernetes.

use jiff::civil::{DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::field::{Fields, Set};

/// Rounds an instant down to a second.
pub(super) fn floor_to_second(instant: Timestamp) -> Option<Timestamp> {
    let second = instant.as_nanosecond().div_euclid(1_000_000_000);
    Timestamp::from_second(i64::try_from(second).ok()?).ok()
}

/// The first run after an instant, if there is one before the end of the fifth year after it.
pub(super) fn next_run(fields: &Fields, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    if !fields.can_match() {
        return None;
    }
    let start = floor_to_second(after)?.checked_add(SignedDuration::from_secs(1)).ok()?;
    let mut clock = Clock { zone, instant: start, wall: zone.to_datetime(start), aligned: false };
    let last_year = clock.wall.year() + 5;
    while clock.wall.year() <= last_year {
        let matches = clock.find_month(fields.month)? == Step::Matched
            && clock.find_day(fields)? == Step::Matched
            && clock.find_hour(fields.hour)? == Step::Matched
            && clock.find_minute(fields.minute)? == Step::Matched
            && clock.find_second()? == Step::Matched;
        if matches {
            return Some(clock.instant);
        }
    }
    None
}

/// The result of advancing one field.
#[derive(PartialEq, Eq)]
enum Step {
    /// The field matches.
    Matched,
    /// The field wrapped around, so larger fields may not match any more.
    Wrapped,
}

/// An instant and the wall clock at it.
///
/// Each `find_…` advances the clock until its field matches or wraps around; none if it runs past the
/// last representable instant.
struct Clock<'a> {
    zone: &'a TimeZone,
    instant: Timestamp,
    wall: DateTime,
    /// True once the clock was set to the start of a month, day, hour or minute. Only the first step of
    /// the whole search does so.
    aligned: bool,
}

impl Clock<'_> {
    fn find_month(&mut self, months: Set) -> Option<Step> {
        while !months.contains(self.wall.month()) {
            self.align(|wall| wall.first_of_month().date().to_datetime(Time::midnight()))?;
            // A day that the next month does not have overflows into the month after it, as in Go.
            let next = self.wall.first_of_month().checked_add(1.month()).ok()?;
            let days = i64::from(self.wall.day()) - 1;
            self.set_wall(next.checked_add(days.days()).ok()?)?;
            if self.wall.month() == 1 {
                return Some(Step::Wrapped);
            }
        }
        Some(Step::Matched)
    }

    fn find_day(&mut self, fields: &Fields) -> Option<Step> {
        while !fields.matches_day(self.wall.day(), self.wall.weekday().to_sunday_zero_offset()) {
            self.align(|wall| wall.date().to_datetime(Time::midnight()))?;
            let before = self.instant;
            self.set_wall(self.wall.checked_add(1.day()).ok()?)?;
            // If the clock change skipped midnight, the clock shows an hour near it.
            let hour = i64::from(self.wall.hour());
            let back = if hour > 12 { hour - 24 } else { hour };
            self.advance(SignedDuration::from_hours(-back))?;
            // If a whole day was skipped, as on Samoa in 2011, `Next` loops forever.
            if self.instant <= before {
                return None;
            }
            if self.wall.day() == 1 {
                return Some(Step::Wrapped);
            }
        }
        Some(Step::Matched)
    }

    fn find_hour(&mut self, hours: Set) -> Option<Step> {
        while !hours.contains(self.wall.hour()) {
            self.align(|wall| wall.date().at(wall.hour(), 0, 0, 0))?;
            let hour = self.wall.hour();
            let next = hours.next_after(hour).unwrap_or(24);
            self.advance_steps(next - hour, SignedDuration::from_hours(1))?;
            if self.wall.hour() == 0 {
                return Some(Step::Wrapped);
            }
        }
        Some(Step::Matched)
    }

    fn find_minute(&mut self, minutes: Set) -> Option<Step> {
        while !minutes.contains(self.wall.minute()) {
            if !self.aligned {
                self.aligned = true;
                self.advance(SignedDuration::from_secs(-i64::from(self.wall.second())))?;
            }
            let minute = self.wall.minute();
            let next = minutes.next_after(minute).unwrap_or(60);
            self.advance_steps(next - minute, SignedDuration::from_mins(1))?;
            if self.wall.minute() == 0 {
                return Some(Step::Wrapped);
            }
        }
        Some(Step::Matched)
    }

    /// Five-field schedules run at second 0.
    fn find_second(&mut self) -> Option<Step> {
        let second = i64::from(self.wall.second());
        if second == 0 {
            return Some(Step::Matched);
        }
        self.aligned = true;
        self.advance(SignedDuration::from_secs(60 - second))?;
        Some(Step::Wrapped)
    }

    fn align(&mut self, start: impl FnOnce(DateTime) -> DateTime) -> Option<()> {
        if self.aligned {
            return Some(());
        }
        self.aligned = true;
        self.set_wall(start(self.wall))
    }

    /// Advances by several steps at once, or by the first of them if the clock changes on the way: `Next`
    /// looks at the clock after each.
    fn advance_steps(&mut self, count: i8, step: SignedDuration) -> Option<()> {
        let by = step.checked_mul(i32::from(count))?;
        let instant = self.instant.checked_add(by).ok()?;
        let wall = self.zone.to_datetime(instant);
        if wall.duration_since(self.wall) != by {
            return self.advance(step);
        }
        (self.instant, self.wall) = (instant, wall);
        Some(())
    }

    fn advance(&mut self, by: SignedDuration) -> Option<()> {
        self.instant = self.instant.checked_add(by).ok()?;
        self.wall = self.zone.to_datetime(self.instant);
        Some(())
    }

    /// Sets the clock to a wall time as Go's `time.Date` does: first with the offset at that time taken
    /// as UTC, then with the offset at the resulting instant. This decides between two equal wall
    /// times, and in which direction a skipped one moves.
    fn set_wall(&mut self, wall: DateTime) -> Option<()> {
        let as_utc = Offset::UTC.to_timestamp(wall).ok()?;
        let guess = self.zone.to_offset(as_utc).to_timestamp(wall).ok()?;
        self.instant = self.zone.to_offset(guess).to_timestamp(wall).ok()?;
        self.wall = self.zone.to_datetime(self.instant);
        Some(())
    }
}
