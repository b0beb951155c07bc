//! Demand: whether there is work for the tenant, by a number that another program serves.
//!
//! The number is not trusted: an answer that is not a plain count is [`Demand::Unknown`], which neither starts
//! nor stops the tenant. Nothing here reads a clock; each answer brings its time.

use std::time::Duration;

use crate::decision::Reason;

/// The content of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// More than none: there is work.
    Present,
    /// Explicitly none.
    Absent,
    /// Anything else: no answer, or not a count.
    Unknown,
}

impl Demand {
    /// The demand's name in the report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Absent => "absent",
            Self::Unknown => "unknown",
        }
    }
}

/// The largest count: the larger ones that a float holds may be another number, rounded.
const MAX_COUNT: f64 = 9_007_199_254_740_991.0;

/// Checks that a number is a count: finite, not negative, and not too large.
///
/// # Errors
/// The problem with it.
pub fn check_count(number: f64) -> Result<f64, &'static str> {
    if number.is_nan() {
        Err("the number is NaN")
    } else if number < 0.0 {
        Err("the number is negative")
    } else if number > MAX_COUNT {
        Err("the number is too large to be a count")
    } else {
        Ok(number)
    }
}

/// Returns the demand of an answer: its number, if it has one.
#[must_use]
pub fn demand_of(number: Option<f64>) -> Demand {
    match number.and_then(|number| check_count(number).ok()) {
        None => Demand::Unknown,
        Some(0.0) => Demand::Absent,
        Some(_) => Demand::Present,
    }
}

/// The times that a watch by demand follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemandPlan {
    /// The time without demand after which the tenant stops.
    pub idle_for: Duration,
    /// The most time for which the tenant runs in one window.
    pub at_most: Duration,
}

impl DemandPlan {
    /// The time without a count after which that is reported.
    pub const REPORT_AFTER: Duration = Duration::from_secs(3600);
}

/// The demand so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DemandState {
    plan: DemandPlan,
    latest: Demand,
    /// The time of the last answer that was a count, or of the beginning.
    counted_at: Duration,
    /// The time between answers in a row that were none, and the time of the last of them.
    idle: Duration,
    absent_at: Option<Duration>,
    /// The time for which the tenant has run, up to the last look at which it did.
    up: Duration,
    up_at: Option<Duration>,
}

impl DemandState {
    pub(crate) fn new(plan: DemandPlan, earlier_up: Duration) -> Self {
        Self {
            plan,
            latest: Demand::Unknown,
            counted_at: Duration::ZERO,
            idle: Duration::ZERO,
            absent_at: None,
            up: earlier_up,
            up_at: None,
        }
    }

    /// Notes an answer. One that is unknown stops the count of the idle time, and does not set it back.
    pub(crate) fn note_answer(&mut self, elapsed: Duration, demand: Demand) {
        match demand {
            Demand::Unknown => self.absent_at = None,
            Demand::Present => (self.idle, self.absent_at) = (Duration::ZERO, None),
            Demand::Absent => {
                let since = self.absent_at.replace(elapsed).unwrap_or(elapsed);
                self.idle += elapsed.saturating_sub(since);
            }
        }
        if demand != Demand::Unknown {
            self.counted_at = elapsed;
        }
        self.latest = demand;
    }

    /// Notes at a look whether the tenant runs.
    pub(crate) fn note_up(&mut self, elapsed: Duration, is_up: bool) {
        match (self.up_at, is_up) {
            (Some(since), true) => self.up += elapsed.saturating_sub(since),
            // Whoever started it: it gets the whole idle time.
            (None, true) => (self.idle, self.absent_at) = (Duration::ZERO, None),
            (_, false) => {}
        }
        self.up_at = is_up.then_some(elapsed);
    }

    /// The latest answer.
    pub(crate) fn latest(&self) -> Demand {
        self.latest
    }

    /// The time for which the tenant has run.
    pub(crate) fn up(&self) -> Duration {
        self.up
    }

    /// Returns the time for which there has been no count; zero if the latest answer was one.
    pub(crate) fn unknown_for(&self, elapsed: Duration) -> Duration {
        match self.latest {
            Demand::Unknown => elapsed.saturating_sub(self.counted_at),
            Demand::Present | Demand::Absent => Duration::ZERO,
        }
    }

    /// Returns the reason to stop a tenant that runs, if there is one.
    pub(crate) fn reason_to_stop(&self) -> Option<Reason> {
        if self.is_time_used() {
            return Some(Reason::TimeUsed);
        }
        let is_idle = self.latest == Demand::Absent && self.idle >= self.plan.idle_for;
        is_idle.then_some(Reason::Idle)
    }

    /// Returns the reason not to start the tenant, if there is one.
    pub(crate) fn reason_not_to_start(&self) -> Option<Reason> {
        match self.latest {
            _ if self.is_time_used() => Some(Reason::TimeUsed),
            Demand::Present => None,
            Demand::Absent => Some(Reason::NoDemand),
            Demand::Unknown => Some(Reason::DemandUnknown),
        }
    }

    fn is_time_used(&self) -> bool {
        self.up >= self.plan.at_most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_count_is_demand_or_none() {
        for (number, expected) in [
            (Some(3.0), Demand::Present),
            (Some(0.5), Demand::Present),
            (Some(9e15), Demand::Present),
            (Some(0.0), Demand::Absent),
            (Some(-0.0), Demand::Absent),
            (Some(-1.0), Demand::Unknown),
            (Some(-1e-300), Demand::Unknown),
            (Some(1e99), Demand::Unknown),
            (Some(f64::INFINITY), Demand::Unknown),
            (Some(f64::NEG_INFINITY), Demand::Unknown),
            (Some(f64::NAN), Demand::Unknown),
            (None, Demand::Unknown),
        ] {
            assert_eq!(demand_of(number), expected, "{number:?}");
        }
    }
}
