//! A replay of recorded memory under a gate's settings and schedules.
//!
//! In: a [`History`](super::history::History), a rendered gate, and the memory of its tenant. Out: an [`Outcome`] for each setting:
//! the nights, and in each of them when the tenant ran, why it stopped, and whether it starved anybody.
//! Every decision is made by the gate's own library, so a replay runs the code that runs in the cluster.
//! docs/simulate.md defines every figure.

mod chart;
mod compare;
mod html;
mod json;
mod night;
mod recorded;
mod stage;
mod tenant;
mod text;

use std::collections::BTreeMap;

use vram_gate::decision::Reason;

pub use compare::{Comparison, Replayed, Simulated, Simulation, TenantFlags};
pub use html::{html, svg};
pub use json::json;
pub use night::{NightOutcome, TenantRun};
pub use recorded::Growth;
pub(crate) use recorded::Recorded;
pub use stage::ReplayError;
pub use tenant::{TenantChoice, TenantMemory};
pub use text::text;

pub(crate) use chart::STYLE;
pub(crate) use compare::{describe_tenant, new_stage, warnings};
pub(crate) use html::{NIGHTS_STYLE, nights};
pub(crate) use json::Figures;
pub(crate) use night::{Inputs, JobRules, Night};
pub(crate) use stage::{SegmentCache, Stage, reaction_time, timestamp};
pub(crate) use tenant::{Run, recorded_runs};

/// The result of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// The nights, in order.
    pub nights: Vec<NightOutcome>,
}

/// Milliseconds in an hour.
const HOUR: f64 = 3_600_000.0;

/// Milliseconds in a minute.
const MINUTE: f64 = 60_000.0;

impl Outcome {
    /// The nights in which the tenant started.
    pub fn nights_served(&self) -> usize {
        self.nights.iter().filter(|night| !night.runs.is_empty()).count()
    }

    /// The starts of the tenant.
    pub fn starts(&self) -> usize {
        self.nights.iter().map(|night| night.runs.len()).sum()
    }

    /// The starts that followed a yield in the same night.
    pub fn flaps(&self) -> usize {
        self.starts() - self.nights_served()
    }

    /// The yields by reason.
    pub fn yields(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        let yields = self.nights.iter().flat_map(NightOutcome::yields);
        for reason in yields.map(|(_, reason): (_, Reason)| reason.name()) {
            *counts.entry(reason).or_default() += 1;
        }
        counts
    }

    /// The hours that the tenant ran.
    pub fn hours(&self) -> f64 {
        self.nights.iter().map(NightOutcome::served).sum::<i64>() as f64 / HOUR
    }

    /// The nights in which residents and tenant together exceeded the GPU.
    pub fn starved_nights(&self) -> usize {
        self.nights.iter().filter(|night| night.starved > 0).count()
    }

    /// The minutes in which they did.
    pub fn starved_minutes(&self) -> f64 {
        self.nights.iter().map(|night| night.starved).sum::<i64>() as f64 / MINUTE
    }

    /// The least that was free while the tenant's memory was in use; `None` if it never was.
    pub fn closest(&self) -> Option<i128> {
        self.nights.iter().filter_map(|night| night.closest).min()
    }

    /// The nights without a reading at the first run of `up`.
    pub fn unread(&self) -> usize {
        self.nights.iter().filter(|night| night.is_unread).count()
    }
}
