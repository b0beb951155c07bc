//! A gate over a history: its nights, ready to be replayed.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use vram_gate::decision::Action;
use vram_gate::exposition::Query;
use vram_gate::settings::Settings;

use super::night::{Inputs, JobRules, Night};
use super::recorded::{Recorded, Segment};
use super::tenant::TenantMemory;
use super::{NightOutcome, Outcome};
use crate::model::Objects;
use crate::model::gate_jobs::{Gate, GateJob};
use crate::model::run_times::RunTimes;
use crate::model::window::{Window, WindowSchedule};
use crate::model::workload;
use crate::window::history::{History, HistoryError};
use kube_validate::ObjectId;
use yaml_spans::Node;

/// The most runs that are replayed: ten times a month of a guard that runs every minute.
const MAX_RUNS: usize = 500_000;

/// Kubernetes' default of `terminationGracePeriodSeconds`.
const DEFAULT_GRACE_SECONDS: i64 = 30;

/// The reason why a gate can't be replayed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReplayError {
    /// The gate would refuse a job's settings.
    #[error("invalid settings of `{action}`: {problem}")]
    Settings {
        /// The job's action.
        action: &'static str,
        /// The gate's error.
        problem: String,
    },
    /// The history is not of the metric that the gate reads.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Two jobs read different series.
    #[error("`up` and `guard` read different series")]
    Series,
    /// The stack has a watch.
    #[error(
        "a watch looks every few seconds, which no history records: only `offPeak.mode: jobs` can be replayed"
    )]
    Watch,
    /// There is no job for an action.
    #[error("there is no job for `{0}`")]
    Missing(&'static str),
    /// Kubernetes would refuse a job's schedule.
    #[error("invalid schedule of `{0}`")]
    Schedule(&'static str),
    /// Nothing ends a window.
    #[error("nothing ends the window: `down` {0}")]
    NoEnd(&'static str),
    /// Too many runs.
    #[error("more than {MAX_RUNS} runs: shorten the history")]
    Runs,
}

/// A gate's nights over a history.
#[derive(Debug, Clone)]
pub(crate) struct Stage<'a> {
    /// The history as the gate reads it.
    pub recorded: Recorded<'a>,
    /// The nights, in order.
    pub nights: Vec<Night>,
    /// The windows within the history without a single sample.
    pub empty_windows: usize,
    /// The times of `up`, whose clock names a night.
    pub times: RunTimes,
    /// The settings of `up`, if it is active.
    pub up: Option<JobRules>,
    /// The settings of `guard`, if it is active.
    pub guard: Option<JobRules>,
    /// The milliseconds from a decision to stop the tenant until its memory is free.
    pub reaction: i64,
}

/// The recorded segments of windows, which settings with the same query share.
#[derive(Debug, Default)]
pub(crate) struct SegmentCache(Vec<(Query, Spans)>);

/// The segments of spans of time, by their ends.
type Spans = BTreeMap<(i64, i64), Arc<[Segment]>>;

impl SegmentCache {
    fn segments(&mut self, recorded: &Recorded<'_>, from: i64, until: i64) -> Arc<[Segment]> {
        let known = self.0.iter().position(|(query, _)| query == recorded.query());
        let index = known.unwrap_or_else(|| {
            self.0.push((recorded.query().clone(), BTreeMap::new()));
            self.0.len() - 1
        });
        let Some((_, segments)) = self.0.get_mut(index) else { return Arc::default() };
        let segments = segments.entry((from, until));
        segments.or_insert_with(|| recorded.segments(from, until).into()).clone()
    }
}

/// Returns the milliseconds from a decision to stop the tenant until its memory is free: the grace
/// period of its Pods, or Kubernetes' default where they are not among the objects.
pub(crate) fn reaction_time(objects: &Objects, target: &ObjectId) -> i64 {
    let pods = objects.get(target).and_then(workload::pod_spec);
    let grace = pods.and_then(|pods| pods.get("terminationGracePeriodSeconds"));
    grace.and_then(Node::as_int).unwrap_or(DEFAULT_GRACE_SECONDS).clamp(0, 86_400) * 1000
}

impl<'a> Stage<'a> {
    /// Prepares the nights of a gate.
    pub fn new(
        gate: &Gate,
        reaction: i64,
        history: &'a History,
        cache: &mut SegmentCache,
    ) -> Result<Self, ReplayError> {
        if gate.watches() {
            return Err(ReplayError::Watch);
        }
        let job = |action: Action| gate.job(action).ok_or(ReplayError::Missing(action.name()));
        let (up_job, down_job) = (job(Action::Up)?, job(Action::Down)?);
        let (up_times, down_times) = (job_times(up_job)?, job_times(down_job)?);
        if let (None, Some(reason)) = (up_job.inactive, down_job.inactive) {
            return Err(ReplayError::NoEnd(reason.text()));
        }
        let settings = job_settings(up_job)?;
        let sampling = settings.sampling.as_ref().ok_or_else(|| ReplayError::Settings {
            action: up_job.action.name(),
            problem: "it takes no reading".to_owned(),
        })?;
        let recorded = Recorded::new(history, &sampling.query)?;
        let up = if up_job.inactive.is_none() { JobRules::read(settings) } else { None };
        let guard_job = gate.active_job(Action::Guard);
        let guard = match guard_job {
            Some(job) => {
                let settings = job_settings(job)?;
                let query = settings.sampling.as_ref().map(|sampling| &sampling.query);
                if query != Some(recorded.query()) {
                    return Err(ReplayError::Series);
                }
                JobRules::read(settings)
            }
            None => None,
        };
        let mut stage = Stage {
            recorded,
            nights: Vec::new(),
            empty_windows: 0,
            times: up_times.clone(),
            up,
            guard,
            reaction,
        };
        let guard_times = guard_job.map(job_times).transpose()?;
        stage.add_nights(down_times, guard_times, cache)?;
        Ok(stage)
    }

    fn add_nights(
        &mut self,
        down: &RunTimes,
        guard: Option<&RunTimes>,
        cache: &mut SegmentCache,
    ) -> Result<(), ReplayError> {
        let up = self.times.clone();
        let mut runs = 0;
        for window in covered_windows(&up, down, self.recorded.history()) {
            let [opens, closes] = [window.opens.as_millisecond(), window.closes.as_millisecond()];
            if !self.recorded.has_samples(opens, closes) {
                self.empty_windows += 1;
                continue;
            }
            let mut runs_in_window = |times: &RunTimes| {
                let times = times.runs(window.opens, window.closes);
                let times = times.take((MAX_RUNS + 1).saturating_sub(runs));
                let times: Vec<i64> = times.map(Timestamp::as_millisecond).collect();
                runs += times.len();
                times
            };
            let ups = runs_in_window(&up);
            let guards = guard.map(&mut runs_in_window).unwrap_or_default();
            if runs > MAX_RUNS {
                return Err(ReplayError::Runs);
            }
            let until = closes.saturating_add(self.reaction);
            let segments = cache.segments(&self.recorded, opens, until);
            self.nights.push(Night { opens, closes, ups, guards, segments });
        }
        Ok(())
    }

    /// Drops the nights whose windows open on other days; no day keeps all.
    pub fn retain_days(&mut self, days: &[Date]) {
        let zone = self.times.zone.clone();
        let day = |night: &Night| timestamp(night.opens).to_zoned(zone.clone()).date();
        self.nights.retain(|night| days.is_empty() || days.contains(&day(night)));
    }

    /// The inputs of a replay of each night.
    pub fn inputs<'s>(&'s self, tenant: &'s TenantMemory) -> Inputs<'s> {
        Inputs { up: self.up.as_ref(), guard: self.guard.as_ref(), tenant, reaction: self.reaction }
    }

    /// Replays every night.
    pub fn replay(&self, tenant: &TenantMemory) -> Outcome {
        let inputs = self.inputs(tenant);
        let nights: Vec<NightOutcome> =
            self.nights.iter().map(|night| night.replay(&inputs)).collect();
        Outcome { nights }
    }

    /// A night's name: the day and the time at which its window opens, on the clock of `up`.
    pub fn night_name(&self, opens: i64) -> String {
        self.times.format(timestamp(opens))
    }
}

/// An instant from milliseconds since 1970.
pub(crate) fn timestamp(at: i64) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap_or_default()
}

/// The windows that lie within a history, up to the age of a sample at either end.
fn covered_windows(up: &RunTimes, down: &RunTimes, history: &History) -> Vec<Window> {
    let (first, last) = history.span();
    let age = history.max_age();
    let start = timestamp(first.saturating_sub(age));
    let end = timestamp(last.saturating_add(age));
    // A window is known only from its first run on: it may open before the history.
    let before = start.checked_sub(LONGEST_WINDOW).unwrap_or(start);
    let windows = WindowSchedule { up, down }.windows(before, end);
    windows.into_iter().filter(|it| it.opens >= start && it.closes <= end).collect()
}

/// The time before a history in which a window may open that reaches into it.
const LONGEST_WINDOW: SignedDuration = SignedDuration::from_hours(8 * 24);

fn job_times(job: &GateJob) -> Result<&RunTimes, ReplayError> {
    job.times.as_ref().ok_or(ReplayError::Schedule(job.action.name()))
}

fn job_settings(job: &GateJob) -> Result<&Settings, ReplayError> {
    let settings = job.settings.as_ref();
    settings.map_err(|error| ReplayError::Settings {
        action: job.action.name(),
        problem: error.to_string(),
    })
}
