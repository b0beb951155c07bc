//! The decision: from a reading and the rules to a number of replicas.
//!
//! A pure function, so that a run in the cluster can be replayed, tabulated and tested without one.

use crate::exposition::{Series, Usage};

/// The action that the gate runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The window opens: start the tenant if the GPU has room.
    Up,
    /// Inside the window: stop the tenant if others need the GPU.
    Guard,
    /// The window ends: stop the tenant.
    Down,
    /// A Pod of the tenant starts: let it load its model if the GPU has room.
    Admit,
    /// A whole window in one run: the rules of [`Up`](Self::Up) while the tenant is stopped, those of
    /// [`Guard`](Self::Guard) while it runs.
    Watch,
}

impl Action {
    /// Every action with its name in settings and in the report.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("up", Self::Up),
        ("guard", Self::Guard),
        ("down", Self::Down),
        ("admit", Self::Admit),
        ("watch", Self::Watch),
    ];

    /// The action's name in settings and in the report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Guard => "guard",
            Self::Down => "down",
            Self::Admit => "admit",
            Self::Watch => "watch",
        }
    }
}

/// The memory that the guard counts against the floor. `up` and `admit` always count everyone's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase"))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Count {
    /// Everyone's but the tenant's own, so that the tenant's own model does not trip the guard.
    #[default]
    Residents,
    /// Everyone's, the tenant's own included: its own model can trip the guard.
    Everyone,
}

impl Count {
    /// Every choice with its name in settings.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("residents", Self::Residents), ("everyone", Self::Everyone)];
}

/// The guard's behaviour when the GPU's memory can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase"))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum OnScrapeFailure {
    /// It stops the tenant: nothing is known about the residents' memory.
    #[default]
    Yield,
    /// It leaves the tenant running.
    Keep,
}

impl OnScrapeFailure {
    /// Every choice with its name in settings.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("yield", Self::Yield), ("keep", Self::Keep)];
}

/// The meaning of a scrape without a series of the metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase"))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum NoSeries {
    /// No reading: an exporter whose own probe failed may serve such a scrape.
    #[default]
    Unknown,
    /// An idle GPU: nothing is in use.
    Idle,
}

impl NoSeries {
    /// Every choice with its name in settings.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("unknown", Self::Unknown), ("idle", Self::Idle)];
}

/// The user that the scrape names for memory in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Attribution {
    /// Series name the namespace that uses the memory.
    #[default]
    Namespaces,
    /// None: the tenant's memory can't be distinguished from the residents'.
    None,
}

impl From<Series> for Attribution {
    fn from(series: Series) -> Self {
        match series {
            Series::Pods | Series::DevicesAndPods => Self::Namespaces,
            Series::Devices => Self::None,
        }
    }
}

/// The numbers and behaviours of a decision. Amounts are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// The GPU's memory; `None`: as measured. If it is measured too, the smaller amount counts.
    pub total: Option<u64>,
    /// The memory that must be free for the tenant to start and to keep running.
    pub floor: u64,
    /// Guard: the memory that must stay free whoever uses the rest, the tenant included.
    pub reserve: u64,
    /// Guard: the most memory that the tenant may use; `None`: any.
    pub budget: Option<u64>,
    /// Guard: the memory that counts against the floor.
    pub count: Count,
    /// The user that the scrape names for memory in use.
    pub attribution: Attribution,
    /// Guard: the behaviour without a reading.
    pub on_scrape_failure: OnScrapeFailure,
    /// The meaning of a scrape without series.
    pub no_series: NoSeries,
}

/// The result of reading the GPU's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// A whole scrape with this usage, perhaps without any series.
    Scraped(Usage),
    /// No scrape, or one that can't be understood, after all attempts.
    Failed,
}

impl From<Usage> for Reading {
    fn from(usage: Usage) -> Self {
        Self::Scraped(usage)
    }
}

/// The reason of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// `up`, `admit`: at least the floor is free.
    FloorFree,
    /// `up`, `admit`: less than the floor is free.
    FloorNotFree,
    /// `guard`: the floor and the reserve are free.
    FloorHolds,
    /// `guard`: the counted memory leaves less than the floor.
    FloorBroken,
    /// `guard`: less than the reserve is free, whoever uses the rest.
    ReserveBroken,
    /// `guard`: the tenant uses more than its budget.
    BudgetBroken,
    /// `guard`, where nothing attributes memory: less is free than the floor without the budget.
    HeadroomBroken,
    /// `guard`, where nothing attributes memory: the floor without the budget and the reserve are free.
    HeadroomHolds,
    /// All but `down`: there is no reading.
    NoReading,
    /// All but `down`: the scrape has no series of the metric.
    NoSeries,
    /// `down`: the window ends.
    WindowEnd,
    /// `guard`: a setting is invalid, so that no reading can be judged.
    Misconfigured,
    /// `up`, `admit`: SIGTERM arrived before the tenant was started.
    Stopped,
    /// `up`: the tenant has a replica, so nothing is read.
    AlreadyUp,
    /// `watch`: the floor and the hysteresis were free for long enough to start again.
    Calm,
    /// `watch`: the floor is free, but not yet for long enough to start again.
    NotCalm,
    /// `watch`: the scrape does not change: the metric of freshness does not grow.
    StaleReading,
    /// `watch`: the floor is free, but the replicas could not be read.
    ScaleUnknown,
    /// `watch`: the tenant was started as often as it may be.
    StartsUsed,
    /// `watch`: the floor is free, but the window ends too soon for a start.
    TooLate,
    /// `watch`: the clock is before the start of the window.
    ClockWrong,
    /// `watch`: somebody else scaled the tenant to 0.
    ClosedByAnother,
    /// `watch`: SIGTERM arrived.
    Terminated,
    /// `watch` by demand: there was no demand for as long as the tenant waits for some.
    Idle,
    /// `watch` by demand: the tenant ran for as long as it may in one window.
    TimeUsed,
    /// `watch` by demand: the floor is free, and there is no demand.
    NoDemand,
    /// `watch` by demand: the floor is free, and nobody knows whether there is demand.
    DemandUnknown,
}

impl Reason {
    /// The reason's name in the JSON report: stable, to be matched by programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FloorFree => "floor-free",
            Self::FloorNotFree => "floor-not-free",
            Self::FloorHolds => "floor-holds",
            Self::FloorBroken => "floor-broken",
            Self::ReserveBroken => "reserve-broken",
            Self::BudgetBroken => "budget-broken",
            Self::HeadroomBroken => "headroom-broken",
            Self::HeadroomHolds => "headroom-holds",
            Self::NoReading => "no-reading",
            Self::NoSeries => "no-series",
            Self::WindowEnd => "window-end",
            Self::Misconfigured => "misconfigured",
            Self::Stopped => "stopped",
            Self::AlreadyUp => "already-up",
            Self::Calm => "calm",
            Self::NotCalm => "not-calm",
            Self::StaleReading => "stale-reading",
            Self::ScaleUnknown => "scale-unknown",
            Self::StartsUsed => "starts-used",
            Self::TooLate => "too-late",
            Self::ClockWrong => "clock-wrong",
            Self::ClosedByAnother => "closed-by-another",
            Self::Terminated => "terminated",
            Self::Idle => "idle",
            Self::TimeUsed => "time-used",
            Self::NoDemand => "no-demand",
            Self::DemandUnknown => "demand-unknown",
        }
    }

    /// The reason in words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::FloorFree => "the floor is free",
            Self::FloorNotFree => "less than the floor is free",
            Self::FloorHolds => "the floor and the reserve are free",
            Self::FloorBroken => "others leave less than the floor",
            Self::ReserveBroken => "less than the reserve is free",
            Self::BudgetBroken => "the tenant uses more than its budget",
            Self::HeadroomBroken => "less than the floor without the budget is free",
            Self::HeadroomHolds => "the floor without the budget and the reserve are free",
            Self::NoReading => "the GPU's memory could not be read",
            Self::NoSeries => "the scrape has no series of the metric",
            Self::WindowEnd => "the window ends",
            Self::Misconfigured => "the configuration is invalid",
            Self::Stopped => "stopped by SIGTERM before the tenant was started",
            Self::AlreadyUp => "it already has a replica",
            Self::Calm => "the floor and the hysteresis stayed free",
            Self::NotCalm => "the floor and the hysteresis are not yet free for long enough",
            Self::StaleReading => "the exporter's metric of freshness does not grow",
            Self::ScaleUnknown => "the replicas could not be read",
            Self::StartsUsed => "it was started as often as it may be in one window",
            Self::TooLate => "the window ends too soon for a start",
            Self::ClockWrong => "the clock is before the start of the window",
            Self::ClosedByAnother => "somebody else scaled it to 0",
            Self::Terminated => "the watch ended before its window",
            Self::Idle => "there was no demand for as long as it waits",
            Self::TimeUsed => "it ran for as long as it may in one window",
            Self::NoDemand => "there is no demand",
            Self::DemandUnknown => "the demand could not be read",
        }
    }
}

/// The decision about the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The replicas to scale to, or `None` to leave the tenant alone; `admit` never scales.
    pub scale_to: Option<u32>,
    /// The reason.
    pub reason: Reason,
    /// Guard: it yields only because of bytes labelled `unknown`, which may be the tenant's own in its
    /// first minute. Take a second reading later and follow its decision; the flag of that second
    /// decision is ignored.
    pub recheck: bool,
}

impl Decision {
    /// The decision of `down`, which needs no reading.
    pub const WINDOW_END: Self = Self::scale(0, Reason::WindowEnd);

    /// The decision of a guard with an invalid setting: nobody knows whether the residents have room.
    pub const MISCONFIGURED: Self = Self::scale(0, Reason::Misconfigured);

    /// The decision of an `up` or an `admit` that is stopped: in doubt the tenant does not start.
    pub const STOPPED: Self = Self::leave_alone(Reason::Stopped);

    /// The decision of an `up` that finds a replica, which needs no reading.
    pub const ALREADY_UP: Self = Self::leave_alone(Reason::AlreadyUp);

    /// The report of a `watch` that has not known the demand for long; it decides nothing.
    pub const DEMAND_UNKNOWN: Self = Self::leave_alone(Reason::DemandUnknown);

    /// The decision of a `watch` that is stopped: nothing guards the tenant until the next one runs.
    pub const TERMINATED: Self = Self::scale(0, Reason::Terminated);

    pub(crate) const fn scale(replicas: u32, reason: Reason) -> Self {
        Self { scale_to: Some(replicas), reason, recheck: false }
    }

    pub(crate) const fn leave_alone(reason: Reason) -> Self {
        Self { scale_to: None, reason, recheck: false }
    }
}

/// Returns the GPU's memory: the smaller one of the rules' and the measured amount, 0 without both.
#[must_use]
pub fn total_bytes(rules: &Rules, usage: &Usage) -> u64 {
    match (rules.total, usage.total) {
        (Some(known), Some(measured)) => known.min(measured),
        (known, measured) => known.or(measured).unwrap_or(0),
    }
}

/// Returns the bytes that `used` bytes of a usage leave free: below zero if more is in use than the GPU
/// has.
#[must_use]
pub fn free_bytes(rules: &Rules, usage: &Usage, used: u64) -> i128 {
    i128::from(total_bytes(rules, usage)) - i128::from(used)
}

/// Returns the bytes that an action counts as used: by [`Rules::count`] for the guard, everyone's for the
/// others. Where nothing attributes memory they are always everyone's.
#[must_use]
pub fn counted_bytes(action: Action, usage: &Usage, rules: &Rules) -> u64 {
    match (action, rules.count, rules.attribution) {
        (Action::Guard, Count::Residents, Attribution::Namespaces) => usage.residents(),
        _ => usage.everyone(),
    }
}

/// Decides what to do about the tenant.
#[must_use]
pub fn decide(action: Action, reading: &Reading, rules: &Rules) -> Decision {
    if action == Action::Down {
        return Decision::WINDOW_END;
    }
    let usage = match reading {
        Reading::Failed => return decide_without_reading(action, rules, Reason::NoReading),
        Reading::Scraped(usage) if usage.series == 0 && rules.no_series == NoSeries::Unknown => {
            return decide_without_reading(action, rules, Reason::NoSeries);
        }
        Reading::Scraped(usage) => usage,
    };
    match action {
        Action::Up if is_floor_free(usage, rules) => Decision::scale(1, Reason::FloorFree),
        Action::Admit if is_floor_free(usage, rules) => Decision::leave_alone(Reason::FloorFree),
        Action::Up | Action::Admit => Decision::leave_alone(Reason::FloorNotFree),
        _ => guard(usage, rules),
    }
}

/// Returns true if everyone together leaves the floor free.
fn is_floor_free(usage: &Usage, rules: &Rules) -> bool {
    free_bytes(rules, usage, usage.everyone()) >= i128::from(rules.floor)
}

/// Decides what the guard does with a reading.
fn guard(usage: &Usage, rules: &Rules) -> Decision {
    let free = free_bytes(rules, usage, usage.everyone());
    let is_unattributed = rules.attribution == Attribution::None;
    // Where nothing attributes memory only this is known: the residents use at least everyone's less the
    // budget. Below this much free memory the floor is broken, however little the tenant uses.
    let headroom = rules.floor.saturating_sub(rules.budget.unwrap_or(0));
    let reserve_broken = free < i128::from(rules.reserve);
    if is_unattributed && rules.count == Count::Residents {
        return if reserve_broken {
            Decision::scale(0, Reason::ReserveBroken)
        } else if free < i128::from(headroom) {
            Decision::scale(0, Reason::HeadroomBroken)
        } else {
            Decision::leave_alone(Reason::HeadroomHolds)
        };
    }
    let left = free_bytes(rules, usage, counted_bytes(Action::Guard, usage, rules));
    if left < i128::from(rules.floor) {
        let recheck = unknown_alone_breaks_the_floor(usage, rules);
        Decision { recheck, ..Decision::scale(0, Reason::FloorBroken) }
    } else if reserve_broken {
        Decision::scale(0, Reason::ReserveBroken)
    } else if is_over_budget(usage.tenant, rules) {
        Decision::scale(0, Reason::BudgetBroken)
    } else {
        Decision::leave_alone(Reason::FloorHolds)
    }
}

/// Returns true if the tenant uses more than its budget. Without attribution it uses 0, so never.
fn is_over_budget(tenant: u64, rules: &Rules) -> bool {
    rules.budget.is_some_and(|budget| tenant > budget)
}

fn decide_without_reading(action: Action, rules: &Rules, reason: Reason) -> Decision {
    match (action, rules.on_scrape_failure) {
        (Action::Guard, OnScrapeFailure::Yield) => Decision::scale(0, reason),
        _ => Decision::leave_alone(reason),
    }
}

/// Returns true if the guard would not yield, were the bytes labelled `unknown` the tenant's own.
/// With [`Count::Everyone`], and for the reserve, their owner makes no difference.
fn unknown_alone_breaks_the_floor(usage: &Usage, rules: &Rules) -> bool {
    rules.count == Count::Residents
        && free_bytes(rules, usage, usage.others) >= i128::from(rules.floor)
        && free_bytes(rules, usage, usage.everyone()) >= i128::from(rules.reserve)
        && !is_over_budget(usage.tenant.saturating_add(usage.unknown), rules)
}

#[cfg(test)]
mod tests;
