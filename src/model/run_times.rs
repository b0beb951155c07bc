//! The times at which a CronJob runs: its schedule on its time zone's clock.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::object::Object;
use kube_validate::schedule::{self, Schedule};

/// The schedule of a CronJob and the clock that it follows.
#[derive(Debug, Clone)]
pub(crate) struct RunTimes {
    /// The schedule.
    pub schedule: Schedule,
    /// The time zone whose clock it follows.
    pub zone: TimeZone,
    /// The time zone's name.
    pub zone_name: String,
}

/// The zone of a CronJob that names none: the controller manager's, which is UTC almost everywhere.
const DEFAULT_ZONE: &str = "Etc/UTC";

impl RunTimes {
    /// Parses a schedule and a time zone; `None` if Kubernetes would refuse one of them.
    pub fn parse(schedule: &str, zone_name: &str) -> Option<Self> {
        let zone = schedule::zone(zone_name).ok()?;
        Some(RunTimes { schedule: schedule.parse().ok()?, zone, zone_name: zone_name.to_owned() })
    }

    /// Reads a CronJob's times; `None` if Kubernetes would refuse them.
    pub fn read(job: &Object) -> Option<Self> {
        let zone_name = job.text_at(&["spec", "timeZone"]).unwrap_or(DEFAULT_ZONE);
        RunTimes::parse(job.text_at(&["spec", "schedule"])?, zone_name)
    }

    /// The first run after an instant.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        self.schedule.next_after(after, &self.zone)
    }

    /// The next runs after an instant, `count` at most.
    pub fn next_runs(&self, after: Timestamp, count: usize) -> Vec<Timestamp> {
        std::iter::successors(self.next(after), |last| self.next(*last)).take(count).collect()
    }

    /// The runs from `start` (included) to `end` (excluded).
    pub fn runs(&self, start: Timestamp, end: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        self.schedule.runs(start, end, &self.zone)
    }

    /// An instant on the schedule's clock: `Wed 25 Nov 02:00`.
    pub fn format(&self, instant: Timestamp) -> String {
        instant.to_zoned(self.zone.clone()).strftime("%a %d %b %H:%M").to_string()
    }

    /// An instant on the schedule's clock, without the date: `Wed 02:00`.
    pub fn format_short(&self, instant: Timestamp) -> String {
        instant.to_zoned(self.zone.clone()).strftime("%a %H:%M").to_string()
    }
}
