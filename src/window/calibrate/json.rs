//! A calibration as JSON. docs/simulate.md describes the keys.

use serde::Serialize;

use super::{Calibration, ProposedValue};
use crate::report::json::{ObjectReference, to_text};
use crate::window::simulate::{Figures, timestamp};

/// Raised when a key is removed or changes its meaning.
const VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    version: u32,
    stack: &'a str,
    target: ObjectReference<'a>,
    start: String,
    end: String,
    step: f64,
    remarks: &'a [String],
    nights: usize,
    tenant_peak: u64,
    tenant_runs: usize,
    tenant_runs_growing: usize,
    blind_seconds: f64,
    growth: u64,
    floor_exact: Option<u64>,
    floor_simple: u64,
    total: u64,
    total_measured: bool,
    risk: f64,
    current_floor: u64,
    current_floor_exceeded: usize,
    current_risk: f64,
    warnings: &'a [String],
    night_list: Vec<NightEntry<'a>>,
    proposal: Option<ProposalEntry>,
}

#[derive(Serialize)]
struct NightEntry<'a> {
    name: &'a str,
    start: String,
    floor: Option<u64>,
    growth: u64,
}

#[derive(Serialize)]
struct ProposalEntry {
    values: Vec<ValueEntry>,
    outcome: Figures,
}

#[derive(Serialize)]
struct ValueEntry {
    path: &'static str,
    old: Option<u64>,
    new: u64,
}

impl From<&ProposedValue> for ValueEntry {
    fn from(value: &ProposedValue) -> Self {
        ValueEntry { path: value.path, old: value.old, new: value.new }
    }
}

/// Formats a calibration as one indented JSON object.
pub fn json(calibration: &Calibration) -> String {
    let (first, last) = calibration.span;
    to_text(&Report {
        version: VERSION,
        stack: &calibration.stack,
        target: ObjectReference::from(&calibration.target),
        start: timestamp(first).to_string(),
        end: timestamp(last).to_string(),
        step: calibration.step as f64 / 1000.0,
        remarks: &calibration.remarks,
        nights: calibration.nights.len(),
        tenant_peak: calibration.tenant_peak,
        tenant_runs: calibration.runs.0,
        tenant_runs_growing: calibration.runs.1,
        blind_seconds: calibration.blind_time as f64 / 1000.0,
        growth: calibration.growth,
        floor_exact: calibration.floor_exact,
        floor_simple: calibration.floor_simple,
        total: calibration.total,
        total_measured: calibration.is_total_measured,
        risk: calibration.risk,
        current_floor: calibration.current.0,
        current_floor_exceeded: calibration.current.1,
        current_risk: calibration.current_risk(),
        warnings: &calibration.warnings,
        night_list: (calibration.nights.iter())
            .map(|night| NightEntry {
                name: &night.name,
                start: timestamp(night.opens).to_string(),
                floor: night.floor,
                growth: night.growth,
            })
            .collect(),
        proposal: calibration.proposal.as_ref().map(|proposal| ProposalEntry {
            values: proposal.values.iter().map(ValueEntry::from).collect(),
            outcome: Figures::from(&proposal.outcome),
        }),
    })
}
