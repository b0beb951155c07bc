//! One gate's jobs, run over a history in chronological order.

use std::time::Duration;

use jiff::Timestamp;
use vram_gate::decision::{Action, Decision, Reading, decide};
use vram_gate::exposition::{MetricUnit, Query};
use vram_gate::settings::{Key, Sampling, Source};

use super::history::History;
use crate::model::gate_jobs::{Gate, GateJob};

/// The most runs that are replayed: ten times a month of a guard that runs every minute.
const MAX_RUNS: usize = 500_000;

/// The result of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// The number of times the window opened.
    pub nights: usize,
    /// The number of nights on which the tenant was started.
    pub admitted: usize,
    /// The number of times the guard stopped the tenant.
    pub yields: usize,
    /// The number of nights without a reading when the window opened.
    pub unread: usize,
    /// The time that the tenant ran, in seconds.
    pub seconds: i64,
}

/// The reason why a gate can't be replayed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The gate would refuse a job's settings.
    #[error("invalid settings of `{action}`: {problem}")]
    Settings {
        /// The job's action.
        action: &'static str,
        /// The gate's error.
        problem: String,
    },
    /// A job reads another metric than the history has.
    #[error("the history has `{history}`, and `{action}` reads `{metric}`")]
    Metric {
        /// The job's action.
        action: &'static str,
        /// The metric that the job reads.
        metric: String,
        /// The history's metric.
        history: String,
    },
    /// A job reads the metric in a way that the replay does not know.
    #[error(
        "the replay does not follow `{setting}` of `{action}`: it adds up all series of a history as bytes, by their label `namespace`"
    )]
    Unread {
        /// The job's action.
        action: &'static str,
        /// The setting.
        setting: &'static str,
    },
    /// Kubernetes would refuse a job's schedule.
    #[error("invalid schedule of `{0}`")]
    Schedule(&'static str),
    /// Too many runs.
    #[error("more than {MAX_RUNS} runs: shorten the history")]
    Runs,
}

/// Replays a gate over a history.
pub(super) fn replay(gate: &Gate, history: &History) -> Result<Outcome, ReplayError> {
    let mut outcome = Outcome::default();
    let mut up_since: Option<Timestamp> = None;
    for (at, job) in scheduled_runs(gate, history)? {
        match job.action {
            Action::Up => {
                let gpu = Gpu::new(history, job)?;
                outcome.nights += 1;
                outcome.unread += usize::from(gpu.idle_reading(at) == Reading::Failed);
                if up_since.is_some() || gpu.admits(at) {
                    outcome.admitted += 1;
                    up_since = up_since.or(Some(at));
                }
            }
            Action::Guard if up_since.is_some() => {
                if Gpu::new(history, job)?.guard_decision(at).scale_to == Some(0) {
                    outcome.yields += 1;
                    outcome.add_uptime(up_since.take(), at);
                }
            }
            Action::Guard | Action::Admit => {}
            Action::Down => outcome.add_uptime(up_since.take(), at),
        }
    }
    let end = Timestamp::from_millisecond(history.span().1);
    outcome.add_uptime(up_since, end.unwrap_or(Timestamp::UNIX_EPOCH));
    Ok(outcome)
}

impl Outcome {
    /// Adds the time from the start of the tenant, if it runs, to its end.
    fn add_uptime(&mut self, since: Option<Timestamp>, end: Timestamp) {
        self.seconds += since.map_or(0, |since| end.duration_since(since).as_secs().max(0));
    }
}

/// Returns all runs of the active jobs in chronological order; at the same instant up, guard and down
/// run in this order, so the job that ends the window has the last word.
fn scheduled_runs<'a>(
    gate: &'a Gate,
    history: &History,
) -> Result<Vec<(Timestamp, &'a GateJob)>, ReplayError> {
    let (start, end) = history.span();
    let start = Timestamp::from_millisecond(start).unwrap_or(Timestamp::UNIX_EPOCH);
    let end = Timestamp::from_millisecond(end).unwrap_or(Timestamp::UNIX_EPOCH);
    let mut runs = Vec::new();
    for action in [Action::Up, Action::Guard, Action::Down] {
        let Some(job) = gate.active_job(action) else { continue };
        let times = job.times.as_ref().ok_or(ReplayError::Schedule(action.name()))?;
        for at in times.schedule.runs(start, end, &times.zone) {
            runs.push((at, job));
            if runs.len() > MAX_RUNS {
                return Err(ReplayError::Runs);
            }
        }
    }
    // The sort is stable, so actions keep their order within an instant.
    runs.sort_by_key(|(at, _)| *at);
    Ok(runs)
}

/// The recorded GPU as one job reads it.
struct Gpu<'a> {
    history: &'a History,
    sampling: &'a Sampling,
}

/// Returns a setting by which the gate reads the metric otherwise than the replay.
fn unread_setting(Sampling { query, source, .. }: &Sampling) -> Option<Key> {
    let default = Query::default();
    let differs = [
        (Key::MetricUnit, query.unit != MetricUnit::Bytes),
        (Key::Select, query.select != default.select),
        (Key::Series, query.series != default.series),
        (Key::DeviceLabel, query.device_label != default.device_label),
        (Key::NamespaceLabel, query.namespace_label != default.namespace_label),
        (Key::FreeMetric, query.free_metric != default.free_metric),
        (Key::TotalMetric, query.total_metric != default.total_metric),
        (Key::PrometheusUrl, matches!(source, Source::Prometheus { .. })),
    ];
    differs.into_iter().find_map(|(key, differs)| differs.then_some(key))
}

impl<'a> Gpu<'a> {
    fn new(history: &'a History, job: &'a GateJob) -> Result<Self, ReplayError> {
        let action = job.action.name();
        let settings = job
            .settings
            .as_ref()
            .map_err(|error| ReplayError::Settings { action, problem: error.to_string() })?;
        let sampling = settings.sampling.as_ref().ok_or_else(|| ReplayError::Settings {
            action,
            problem: "it takes no reading".to_owned(),
        })?;
        if let Some(key) = unread_setting(sampling) {
            return Err(ReplayError::Unread { action, setting: key.row().env });
        }
        let metric = &sampling.query.metric;
        match history.metric() {
            Some(recorded) if recorded != metric => Err(ReplayError::Metric {
                action,
                metric: metric.clone(),
                history: recorded.to_owned(),
            }),
            _ => Ok(Gpu { history, sampling }),
        }
    }

    /// Returns true if the tenant is started: every reading must allow it.
    fn admits(&self, at: Timestamp) -> bool {
        (0..self.sampling.samples).all(|sample| {
            let reading = self.reading(at, self.sampling.sample_interval.saturating_mul(sample), 0);
            decide(Action::Up, &reading, &self.sampling.rules).scale_to == Some(1)
        })
    }

    /// The guard's decision while the tenant uses its peak, after a second reading if the gate would
    /// take one.
    fn guard_decision(&self, at: Timestamp) -> Decision {
        let first = self.guard_decision_after(at, Duration::ZERO);
        if first.recheck && !self.sampling.recheck_delay.is_zero() {
            self.guard_decision_after(at, self.sampling.recheck_delay)
        } else {
            first
        }
    }

    fn guard_decision_after(&self, at: Timestamp, pause: Duration) -> Decision {
        let peak = self.history.peak(&self.sampling.query.namespace);
        decide(Action::Guard, &self.reading(at, pause, peak), &self.sampling.rules)
    }

    /// The reading at an instant while the tenant does not run.
    fn idle_reading(&self, at: Timestamp) -> Reading {
        self.reading(at, Duration::ZERO, 0)
    }

    /// The reading some time after an instant, while the tenant uses so many bytes.
    fn reading(&self, at: Timestamp, pause: Duration, tenant: u64) -> Reading {
        let at = at.as_millisecond().saturating_add(pause.as_millis() as i64);
        self.history.reading(at, &self.sampling.query.namespace, tenant)
    }
}
