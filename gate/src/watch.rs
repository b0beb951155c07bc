//! A window in one run: from looks at the GPU and at the scale to starts, yields and an end.
//!
//! Nothing here reads a clock: every look brings its time, so that a recorded night can be replayed.

use std::time::Duration;

/// The numbers that a watch follows besides the [rules](crate::decision::Rules).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The number of readings in a row that must leave the floor free before the tenant starts.
    pub samples: u32,
    /// The time between two of them.
    pub sample_interval: Duration,
    /// The time for which bytes labelled `unknown` alone may break the floor.
    pub recheck_delay: Duration,
    /// The time for which the floor and [`hysteresis`](Self::hysteresis) must have been free before the
    /// tenant starts again.
    pub calm: Duration,
    /// The memory, in bytes, that must be free besides the floor before the tenant starts again.
    pub hysteresis: u64,
    /// The most starts of the tenant.
    pub starts: u32,
    /// The time without a reading after which [`on_scrape_failure`](crate::decision::Rules) decides.
    pub stale: Duration,
    /// Readings come with a number that must grow within [`stale`](Self::stale).
    pub must_advance: bool,
    /// The start of the window, in minutes since 1970.
    pub scheduled_minute: i64,
    /// The length of the window.
    pub window: Duration,
}

impl Plan {
    /// The time before the window's end in which the tenant does not start, besides [`calm`](Self::calm).
    pub const MIN_SERVICE: Duration = Duration::from_secs(120);

    /// Returns the time before the window's end in which the tenant does not start.
    #[must_use]
    pub fn no_start_before_end(&self) -> Duration {
        self.calm.saturating_add(Self::MIN_SERVICE)
    }
}
