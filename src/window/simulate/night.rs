//! One night: the runs of the gate's jobs in a window, over the recorded memory.
//!
//! All times are milliseconds since 1970.

use std::sync::Arc;
use std::time::Duration;

use vram_gate::decision::{Action, Decision, Reading, Reason, Rules, decide, free_bytes};
use vram_gate::exposition::Usage;
use vram_gate::settings::Settings;

use super::recorded::{Segment, reading};
use super::tenant::TenantMemory;

/// A window with its runs and what was recorded in it.
#[derive(Debug, Clone)]
pub(crate) struct Night {
    /// The run that opens the window.
    pub opens: i64,
    /// The run that closes it.
    pub closes: i64,
    /// The runs of `up` in the window, in order.
    pub ups: Vec<i64>,
    /// The runs of `guard` in the window, in order.
    pub guards: Vec<i64>,
    /// The recorded memory, from the window's start until the tenant's memory is free after its end.
    pub segments: Arc<[Segment]>,
}

/// The settings of a job that decide a replay.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JobRules {
    /// The rules of the decision.
    pub rules: Rules,
    /// `up`: the readings that must pass.
    samples: u32,
    /// `up`: the milliseconds between them.
    sample_interval: i64,
    /// `guard`: the milliseconds before a second reading; 0: none.
    recheck_delay: i64,
}

impl JobRules {
    /// Reads the settings of an `up` or a `guard`; `None` if it takes no reading.
    pub fn read(settings: &Settings) -> Option<Self> {
        let sampling = settings.sampling.as_ref()?;
        // As the gate does: without time for a second reading it decides by the first.
        let left = settings.sampling_time();
        let fits = sampling.recheck_delay + sampling.timeout.min(left) <= left;
        let recheck_delay = if fits { sampling.recheck_delay } else { Duration::ZERO };
        Some(JobRules {
            rules: sampling.rules,
            samples: sampling.samples,
            sample_interval: whole_milliseconds(sampling.sample_interval),
            recheck_delay: whole_milliseconds(recheck_delay),
        })
    }

    /// The settings with another floor.
    pub fn with_floor(&self, floor: u64) -> Self {
        JobRules { rules: Rules { floor, ..self.rules }, ..*self }
    }

    /// The most milliseconds from the due time of a guard to its decision.
    pub fn recheck_delay(&self) -> i64 {
        self.recheck_delay
    }
}

fn whole_milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The inputs of a replay besides the night.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// The settings of `up`; `None` if it never runs.
    pub up: Option<&'a JobRules>,
    /// The settings of `guard`; `None` if it never runs.
    pub guard: Option<&'a JobRules>,
    /// The tenant's memory.
    pub tenant: &'a TenantMemory,
    /// The milliseconds from a decision to stop the tenant until its memory is free.
    pub reaction: i64,
}

/// Sees each usage that a job reads, with the job's rules.
type Observer<'a> = &'a mut dyn FnMut(&Usage, &Rules);

/// A run of the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantRun {
    /// The decision to start it.
    pub start: i64,
    /// The decision to stop it.
    pub stop: i64,
    /// The guard's reason to stop it; `None`: the window ended.
    pub yielded: Option<Reason>,
    /// The last decision before `stop` that let it run: its start, or a run of the guard.
    pub last_look: i64,
}

/// A night's result.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NightOutcome {
    /// The window.
    pub opens: i64,
    /// Its end.
    pub closes: i64,
    /// The tenant's runs, in order.
    pub runs: Vec<TenantRun>,
    /// There was no reading at the first run of `up`.
    pub is_unread: bool,
    /// The milliseconds in which residents and tenant together exceeded the GPU.
    pub starved: i64,
    /// The first moment of them.
    pub first_starved: Option<i64>,
    /// The least that was free while the tenant's memory was in use; below zero if somebody starved.
    pub closest: Option<i128>,
}

impl NightOutcome {
    /// The milliseconds that the tenant ran.
    pub fn served(&self) -> i64 {
        self.runs.iter().map(|run| run.stop - run.start).sum()
    }

    /// The runs that the guard ended.
    pub fn yields(&self) -> impl Iterator<Item = (&TenantRun, Reason)> {
        self.runs.iter().filter_map(|run| Some((run, run.yielded?)))
    }

    /// The last decision up to an instant that let the tenant run, for an instant at which it starved
    /// somebody.
    pub fn look_before(&self, instant: i64, guards: &[i64]) -> i64 {
        let start = self.runs.iter().rev().find(|run| run.start <= instant).map(|run| run.start);
        let guard = guards.iter().rev().find(|guard| **guard <= instant).copied();
        start.max(guard).unwrap_or(instant)
    }
}

impl Night {
    /// Replays the night.
    pub fn replay(&self, inputs: &Inputs<'_>) -> NightOutcome {
        self.replay_observed(inputs, &mut |_, _| {})
    }

    /// Replays the night; also returns the largest amount below a floor that it was compared with, if
    /// there is one: down to it, every floor gives this outcome.
    pub fn replay_with_floor(
        &self,
        inputs: &Inputs<'_>,
        floor: u64,
    ) -> (NightOutcome, Option<u64>) {
        let mut below: Option<i128> = None;
        let mut observe = |usage: &Usage, rules: &Rules| {
            let free = |used| free_bytes(rules, usage, used);
            let everyone = free(usage.everyone());
            // Everything that the decision compares the floor with.
            let compared = [
                everyone,
                free(usage.residents()),
                free(usage.others),
                everyone + i128::from(rules.budget.unwrap_or(0)),
            ];
            let lower = compared.into_iter().filter(|amount| *amount < i128::from(floor));
            below = lower.chain(below).max();
        };
        let outcome = self.replay_observed(inputs, &mut observe);
        (outcome, below.and_then(|below| u64::try_from(below).ok()))
    }

    fn replay_observed(&self, inputs: &Inputs<'_>, observe: Observer<'_>) -> NightOutcome {
        let mut outcome =
            NightOutcome { opens: self.opens, closes: self.closes, ..NightOutcome::default() };
        outcome.runs = self.run_jobs(inputs, observe);
        let first = self.ups.first().zip(inputs.up);
        outcome.is_unread = first.is_some_and(|(at, _)| self.usage(*at).is_none());
        self.measure(inputs, &mut outcome);
        outcome
    }

    /// The usage as recorded at an instant of the night.
    pub fn usage(&self, at: i64) -> Option<Usage> {
        let next = self.segments.partition_point(|segment| segment.start <= at);
        self.segments.get(next.checked_sub(1)?)?.usage
    }

    /// The usages in a part of the night: that at its start, and all later ones.
    pub fn usages(&self, from: i64, until: i64) -> impl Iterator<Item = Usage> + '_ {
        self.moments(from, until).filter_map(|at| self.usage(at))
    }

    /// The moment of a part of the night at which the residents use most; its start without a reading.
    pub fn highest_moment(&self, from: i64, until: i64) -> i64 {
        let residents = |at: i64| self.usage(at).map(|usage| (at, usage.residents()));
        let read = self.moments(from, until).filter_map(residents);
        // The first of several that are equal.
        read.rev().max_by_key(|(_, residents)| *residents).map_or(from, |(at, _)| at)
    }

    /// The start of a part of the night, and all changes in it.
    fn moments(&self, from: i64, until: i64) -> impl DoubleEndedIterator<Item = i64> + '_ {
        let first = self.segments.partition_point(|segment| segment.start <= from);
        let last = self.segments.partition_point(|segment| segment.start < until);
        let changes = self.segments.get(first..last).unwrap_or_default().iter();
        std::iter::once(from).chain(changes.map(|segment| segment.start))
    }

    /// Runs the jobs in order; at the same instant `up` runs first.
    fn run_jobs(&self, inputs: &Inputs<'_>, observe: Observer<'_>) -> Vec<TenantRun> {
        let mut runs: Vec<TenantRun> = Vec::new();
        let mut guards = self.guards.iter().copied().peekable();
        let mut ups = self.ups.iter().copied().peekable();
        loop {
            let is_up = match (ups.peek(), guards.peek()) {
                (Some(up), Some(guard)) => up <= guard,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => return runs,
            };
            if is_up {
                let Some(at) = ups.next() else { return runs };
                let is_stopped = runs.last().is_none_or(|last| last.stop <= at);
                if let (true, Some(job)) = (is_stopped, inputs.up) {
                    let start = self.start(at, job, (inputs, &runs), observe);
                    runs.extend(start);
                }
                continue;
            }
            let Some(at) = guards.next() else { return runs };
            let next = guards.peek().copied().unwrap_or(self.closes).min(self.closes);
            let is_running = runs.last().is_some_and(|run| run.start <= at && at < run.stop);
            let (true, Some(job)) = (is_running, inputs.guard) else { continue };
            let (decision, decided) =
                self.guard_decision((at, next), job, (inputs, &runs), observe);
            if let Some(run) = runs.last_mut().filter(|_| decided < self.closes) {
                match decision.scale_to {
                    Some(0) => {
                        run.stop = decided;
                        run.yielded = Some(decision.reason);
                    }
                    _ => run.last_look = decided,
                }
            }
        }
    }

    /// The tenant's run if every reading of an `up` lets it start.
    fn start(
        &self,
        due: i64,
        job: &JobRules,
        (inputs, runs): (&Inputs<'_>, &[TenantRun]),
        observe: Observer<'_>,
    ) -> Option<TenantRun> {
        let mut at = due;
        for sample in 0..job.samples {
            at = due.saturating_add(job.sample_interval.saturating_mul(i64::from(sample)));
            let reading = self.reading(at, job, (inputs, runs), observe);
            if at >= self.closes || decide(Action::Up, &reading, &job.rules).scale_to != Some(1) {
                return None;
            }
        }
        Some(TenantRun { start: at, stop: self.closes, yielded: None, last_look: at })
    }

    /// The decision of a guard, and the time at which it is made. A second reading is taken at the latest
    /// when the next run replaces this one.
    fn guard_decision(
        &self,
        (due, next): (i64, i64),
        job: &JobRules,
        (inputs, runs): (&Inputs<'_>, &[TenantRun]),
        observe: Observer<'_>,
    ) -> (Decision, i64) {
        let reading = self.reading(due, job, (inputs, runs), observe);
        let first = decide(Action::Guard, &reading, &job.rules);
        if !first.recheck || job.recheck_delay == 0 {
            return (first, due);
        }
        let at = due.saturating_add(job.recheck_delay).min(next);
        let reading = self.reading(at, job, (inputs, runs), observe);
        (decide(Action::Guard, &reading, &job.rules), at)
    }

    /// A job's reading at an instant.
    fn reading(
        &self,
        at: i64,
        job: &JobRules,
        (inputs, runs): (&Inputs<'_>, &[TenantRun]),
        observe: Observer<'_>,
    ) -> Reading {
        let reading = reading(self.usage(at), &job.rules, tenant_bytes(at, at, inputs, runs));
        if let Reading::Scraped(usage) = &reading {
            observe(usage, &job.rules);
        }
        reading
    }

    /// Measures the memory that is free while the tenant's is in use. It is constant between two
    /// recorded changes, where the tenant's counts with its amount at the end.
    fn measure(&self, inputs: &Inputs<'_>, outcome: &mut NightOutcome) {
        let Some(rules) = inputs.up.or(inputs.guard).map(|job| &job.rules) else { return };
        let Some(first) = outcome.runs.first().map(|run| run.start) else { return };
        let mut times: Vec<i64> = Vec::new();
        for run in &outcome.runs {
            times.extend([run.start, run.stop.saturating_add(inputs.reaction)]);
        }
        let last = times.iter().copied().max().unwrap_or(first);
        let from = self.segments.partition_point(|segment| segment.start < first);
        let changes = self.segments.iter().skip(from).map(|segment| segment.start);
        times.extend(changes.take_while(|start| *start < last));
        times.sort_unstable();
        times.dedup();
        for pair in times.windows(2) {
            let &[start, end] = pair else { continue };
            let is_used = outcome
                .runs
                .iter()
                .any(|run| run.start <= start && start < run.stop.saturating_add(inputs.reaction));
            let (true, Some(usage)) = (is_used, self.usage(start)) else { continue };
            let tenant = tenant_bytes(start, end, inputs, &outcome.runs);
            let used = usage.residents().saturating_add(tenant);
            let free = free_bytes(rules, &usage, used);
            if free < 0 {
                outcome.starved += end - start;
                outcome.first_starved = outcome.first_starved.or(Some(start));
            }
            outcome.closest = Some(outcome.closest.map_or(free, |closest| closest.min(free)));
        }
    }
}

/// The memory at `until` of the runs whose memory is in use at `at`: the last ones that started by then.
fn tenant_bytes(at: i64, until: i64, inputs: &Inputs<'_>, runs: &[TenantRun]) -> u64 {
    let started = runs.partition_point(|run| run.start <= at);
    let started = runs.get(..started).unwrap_or_default().iter().rev();
    let in_use = started.take_while(|run| at < run.stop.saturating_add(inputs.reaction));
    in_use.fold(0, |sum, run| sum.saturating_add(inputs.tenant.bytes(until - run.start)))
}
