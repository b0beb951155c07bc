//! The decision: from a reading and the rules to a number of replicas.
//!
//! A pure function, so that what the cluster does tonight can be replayed,
//! tabulated and tested without one.

use crate::page::Usage;

/// What the gate is run for, three times a night.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The window opens: start the tenant if the card has room.
    Up,
    /// Inside the window: stop the tenant if others need the card.
    Guard,
    /// The window ends: stop the tenant.
    Down,
}

impl Action {
    /// Every action with its name in settings and in the report.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("up", Self::Up), ("guard", Self::Guard), ("down", Self::Down)];

    /// The action's name in settings and in the report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Guard => "guard",
            Self::Down => "down",
        }
    }
}

/// Whose memory the guard counts. `up` always counts everyone's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Count {
    /// All but the tenant's own namespace: the question `up` asked, so that
    /// the tenant's own model does not trip the guard.
    #[default]
    Residents,
    /// Everyone, the tenant included: the arithmetic of the script.
    Everyone,
}

/// What the guard does when there is no reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnScrapeFailure {
    /// Give the card back: the safety of others is unknown.
    #[default]
    Yield,
    /// Leave the tenant alone, as the script does in effect.
    Keep,
}

/// What a page without a series of the metric means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NoSeries {
    /// No reading: the exporter answers so when its own probe failed.
    #[default]
    Unknown,
    /// An idle card, used by nobody, as the script has it.
    Idle,
}

/// The numbers and behaviours a decision is made by. Amounts are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The card's memory.
    pub total: u64,
    /// What must be free for the tenant to start, and to stay.
    pub floor: u64,
    /// Guard: what must stay free whoever uses it, the tenant included.
    pub reserve: u64,
    /// Guard: whose memory counts against the floor.
    pub count: Count,
    /// Guard: what to do without a reading.
    pub on_scrape_failure: OnScrapeFailure,
    /// What a page without series means.
    pub no_series: NoSeries,
}

impl Default for Rules {
    /// The safe behaviours, on a card of no memory: nothing is ever started.
    fn default() -> Self {
        Self {
            total: 0,
            floor: 0,
            reserve: 0,
            count: Count::default(),
            on_scrape_failure: OnScrapeFailure::default(),
            no_series: NoSeries::default(),
        }
    }
}

/// What was learnt of the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// A page was read whole, and this is what it says (perhaps no series).
    Page(Usage),
    /// No page, or one that can't be understood, after all tries.
    Failed,
}

impl From<Usage> for Reading {
    fn from(usage: Usage) -> Self {
        Self::Page(usage)
    }
}

/// Why it was decided so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// `up`: at least the floor is free.
    FloorFree,
    /// `up`: less than the floor is free.
    FloorNotFree,
    /// `guard`: the floor is free and the reserve holds.
    FloorHolds,
    /// `guard`: what is counted leaves less than the floor.
    FloorBroken,
    /// `guard`: less than the reserve is left, whoever uses it.
    ReserveBroken,
    /// `up`, `guard`: there is no reading.
    NoReading,
    /// `up`, `guard`: the page has no series of the metric.
    NoSeries,
    /// `down`: the window ends.
    WindowEnd,
}

impl Reason {
    /// The reason's name in the JSON report: stable, to be matched by machines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FloorFree => "floor-free",
            Self::FloorNotFree => "floor-not-free",
            Self::FloorHolds => "floor-holds",
            Self::FloorBroken => "floor-broken",
            Self::ReserveBroken => "reserve-broken",
            Self::NoReading => "no-reading",
            Self::NoSeries => "no-series",
            Self::WindowEnd => "window-end",
        }
    }

    /// The reason as a person reads it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::FloorFree => "the floor is free",
            Self::FloorNotFree => "less than the floor is free",
            Self::FloorHolds => "the floor is free and the reserve holds",
            Self::FloorBroken => "others leave less than the floor",
            Self::ReserveBroken => "less than the reserve is left",
            Self::NoReading => "there is no reading of the card",
            Self::NoSeries => "the page has no series of the metric",
            Self::WindowEnd => "the window ends",
        }
    }
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The replicas to scale to, or `None`: leave the tenant alone.
    pub scale_to: Option<u32>,
    /// Why.
    pub reason: Reason,
    /// Guard: bytes labelled `unknown` alone make it yield, and they may be
    /// the tenant's own in its first minute. Look again later and do what that
    /// decision says; this flag of the second one does not count.
    pub look_again: bool,
}

impl Decision {
    /// What `down` decides, without any reading.
    pub const WINDOW_END: Self = Self::scale(0, Reason::WindowEnd);

    const fn scale(replicas: u32, reason: Reason) -> Self {
        Self { scale_to: Some(replicas), reason, look_again: false }
    }

    const fn leave(reason: Reason) -> Self {
        Self { scale_to: None, reason, look_again: false }
    }
}

/// Bytes that are free when `used` bytes of the card are: below zero when more
/// is in use than the rules say the card has.
#[must_use]
pub fn free(rules: &Rules, used: u64) -> i128 {
    i128::from(rules.total) - i128::from(used)
}

/// The bytes an action counts as used: everyone's for `up`, by
/// [`Rules::count`] for the guard.
#[must_use]
pub fn counted(action: Action, usage: &Usage, rules: &Rules) -> u64 {
    match (action, rules.count) {
        (Action::Guard, Count::Residents) => usage.residents(),
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
        Reading::Failed => return without_reading(action, rules, Reason::NoReading),
        Reading::Page(usage) if usage.series == 0 && rules.no_series == NoSeries::Unknown => {
            return without_reading(action, rules, Reason::NoSeries);
        }
        Reading::Page(usage) => usage,
    };
    let floor = i128::from(rules.floor);
    let left = free(rules, counted(action, usage, rules));
    match action {
        Action::Up if left >= floor => Decision::scale(1, Reason::FloorFree),
        Action::Up => Decision::leave(Reason::FloorNotFree),
        _ if left < floor => Decision {
            look_again: unknown_alone_breaks_the_floor(usage, rules),
            ..Decision::scale(0, Reason::FloorBroken)
        },
        _ if free(rules, usage.everyone()) < i128::from(rules.reserve) => {
            Decision::scale(0, Reason::ReserveBroken)
        }
        _ => Decision::leave(Reason::FloorHolds),
    }
}

fn without_reading(action: Action, rules: &Rules, reason: Reason) -> Decision {
    match (action, rules.on_scrape_failure) {
        (Action::Guard, OnScrapeFailure::Yield) => Decision::scale(0, reason),
        _ => Decision::leave(reason),
    }
}

/// Whether the guard would not yield, were the bytes labelled `unknown` the
/// tenant's own. Where everyone counts, whose they are makes no difference;
/// nor does it to the reserve.
fn unknown_alone_breaks_the_floor(usage: &Usage, rules: &Rules) -> bool {
    rules.count == Count::Residents
        && free(rules, usage.others) >= i128::from(rules.floor)
        && free(rules, usage.everyone()) >= i128::from(rules.reserve)
}

#[cfg(test)]
mod tests;
