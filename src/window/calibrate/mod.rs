//! A floor, a budget and a total that are measured: from recorded memory, by replays.
//!
//! docs/simulate.md defines every figure.

mod json;
mod measure;
mod stats;
mod text;
mod write;

pub use json::json;
pub use text::text;
pub use write::{WrittenValue, write_values};

use jiff::civil::Weekday;
use kube_formats::quantity;
use kube_validate::ObjectId;
use vram_gate::settings::Key;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

use self::measure::GrowingRuns;
use self::stats::{GROUP_SCORE, TREND_SCORE, group_score, median, trend_score};
use super::amount::format_bytes;
use super::history::History;
use super::simulate::{
    self, JobRules, Outcome, SegmentCache, Stage, TenantChoice, TenantFlags, TenantMemory,
    recorded_runs, timestamp,
};
use super::stack::StackGate;
use crate::project::Project;
use crate::project::load::Request;
use crate::values::{Assigned, Assignment};

/// One mebibyte, the unit of what is written.
const MIB: u64 = 1 << 20;

/// The fewest nights of a promise.
const MIN_NIGHTS: usize = 5;

/// The share by which one night may decide the floor.
const MAX_SHARE_OF_ONE_NIGHT: f64 = 0.1;

/// The step of a usual exporter, in milliseconds.
const EXPORTER_STEP: i64 = 15_000;

/// The measured figures of a stack.
#[derive(Debug, Clone)]
pub struct Calibration {
    /// The stack's name.
    pub stack: String,
    /// The object that its gate scales.
    pub target: ObjectId,
    /// The first and the last instant of the history, in milliseconds since 1970.
    pub span: (i64, i64),
    /// The step of the history in milliseconds.
    pub step: i64,
    /// The notes in the history.
    pub remarks: Vec<String>,
    /// The nights, in order.
    pub nights: Vec<NightNeed>,
    /// The most that the tenant uses.
    pub tenant_peak: u64,
    /// The origin of that amount, in words.
    pub tenant_origin: String,
    /// The recorded runs of the tenant that were judged, and those that still grew at their end.
    pub runs: (usize, usize),
    /// The time in which the others' growth counts, in milliseconds.
    pub blind_time: i64,
    /// The most that the others grow within that time.
    pub growth: u64,
    /// The smallest floor such that neither it nor any larger one starves anybody; `None` if none below
    /// the total does so.
    pub floor_exact: Option<u64>,
    /// The tenant's peak and the others' growth.
    pub floor_simple: u64,
    /// The GPU's memory.
    pub total: u64,
    /// That amount was measured; else it is `gpu.total`.
    pub is_total_measured: bool,
    /// The chance that the next night exceeds every recorded one, if nights are exchangeable.
    pub risk: f64,
    /// The stack's own floor, and the nights that needed more.
    pub current: (u64, usize),
    /// The facts that weaken the figures, as sentences without a full stop.
    pub warnings: Vec<String>,
    /// The values to write; `None` if no floor below the total is enough.
    pub proposal: Option<Proposal>,
}

/// One night's figures.
#[derive(Debug, Clone)]
pub struct NightNeed {
    /// Its name: the day and time at which its window opens.
    pub name: String,
    /// The run that opens it, in milliseconds since 1970.
    pub opens: i64,
    /// The floor that it needed; `None` if none below the total was enough.
    pub floor: Option<u64>,
    /// The most that the others grew within the guard's blind time.
    pub growth: u64,
    /// The median of the others' memory.
    median: u64,
    /// It is a Saturday or a Sunday.
    is_weekend: bool,
}

/// Values to write, and their replay.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The measured values, also those that are as they were.
    pub values: Vec<ProposedValue>,
    /// The replay with them.
    pub outcome: Outcome,
}

/// An amount in the values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedValue {
    /// Its path.
    pub path: &'static str,
    /// The present amount, if it is set.
    pub old: Option<u64>,
    /// The measured amount.
    pub new: u64,
}

/// The amounts of a gate that are calibrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Amounts {
    floor: u64,
    budget: u64,
    total: Option<u64>,
    reserve: u64,
}

impl Calibration {
    /// Measures a stack's figures.
    ///
    /// # Errors
    /// Those of rendering, and a history without a night or without the tenant's memory.
    pub fn measure(
        project: &Project,
        request: &Request,
        history: &History,
        tenant: TenantFlags,
    ) -> Result<Self, Diagnostics> {
        let mut cache = SegmentCache::default();
        let gate = StackGate::render(project, request)?;
        let stage = simulate::new_stage(&gate, history, &mut cache)?;
        let (Some(up), Some(guard)) = (stage.up, stage.guard) else {
            let message = format!("`up` or `guard` of `{}` does not run", gate.stack);
            return Err(Diagnostic::new(message).into());
        };
        if stage.nights.is_empty() {
            let message =
                format!("the history covers no window of `{}`, so nothing is measured", gate.stack);
            return Err(Diagnostic::new(message).into());
        }
        let memory = TenantMemory::choose(tenant.choice, tenant.rise, &stage.recorded);
        let peak = memory.peak();
        if peak == 0 {
            let message = "the history has no memory of the tenant, so its peak is not known";
            let note = "give it with `--tenant`, such as `--tenant 4.8Gi`";
            return Err(Diagnostic::new(message).note(note).into());
        }
        let runs = match tenant.choice {
            TenantChoice::Amount { .. } => GrowingRuns::default(),
            _ => GrowingRuns::count(&recorded_runs(&stage.recorded)),
        };
        let (total, is_total_measured) = measured_total(&stage, &up);
        let blind_time = measure::blind_time(&stage);
        let growths: Vec<u64> =
            stage.nights.iter().map(|night| measure::growth(night, blind_time)).collect();
        let growth = growths.iter().copied().max().unwrap_or(0);
        let floor_simple = peak.saturating_add(growth);
        let mut amounts = Amounts {
            floor: 0,
            budget: round_up(peak),
            total: up.rules.total.map(|_| total / MIB * MIB),
            reserve: guard.rules.reserve,
        };
        let mut needs = Vec::new();
        // A smaller reserve changes decisions, so that the floors are measured again.
        for _ in 0..MAX_ROUNDS {
            let jobs = (amounts.apply(&up), amounts.apply(&guard));
            needs = (stage.nights.iter())
                .map(|night| {
                    let jobs = (&jobs.0, &jobs.1);
                    measure::exact_floor(night, jobs, &memory, stage.reaction, total)
                })
                .collect();
            let exact = needs.iter().copied().try_fold(0, |most, need| Some(need?.max(most)));
            amounts.floor = round_up(exact.unwrap_or(0).max(floor_simple));
            let reserve = amounts.reserve.min(amounts.floor.saturating_sub(amounts.budget));
            if reserve == amounts.reserve {
                break;
            }
            amounts.reserve = reserve;
        }
        let floor_exact = needs.iter().copied().try_fold(0, |most, need| Some(need?.max(most)));
        let nights: Vec<NightNeed> = (stage.nights.iter().zip(needs).zip(growths))
            .map(|((night, floor), growth)| NightNeed::new(&stage, night, floor, growth))
            .collect();
        let mut warnings = simulate::warnings(&stage, &memory);
        warnings.extend(find_weaknesses(&nights, &runs, history.step(), peak));
        let current_floor = up.rules.floor;
        let worse = nights
            .iter()
            .filter(|night| night.floor.is_none_or(|need| need > current_floor))
            .count();
        let has_floor = floor_exact.is_some() && amounts.floor < total;
        let proposal = match has_floor {
            true => Some(propose_change(project, request, &stage, &memory, amounts)?),
            false => None,
        };
        Ok(Calibration {
            target: gate.target,
            span: history.span(),
            step: history.step(),
            remarks: history.remarks.clone(),
            risk: 1.0 / (nights.len() as f64 + 1.0),
            nights,
            tenant_peak: peak,
            tenant_origin: simulate::describe_tenant(tenant, &memory),
            runs: (runs.judged, runs.growing),
            blind_time,
            growth,
            floor_exact,
            floor_simple,
            total,
            is_total_measured,
            current: (current_floor, worse),
            warnings,
            proposal,
            stack: gate.stack,
        })
    }

    /// The chance that the next night needs more than the stack's own floor, if nights are exchangeable.
    pub fn current_risk(&self) -> f64 {
        (self.current.1 + 1) as f64 / (self.nights.len() + 1) as f64
    }
}

/// The most times that the floors are measured while the reserve falls.
const MAX_ROUNDS: usize = 4;

impl Amounts {
    /// The settings of a job with these amounts.
    fn apply(&self, job: &JobRules) -> JobRules {
        let mut job = job.with_floor(self.floor);
        job.rules.budget = Some(self.budget);
        job.rules.reserve = self.reserve;
        job.rules.total = self.total;
        job
    }
}

/// Replays the history with the amounts as values, so that they are checked as such, too.
fn propose_change(
    project: &Project,
    request: &Request,
    stage: &Stage<'_>,
    memory: &TenantMemory,
    amounts: Amounts,
) -> Result<Proposal, Diagnostics> {
    let rules = stage.guard.or(stage.up).map(|job| job.rules).unwrap_or_default();
    let values: Vec<ProposedValue> = [
        (Key::Floor, Some(rules.floor), Some(amounts.floor)),
        (Key::Budget, rules.budget, Some(amounts.budget)),
        (Key::GpuTotal, rules.total, amounts.total),
        (Key::Reserve, Some(rules.reserve), Some(amounts.reserve)),
    ]
    .into_iter()
    .filter_map(|(key, old, new)| {
        Some(ProposedValue { path: key.row().value_path()?, old, new: new? })
    })
    .collect();
    let mut request = request.clone();
    for value in &values {
        let path = value.path.parse().map_err(|error: yaml_spans::PathError| {
            Diagnostics::from(Diagnostic::new(error.to_string()))
        })?;
        let text = Assigned::Text(quantity::format_bytes(value.new));
        request.assignments.push(Assignment::new("calibrate", path, text));
    }
    let gate = StackGate::render(project, &request)?;
    let mut cache = SegmentCache::default();
    let stage = simulate::new_stage(&gate, stage.recorded.history(), &mut cache)?;
    Ok(Proposal { values, outcome: stage.replay(memory) })
}

/// The GPU's memory, and true if it was measured: the smallest measured amount, else that of the values.
fn measured_total(stage: &Stage<'_>, up: &JobRules) -> (u64, bool) {
    let segments = stage.nights.iter().flat_map(|night| night.segments.iter());
    let measured = segments.filter_map(|segment| segment.usage?.total).min();
    match measured {
        Some(total) => (total, true),
        None => (up.rules.total.unwrap_or(0), false),
    }
}

impl ProposedValue {
    /// Returns true if the measured amount is another one.
    pub fn is_changed(&self) -> bool {
        self.old != Some(self.new)
    }
}

/// Rounds up to whole mebibytes.
fn round_up(bytes: u64) -> u64 {
    bytes.div_ceil(MIB).saturating_mul(MIB)
}

impl NightNeed {
    fn new(stage: &Stage<'_>, night: &simulate::Night, floor: Option<u64>, growth: u64) -> Self {
        let opens = timestamp(night.opens).to_zoned(stage.times.zone.clone());
        let residents: Vec<u64> =
            night.usages(night.opens, night.closes).map(|usage| usage.residents()).collect();
        NightNeed {
            name: stage.night_name(night.opens),
            opens: night.opens,
            floor,
            growth,
            median: median(&residents) as u64,
            is_weekend: matches!(opens.weekday(), Weekday::Saturday | Weekday::Sunday),
        }
    }
}

/// A figure of a night.
type Measure = fn(&NightNeed) -> u64;

/// The facts that break the promise about the next night.
fn find_weaknesses(nights: &[NightNeed], runs: &GrowingRuns, step: i64, peak: u64) -> Vec<String> {
    let mut found = Vec::new();
    if runs.is_leak() {
        found.push(format!(
            "leak: the tenant's memory still grew at the end of {} of {} runs, so its peak is a lower bound: keep `gate.budget`",
            runs.growing, runs.judged
        ));
    }
    if nights.len() < MIN_NIGHTS {
        found.push(format!("few nights: {} are too few for a promise", nights.len()));
    }
    if step > EXPORTER_STEP {
        let (step, usual) = (step / 1000, EXPORTER_STEP / 1000);
        found.push(format!(
            "step: the samples are {step} s apart, and exporters renew their figures every {usual} s or so: peaks between samples are not seen"
        ));
    }
    let measures: [(&str, Measure); 2] =
        [("memory", |night| night.median), ("growth", |night| night.growth)];
    for (name, measure) in measures {
        let values: Vec<u64> = nights.iter().map(measure).collect();
        let score = trend_score(&values);
        if score.abs() > TREND_SCORE {
            let direction = if score > 0.0 { "rises" } else { "falls" };
            found.push(format!(
                "trend: the others' {name} {direction} from night to night (Mann-Kendall {score:.1}), so the next night is not like the recorded ones"
            ));
        }
    }
    for (name, measure) in measures {
        let of = |is_weekend: bool| -> Vec<u64> {
            nights.iter().filter(|night| night.is_weekend == is_weekend).map(measure).collect()
        };
        let (weekend, weekday) = (of(true), of(false));
        if group_score(&weekend, &weekday).abs() > GROUP_SCORE {
            let [weekend, weekday] =
                [weekend, weekday].map(|group| format_bytes(median(&group) as u64));
            found.push(format!(
                "weekday: the others' {name} differs between weekends (median {weekend}) and other nights ({weekday})"
            ));
        }
    }
    found.extend(deciding_night(nights, peak));
    found
}

/// The night without which the floor would be much lower.
fn deciding_night(nights: &[NightNeed], peak: u64) -> Option<String> {
    let need =
        |night: &NightNeed| night.floor.unwrap_or(u64::MAX).max(peak.saturating_add(night.growth));
    let worst = nights.iter().max_by_key(|night| need(night))?;
    let others = nights.iter().filter(|night| night.opens != worst.opens);
    let second = others.map(need).max()?;
    let without = 1.0 - second as f64 / need(worst).max(1) as f64;
    (without > MAX_SHARE_OF_ONE_NIGHT).then(|| {
        format!(
            "one night: {} alone decides the floor, which would be {} without it",
            worst.name,
            format_bytes(second)
        )
    })
}
