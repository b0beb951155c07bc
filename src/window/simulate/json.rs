//! A simulation as JSON. docs/simulate.md describes the keys.

use std::collections::BTreeMap;

use serde::Serialize;

use super::night::{Night, NightOutcome};
use super::{Growth, Outcome, Simulated, Simulation, timestamp};
use crate::report::json::{ObjectReference, to_text};

/// Raised when a key is removed or changes its meaning.
const VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    version: u32,
    stack: &'a str,
    target: ObjectReference<'a>,
    history: HistoryEntry<'a>,
    tenant: TenantEntry<'a>,
    reaction_seconds: f64,
    warnings: &'a [String],
    settings: Vec<SettingEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HistoryEntry<'a> {
    start: String,
    end: String,
    step: f64,
    samples: usize,
    remarks: &'a [String],
}

#[derive(Serialize)]
struct TenantEntry<'a> {
    peak: u64,
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SettingEntry<'a> {
    name: &'a str,
    #[serde(flatten)]
    figures: Figures,
    night_list: Vec<NightEntry>,
}

/// The figures of an outcome.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Figures {
    nights: usize,
    nights_served: usize,
    starts: usize,
    yields: usize,
    yield_reasons: BTreeMap<&'static str, usize>,
    flaps: usize,
    hours: f64,
    starved_nights: usize,
    starved_minutes: f64,
    closest_bytes: Option<i64>,
    unread_nights: usize,
}

impl From<&Outcome> for Figures {
    fn from(outcome: &Outcome) -> Self {
        let yield_reasons = outcome.yields();
        Figures {
            nights: outcome.nights.len(),
            nights_served: outcome.nights_served(),
            starts: outcome.starts(),
            yields: yield_reasons.values().sum(),
            yield_reasons,
            flaps: outcome.flaps(),
            hours: outcome.hours(),
            starved_nights: outcome.starved_nights(),
            starved_minutes: outcome.starved_minutes(),
            closest_bytes: outcome.closest().map(saturate_bytes),
            unread_nights: outcome.unread(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NightEntry {
    start: String,
    end: String,
    runs: Vec<RunEntry>,
    starved_minutes: f64,
    closest_bytes: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    starved: Option<EventEntry>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunEntry {
    start: String,
    end: String,
    /// The reason of the guard; null: the window ended.
    yielded: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    grown: Vec<Growth>,
}

#[derive(Serialize)]
struct EventEntry {
    since: String,
    grown: Vec<Growth>,
}

/// Formats a simulation as one indented JSON object.
pub fn json(simulation: &Simulation<'_>) -> String {
    let (start, end) = simulation.history.span();
    let reaction = simulation.current().map_or(0, |current| current.stage.reaction);
    to_text(&Report {
        version: VERSION,
        stack: &simulation.stack,
        target: ObjectReference::from(&simulation.target),
        history: HistoryEntry {
            start: format_time(start),
            end: format_time(end),
            step: simulation.history.step() as f64 / 1000.0,
            samples: simulation.history.len(),
            remarks: &simulation.history.remarks,
        },
        tenant: TenantEntry { peak: simulation.tenant.peak(), text: &simulation.tenant_origin },
        reaction_seconds: reaction as f64 / 1000.0,
        warnings: &simulation.warnings,
        settings: simulation.settings.iter().map(setting_entry).collect(),
    })
}

fn setting_entry<'a>(setting: &'a Simulated<'_>) -> SettingEntry<'a> {
    let nights = setting.stage.nights.iter().zip(&setting.outcome.nights);
    SettingEntry {
        name: &setting.name,
        figures: Figures::from(&setting.outcome),
        night_list: nights.map(|(night, outcome)| night_entry(setting, night, outcome)).collect(),
    }
}

fn night_entry(setting: &Simulated<'_>, night: &Night, outcome: &NightOutcome) -> NightEntry {
    let recorded = &setting.stage.recorded;
    let grown = |from, until| recorded.grown(from, until);
    NightEntry {
        start: format_time(night.opens),
        end: format_time(night.closes),
        runs: (outcome.runs.iter())
            .map(|run| RunEntry {
                start: format_time(run.start),
                end: format_time(run.stop),
                yielded: run.yielded.map(|reason| reason.name()),
                grown: match run.yielded {
                    Some(_) => grown(run.last_look, run.stop),
                    None => Vec::new(),
                },
            })
            .collect(),
        starved_minutes: outcome.starved as f64 / 60_000.0,
        closest_bytes: outcome.closest.map(saturate_bytes),
        starved: outcome.first_starved.map(|first| EventEntry {
            since: format_time(first),
            grown: grown(outcome.look_before(first, &night.guards), first),
        }),
    }
}

fn format_time(at: i64) -> String {
    timestamp(at).to_string()
}

fn saturate_bytes(bytes: i128) -> i64 {
    i64::try_from(bytes).unwrap_or(if bytes < 0 { i64::MIN } else { i64::MAX })
}
