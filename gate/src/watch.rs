//! A window in one run: from looks at the GPU and at the scale to starts, yields and an end.
//!
//! Nothing here reads a clock: every look brings its time, so that a recorded night can be replayed.
//!
//! ```
//! use std::time::Duration;
//! use vram_gate::decision::{Reading, Rules};
//! use vram_gate::exposition::Usage;
//! use vram_gate::watch::{Look, Moment, Plan, Step, Watch};
//!
//! let rules = Rules { total: Some(16 << 30), floor: 6 << 30, ..Rules::default() };
//! let plan = Plan { scheduled_minute: 29_453_880, ..Plan::default() };
//! let mut watch = Watch::new(rules, plan, 0);
//! let usage = Usage { others: 4 << 30, series: 1, ..Usage::default() };
//! let mut replicas = 0;
//! for seconds in (0..=20).step_by(5) {
//!     let elapsed = Duration::from_secs(seconds);
//!     let moment = Moment { elapsed, now_ms: 29_453_880 * 60_000 + elapsed.as_millis() as i64 };
//!     let look = Look { replicas: Some(replicas), reading: Reading::Scraped(usage), number: None };
//!     let Step::Continue(decision) = watch.look(moment, &look) else { break };
//!     if let Some(wanted) = decision.scale_to {
//!         replicas = wanted.into();
//!         watch.note_scaled(wanted);
//!     }
//! }
//! assert_eq!(replicas, 1, "two readings, twenty seconds apart, leave the floor free");
//! ```

use std::time::Duration;

use crate::decision::{Action, Decision, OnScrapeFailure, Reading, Reason, Rules, decide};
use crate::demand::{Demand, DemandPlan, DemandState};

/// The most that the clocks of a node and of the CronJob's controller may differ at the window's start.
const CLOCK_TOLERANCE_MS: i64 = 60_000;

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

impl Default for Plan {
    /// The defaults of the settings, in a window of four hours from 1970 on.
    fn default() -> Self {
        Self {
            samples: 2,
            sample_interval: Duration::from_secs(20),
            recheck_delay: Duration::from_secs(75),
            calm: Duration::from_secs(600),
            hysteresis: 512 << 20,
            starts: 3,
            stale: Duration::from_secs(30),
            must_advance: false,
            scheduled_minute: 0,
            window: Duration::from_secs(4 * 3600),
        }
    }
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

/// The time of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The time since the watch began, by a clock that nobody sets.
    pub elapsed: Duration,
    /// The time in milliseconds since 1970, by the node's clock.
    pub now_ms: i64,
}

/// The readings of one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// The tenant's replicas; `None`: not read.
    pub replicas: Option<i64>,
    /// The GPU's memory.
    pub reading: Reading,
    /// A number by which two readings are known to be of different updates: the time of a sample, or the
    /// exporter's own metric ([`Plan::must_advance`]). `None`: every reading counts as a new one.
    pub number: Option<f64>,
}

/// The consequence of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Carry the decision out, and look again.
    Continue(Decision),
    /// Carry the decision out, and end.
    End(Decision),
}

/// A watch over one window.
///
/// In doubt the tenant yields, and does not start. What it knows of the tenant is the last scale that was
/// read or confirmed, so a watch that begins in the middle of a window goes on where another one ended.
#[derive(Debug, Clone)]
pub struct Watch {
    rules: Rules,
    plan: Plan,
    /// The elapsed time at which the window ends, however the node's clock is set meanwhile.
    ends_at: Option<Duration>,
    /// The replicas that were last read or confirmed.
    replicas: Option<i64>,
    /// The replicas that the watch last asked for.
    asked_for: Option<u32>,
    starts: u32,
    /// The tenant has yielded, so it starts again only after calm.
    needs_calm: bool,
    /// The readings in a row that left the floor free, the latest one's time and its number.
    passed: u32,
    last_pass: Duration,
    last_number: Option<f64>,
    /// The time since which floor and hysteresis have been free.
    calm_since: Option<Duration>,
    /// The time since which bytes labelled `unknown` alone have broken the floor.
    unknown_since: Option<Duration>,
    /// The time of the last reading that could be used, and the reason why there was none since.
    read_at: Duration,
    unread_reason: Reason,
    /// The largest number so far, and the time since which it has not grown.
    largest: Option<(f64, Duration)>,
    /// The number has grown at least once, so the exporter is alive.
    has_grown: bool,
    /// The demand, if the tenant starts by demand alone.
    demand: Option<DemandState>,
    /// The stop that is decided is for want of demand: nobody else needed the GPU.
    is_idle_stop: bool,
}

impl Watch {
    /// Returns a watch that has not looked yet. The earlier starts are those of the same window that an
    /// earlier watch made; with any, the tenant starts again only after calm.
    #[must_use]
    pub fn new(rules: Rules, plan: Plan, earlier_starts: u32) -> Self {
        Self {
            rules,
            plan,
            ends_at: None,
            replicas: None,
            asked_for: None,
            starts: earlier_starts,
            needs_calm: earlier_starts > 0,
            passed: 0,
            last_pass: Duration::ZERO,
            last_number: None,
            calm_since: None,
            unknown_since: None,
            read_at: Duration::ZERO,
            unread_reason: Reason::NoReading,
            largest: None,
            has_grown: false,
            demand: None,
            is_idle_stop: false,
        }
    }

    /// Makes the tenant start by demand alone. The earlier time is that for which it ran under an earlier watch
    /// of the same window.
    #[must_use]
    pub fn with_demand(self, plan: DemandPlan, earlier_up: Duration) -> Self {
        Self { demand: Some(DemandState::new(plan, earlier_up)), ..self }
    }

    /// Notes an answer about demand; a watch that does not follow demand ignores it.
    pub fn note_demand(&mut self, moment: Moment, answer: Demand) {
        if let Some(demand) = &mut self.demand {
            demand.note_answer(moment.elapsed, answer);
        }
    }

    /// The latest answer about demand; `None` if the watch does not follow demand.
    #[must_use]
    pub fn demand(&self) -> Option<Demand> {
        self.demand.as_ref().map(DemandState::latest)
    }

    /// The time for which demand has been unknown.
    #[must_use]
    pub fn demand_unknown_for(&self, moment: Moment) -> Duration {
        self.demand.as_ref().map_or(Duration::ZERO, |demand| demand.unknown_for(moment.elapsed))
    }

    /// The time for which the tenant has run in this window; zero if the watch does not follow demand.
    #[must_use]
    pub fn time_used(&self) -> Duration {
        self.demand.as_ref().map_or(Duration::ZERO, DemandState::up)
    }

    /// The starts of the tenant in this window.
    #[must_use]
    pub fn starts(&self) -> u32 {
        self.starts
    }

    /// The tenant's replicas, as they were last read or confirmed.
    #[must_use]
    pub fn replicas(&self) -> Option<i64> {
        self.replicas
    }

    /// The end of the window by the node's clock, in milliseconds since 1970.
    #[must_use]
    pub fn end_ms(&self) -> i64 {
        let window = i64::try_from(self.plan.window.as_millis()).unwrap_or(i64::MAX);
        self.plan.scheduled_minute.saturating_mul(60_000).saturating_add(window)
    }

    /// Decides after a look.
    pub fn look(&mut self, moment: Moment, look: &Look) -> Step {
        if let Some(end) = self.check_end(moment) {
            return end;
        }
        if self.is_closed_by_another(look) {
            if decide(Action::Guard, &look.reading, &self.rules).scale_to.is_none() {
                return Step::End(Decision::leave_alone(Reason::ClosedByAnother));
            }
            // A guard beside the watch was faster.
            self.note_asked(0);
        }
        if let Some(replicas) = look.replicas {
            self.note_replicas(replicas);
        }
        self.note_number(moment, look);
        let is_up = self.replicas.is_some_and(|replicas| replicas > 0);
        if let Some(demand) = &mut self.demand {
            demand.note_up(moment.elapsed, is_up);
        }
        let mut decision = match self.replicas {
            Some(0) => self.decide_start(moment, look),
            _ => self.decide_stop(moment, look),
        };
        // Demand decides only about a tenant that is in nobody's way.
        let idle = self.demand.as_ref().filter(|_| is_up && decision.scale_to.is_none());
        if let Some(reason) = idle.and_then(DemandState::reason_to_stop) {
            decision = Decision::scale(0, reason);
        }
        self.is_idle_stop = decision.reason == Reason::Idle;
        Step::Continue(decision)
    }

    /// Decides without a look, while one takes long: that the window is over, or that there has been no
    /// reading for too long. `None`: nothing has changed.
    pub fn wait(&mut self, moment: Moment) -> Option<Step> {
        if let Some(end) = self.check_end(moment) {
            return Some(end);
        }
        let may_run = self.replicas != Some(0);
        (may_run && self.is_unread(moment))
            .then(|| self.decide_unread(self.unread_reason))
            .filter(|decision| decision.scale_to.is_some())
            .map(Step::Continue)
    }

    /// Notes that a decision to scale is carried out; whether it has worked, a later look or
    /// [`note_scaled`](Self::note_scaled) tells.
    pub fn note_asked(&mut self, replicas: u32) {
        self.asked_for = Some(replicas);
        self.needs_calm |= replicas == 0 && !self.is_idle_stop;
    }

    /// Notes that the tenant was scaled, and that the server has confirmed it.
    pub fn note_scaled(&mut self, replicas: u32) {
        self.note_asked(replicas);
        self.note_replicas(replicas.into());
    }

    fn note_readable(&mut self, moment: Moment) {
        (self.read_at, self.unread_reason) = (moment.elapsed, Reason::NoReading);
    }

    fn note_replicas(&mut self, replicas: i64) {
        let was_up = self.replicas.is_some_and(|before| before > 0);
        if self.replicas == Some(0) && replicas > 0 {
            self.starts = self.starts.saturating_add(1);
            // Whoever started it: a later 0 is the watch's own only if it asks again.
            self.asked_for = Some(1);
        }
        if was_up && replicas == 0 && std::mem::take(&mut self.is_idle_stop) {
            // Only starts that end because others need the GPU are counted.
            self.starts = self.starts.saturating_sub(1);
        }
        if was_up != (replicas > 0) {
            (self.passed, self.calm_since, self.unknown_since) = (0, None, None);
        }
        self.replicas = Some(replicas);
    }

    /// Returns true if the tenant ran, and is stopped now although the watch did not ask for that.
    fn is_closed_by_another(&self, look: &Look) -> bool {
        let was_up = self.replicas.is_some_and(|before| before > 0);
        was_up && look.replicas == Some(0) && self.asked_for != Some(0)
    }

    /// Returns the end, if the window is over by either clock.
    fn check_end(&mut self, moment: Moment) -> Option<Step> {
        self.time_left(moment).is_zero().then_some(Step::End(Decision::WINDOW_END))
    }

    /// Returns the time to the window's end, by the clock that is nearer to it.
    fn time_left(&mut self, moment: Moment) -> Duration {
        let left_ms = self.end_ms().saturating_sub(moment.now_ms);
        let by_clock = Duration::from_millis(u64::try_from(left_ms).unwrap_or(0));
        let by_clock = by_clock.min(self.plan.window);
        let ends_at = *self.ends_at.get_or_insert(moment.elapsed.saturating_add(by_clock));
        by_clock.min(ends_at.saturating_sub(moment.elapsed))
    }

    fn is_clock_wrong(&self, moment: Moment) -> bool {
        let scheduled = self.plan.scheduled_minute.saturating_mul(60_000);
        moment.now_ms < scheduled.saturating_sub(CLOCK_TOLERANCE_MS)
    }

    fn note_number(&mut self, moment: Moment, look: &Look) {
        let (true, Some(number)) = (self.plan.must_advance, look.number) else { return };
        match self.largest {
            Some((largest, _)) if number > largest => {
                self.largest = Some((number, moment.elapsed));
                self.has_grown = true;
            }
            // An exporter that has started again counts from the beginning.
            Some((largest, since)) if number < largest => self.largest = Some((number, since)),
            Some(_) => {}
            None => self.largest = Some((number, moment.elapsed)),
        }
    }

    /// Returns true if the exporter's number has not grown for too long.
    fn is_stuck(&self, moment: Moment) -> bool {
        self.largest
            .is_some_and(|(_, since)| moment.elapsed.saturating_sub(since) >= self.plan.stale)
    }

    fn is_unread(&self, moment: Moment) -> bool {
        moment.elapsed.saturating_sub(self.read_at) >= self.plan.stale
    }

    /// Decides about a tenant that runs, or of which nothing is known.
    fn decide_stop(&mut self, moment: Moment, look: &Look) -> Decision {
        if self.is_clock_wrong(moment) {
            return Decision::scale(0, Reason::ClockWrong);
        }
        let decision = decide(Action::Guard, &look.reading, &self.rules);
        if is_unreadable(decision.reason) {
            self.unread_reason = decision.reason;
            return match self.is_unread(moment) {
                true => self.decide_unread(decision.reason),
                false => Decision::leave_alone(decision.reason),
            };
        }
        self.note_readable(moment);
        if decision.scale_to.is_none() {
            self.unknown_since = None;
            return match self.is_stuck(moment) {
                true => self.decide_unread(Reason::StaleReading),
                false => decision,
            };
        }
        if !decision.recheck {
            return decision;
        }
        let since = *self.unknown_since.get_or_insert(moment.elapsed);
        match moment.elapsed.saturating_sub(since) >= self.plan.recheck_delay {
            true => decision,
            false => Decision { scale_to: None, ..decision },
        }
    }

    fn decide_unread(&self, reason: Reason) -> Decision {
        match self.rules.on_scrape_failure {
            OnScrapeFailure::Yield => Decision::scale(0, reason),
            OnScrapeFailure::Keep => Decision::leave_alone(reason),
        }
    }

    /// Decides about a tenant that is stopped.
    fn decide_start(&mut self, moment: Moment, look: &Look) -> Decision {
        let decision = decide(Action::Up, &look.reading, &self.rules);
        if !is_unreadable(decision.reason) {
            self.note_readable(moment);
        }
        let is_stuck = self.is_stuck(moment);
        if decision.scale_to.is_none() || is_stuck {
            (self.passed, self.calm_since) = (0, None);
            let reason = if is_stuck { Reason::StaleReading } else { decision.reason };
            return Decision::leave_alone(reason);
        }
        self.note_pass(moment, look);
        let is_calm = self.check_calm(moment, look);
        let too_late = self.plan.no_start_before_end();
        let blocked = if self.is_clock_wrong(moment) {
            Some(Reason::ClockWrong)
        } else if self.starts >= self.plan.starts {
            Some(Reason::StartsUsed)
        } else if self.time_left(moment) <= too_late {
            Some(Reason::TooLate)
        } else if look.replicas.is_none() {
            Some(Reason::ScaleUnknown)
        } else if self.needs_calm && !is_calm {
            Some(Reason::NotCalm)
        } else {
            self.demand.as_ref().and_then(DemandState::reason_not_to_start)
        };
        match blocked {
            Some(reason) => Decision::leave_alone(reason),
            None if self.passed < self.plan.samples => Decision::leave_alone(decision.reason),
            None if self.needs_calm => Decision::scale(1, Reason::Calm),
            None => decision,
        }
    }

    /// Counts a reading that leaves the floor free, if it is far enough from the one before, and of a later
    /// update.
    fn note_pass(&mut self, moment: Moment, look: &Look) {
        let is_first = self.passed == 0;
        let is_apart = moment.elapsed.saturating_sub(self.last_pass) >= self.plan.sample_interval;
        let is_newer = match (look.number, self.last_number) {
            // Of an exporter that must be seen to count, one number proves nothing.
            (Some(_), _) if self.plan.must_advance && !self.has_grown => false,
            // It is smaller after the exporter has started again.
            (Some(number), Some(last)) if self.plan.must_advance => number != last,
            (Some(number), Some(last)) => number > last,
            _ => true,
        };
        if is_newer && (is_first || is_apart) {
            self.passed = self.passed.saturating_add(1);
            self.last_pass = moment.elapsed;
            self.last_number = look.number;
        }
    }

    /// Returns true if floor and hysteresis have been free for long enough.
    fn check_calm(&mut self, moment: Moment, look: &Look) -> bool {
        let floor = self.rules.floor.saturating_add(self.plan.hysteresis);
        let rules = Rules { floor, ..self.rules };
        if decide(Action::Up, &look.reading, &rules).scale_to.is_none() {
            self.calm_since = None;
            return false;
        }
        let since = *self.calm_since.get_or_insert(moment.elapsed);
        moment.elapsed.saturating_sub(since) >= self.plan.calm
    }
}

/// Returns true for the reasons of a decision without a reading.
fn is_unreadable(reason: Reason) -> bool {
    matches!(reason, Reason::NoReading | Reason::NoSeries)
}

#[cfg(test)]
mod tests;
