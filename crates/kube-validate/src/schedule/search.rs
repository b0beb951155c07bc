//! The search for the next run.
//!
//! It goes as robfig/cron's `SpecSchedule.Next` goes: field by field from the month down, each
//! stepped on until it fits, and from the start again when one of them wraps around. To look at
//! every minute would be simpler and nearly the same. It differs where a clock change skips midnight
//! or is shorter than an hour: there `Next` steps past its own checks, runs on a day that is not
//! meant or leaves one out, and Kubernetes does so with it (Cairo, Santiago, Beirut, Lord Howe).

use jiff::civil::{DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::field::{Fields, Set};

/// The second in which an instant lies.
pub(super) fn floor(instant: Timestamp) -> Option<Timestamp> {
    let second = instant.as_nanosecond().div_euclid(1_000_000_000);
    Timestamp::from_second(i64::try_from(second).ok()?).ok()
}

/// The first run after an instant, if there is one before the fifth year after it ends.
pub(super) fn next(fields: &Fields, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    if !fields.can_match() {
        return None;
    }
    let start = floor(after)?.checked_add(SignedDuration::from_secs(1)).ok()?;
    let mut clock = Clock { zone, instant: start, wall: zone.to_datetime(start), aligned: false };
    let last_year = clock.wall.year() + 5;
    while clock.wall.year() <= last_year {
        let fits = clock.find_month(fields.month)?
            && clock.find_day(fields)?
            && clock.find_hour(fields.hour)?
            && clock.find_minute(fields.minute)?
            && clock.find_second()?;
        if fits {
            return Some(clock.instant);
        }
    }
    None
}

/// An instant and the wall clock at it. Each `find` goes forward until its field fits, and gives
/// false when it wrapped around and all must be looked at again; none past the last year of all.
struct Clock<'a> {
    zone: &'a TimeZone,
    instant: Timestamp,
    wall: DateTime,
    /// Whether it was set to the start of a month, day, hour or minute already: only the first step
    /// does so, later ones keep what is left of it.
    aligned: bool,
}

impl Clock<'_> {
    fn find_month(&mut self, months: Set) -> Option<bool> {
        while !months.has(self.wall.month()) {
            self.align(|wall| wall.first_of_month().date().to_datetime(Time::midnight()))?;
            // A day that the next month has not runs over into the month after it, as in Go.
            let next = self.wall.first_of_month().checked_add(1.month()).ok()?;
            let days = i64::from(self.wall.day()) - 1;
            self.set_wall(next.checked_add(days.days()).ok()?)?;
            if self.wall.month() == 1 {
                return Some(false);
            }
        }
        Some(true)
    }

    fn find_day(&mut self, fields: &Fields) -> Option<bool> {
        while !fields.day(self.wall.day(), self.wall.weekday().to_sunday_zero_offset()) {
            self.align(|wall| wall.date().to_datetime(Time::midnight()))?;
            let before = self.instant;
            self.set_wall(self.wall.checked_add(1.day()).ok()?)?;
            // Where midnight was skipped, the clock shows an hour near it.
            let hour = i64::from(self.wall.hour());
            let back = if hour > 12 { hour - 24 } else { hour };
            self.advance(SignedDuration::from_hours(-back))?;
            // Where a whole day was skipped, as on Samoa in 2011, `Next` turns in a circle for ever.
            if self.instant <= before {
                return None;
            }
            if self.wall.day() == 1 {
                return Some(false);
            }
        }
        Some(true)
    }

    fn find_hour(&mut self, hours: Set) -> Option<bool> {
        while !hours.has(self.wall.hour()) {
            self.align(|wall| wall.date().at(wall.hour(), 0, 0, 0))?;
            self.advance(SignedDuration::from_hours(1))?;
            if self.wall.hour() == 0 {
                return Some(false);
            }
        }
        Some(true)
    }

    fn find_minute(&mut self, minutes: Set) -> Option<bool> {
        while !minutes.has(self.wall.minute()) {
            if !self.aligned {
                self.aligned = true;
                self.advance(SignedDuration::from_secs(-i64::from(self.wall.second())))?;
            }
            self.advance(SignedDuration::from_mins(1))?;
            if self.wall.minute() == 0 {
                return Some(false);
            }
        }
        Some(true)
    }

    /// Every schedule of five fields means second 0.
    fn find_second(&mut self) -> Option<bool> {
        let second = i64::from(self.wall.second());
        if second == 0 {
            return Some(true);
        }
        self.aligned = true;
        self.advance(SignedDuration::from_secs(60 - second))?;
        Some(false)
    }

    fn align(&mut self, start: impl FnOnce(DateTime) -> DateTime) -> Option<()> {
        if self.aligned {
            return Some(());
        }
        self.aligned = true;
        self.set_wall(start(self.wall))
    }

    fn advance(&mut self, by: SignedDuration) -> Option<()> {
        self.instant = self.instant.checked_add(by).ok()?;
        self.wall = self.zone.to_datetime(self.instant);
        Some(())
    }

    /// Sets the clock to a wall time as Go's `time.Date` does: by the offset at that time read as
    /// UTC, then by the offset where this leads. It decides which of two equal hours is meant, and
    /// to which side a skipped one goes.
    fn set_wall(&mut self, wall: DateTime) -> Option<()> {
        let as_utc = Offset::UTC.to_timestamp(wall).ok()?;
        let guess = self.zone.to_offset(as_utc).to_timestamp(wall).ok()?;
        self.instant = self.zone.to_offset(guess).to_timestamp(wall).ok()?;
        self.wall = self.zone.to_datetime(self.instant);
        Some(())
    }
}
