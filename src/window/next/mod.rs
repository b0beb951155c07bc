//! The coming windows of stacks.
//!
//! In: a rendered project and a span of time. Out: a [`Calendar`], which [`text`], [`json`], [`ics`],
//! [`svg`] and [`html`] write. The windows are those of the rendered CronJobs that run the gate, so that a
//! template that changes a schedule is seen. The module reads no clock: the span is the caller's.

mod chart;
mod html;
mod ics;
mod json;
mod nights;
mod svg;
#[cfg(test)]
mod tests;
mod text;

pub use html::html;
pub use ics::ics;
pub use json::json;
pub use svg::svg;
pub use text::text;

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use kube_validate::ObjectId;
use kube_validate::schedule::Cycle;
use vram_gate::decision::Action;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

use super::gates::gates_by_stack;
use crate::model::gate_jobs::{Gate, GateJob, InactiveReason};
use crate::model::run_times::RunTimes;
use crate::model::window::{
    Opening, Window, WindowSchedule, find_overlaps, longest_unguarded, unguarded_limit,
};
use crate::project::load::{RenderedProject, Stack};

pub use nights::{Fault, Night};

/// A span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first instant.
    pub from: Timestamp,
    /// The instant after its last.
    pub until: Timestamp,
}

/// The longest span: as far as Kubernetes looks for a schedule's next run.
pub const MAX_SPAN: SignedDuration = SignedDuration::from_hours(5 * 366 * 24);

/// The most runs of all stacks in one span. A year of a guard that runs every minute, all day, is half of
/// it.
const MAX_RUNS: usize = 1_000_000;

/// The time before a span in which windows are looked at, too: the longest week.
const LOOK_AROUND: SignedDuration = SignedDuration::from_hours(8 * 24);

/// The runs that a calendar lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Those of the guard in a window.
    Windows,
    /// All, of the three jobs.
    EveryRun,
}

/// The windows of some stacks in a span.
#[derive(Debug, Clone)]
pub struct Calendar {
    /// The span.
    pub span: Span,
    /// The tenants, by stack.
    pub tenants: Vec<Tenant>,
    /// The windows that open while another stack's window on the same GPU is open.
    pub overlaps: Vec<StackOverlap>,
}

/// One object that a gate scales, and its windows.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// The stack's name.
    pub stack: String,
    /// The object.
    pub target: ObjectId,
    /// The name of the time zone of `up`, in which its windows are shown.
    pub zone_name: String,
    /// The window, or the hours of demand, open at the start of the span, if there are some.
    pub open: Option<TenantWindow>,
    /// The windows that open in the span, in order.
    pub windows: Vec<TenantWindow>,
    /// The hours that open in the span in which it also runs by demand, in order.
    pub demand: Vec<TenantWindow>,
    /// The nights of the span, in order.
    pub nights: Vec<Night>,
    /// The runs in the span, in order, if they were asked for.
    pub runs: Vec<Run>,
    /// The facts that concern all its windows, as sentences without a full stop.
    pub remarks: Vec<String>,
    times: GateTimes,
    /// The longest time that its guard may not run.
    limit: SignedDuration,
}

/// One window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantWindow {
    /// The run that opens it.
    pub opens: Timestamp,
    /// The run that closes it; `None` if there is none, or if its time is not known.
    pub closes: Option<Timestamp>,
    /// The number of further runs of `up` while it is open.
    pub again: usize,
    /// The runs of the guard in it; of a window without an end, those of its first day.
    pub guard: Vec<Timestamp>,
    /// The longest time in it without a run of the guard, if the guard runs and it has an end.
    pub unguarded: Option<(Timestamp, Timestamp)>,
}

/// One run of a CronJob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run {
    /// The instant.
    pub time: Timestamp,
    /// The gate's action; `demand` for the job that starts the tenant by demand.
    pub action: &'static str,
}

/// Two stacks whose windows on one GPU are open at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StackOverlap {
    /// The start of the time that both are open.
    pub start: Timestamp,
    /// Its end; `None` if neither window has one.
    pub end: Option<Timestamp>,
    /// The tenant whose window opens later, by its place in the calendar.
    pub tenant: usize,
    /// The other one.
    pub other: usize,
}

/// The times of a gate's jobs that run.
#[derive(Debug, Clone)]
struct GateTimes {
    /// The time zone of `up`, also if it does not run.
    zone: TimeZone,
    up: Option<RunTimes>,
    guard: Option<RunTimes>,
    down: Option<RunTimes>,
    /// The runs that open hours of demand.
    demand: Option<RunTimes>,
}

impl Calendar {
    /// The windows of a project's stacks.
    ///
    /// # Errors
    /// The span has too many runs.
    pub fn new(project: &RenderedProject, span: Span, detail: Detail) -> Result<Self, Diagnostics> {
        let mut left = MAX_RUNS;
        let mut tenants = Vec::new();
        let mut gates = gates_by_stack(project)?;
        let mut stacks = Vec::new();
        for (index, stack) in project.stacks.iter().enumerate() {
            for (target, gate) in gates.remove(stack.file.as_str()).unwrap_or_default() {
                let mut tenant = Tenant::of_gate(stack, target, &gate);
                tenant.collect(span, detail, &mut left)?;
                tenants.push(tenant);
                stacks.push(index);
            }
        }
        let overlaps = stack_overlaps(project, &tenants, &stacks);
        Ok(Calendar { span, tenants, overlaps })
    }

    /// Returns true if a night of the span has no window or no end.
    pub fn has_faults(&self) -> bool {
        self.tenants.is_empty()
            || self.tenants.iter().any(|tenant| {
                (tenant.windows.is_empty() && tenant.nights.is_empty() && tenant.open.is_none())
                    || tenant.nights.iter().any(|night| night.fault.is_some())
            })
    }
}

/// The overlaps of tenants whose stacks read one GPU.
fn stack_overlaps(
    project: &RenderedProject,
    tenants: &[Tenant],
    stacks: &[usize],
) -> Vec<StackOverlap> {
    let values = |tenant: usize| Some(&project.stacks.get(*stacks.get(tenant)?)?.values.gate);
    let mut gpus: BTreeMap<(String, &str), Vec<(Window, usize)>> = BTreeMap::new();
    for (index, tenant) in tenants.iter().enumerate() {
        let Some(gate) = values(index) else { continue };
        let windows = tenant.all_windows().map(|window| {
            let closes = window.closes.unwrap_or(Timestamp::MAX);
            (Window { opens: window.opens, closes }, index)
        });
        gpus.entry(gate.gpu_source()).or_default().extend(windows);
    }
    let found = gpus.into_values().flat_map(|windows| {
        find_overlaps(windows, |one, other| match (values(one), values(other)) {
            (Some(one), Some(other)) => one.may_share_gpu(other),
            _ => false,
        })
    });
    let mut overlaps: Vec<StackOverlap> = found
        .map(|overlap| StackOverlap {
            start: overlap.shared.opens,
            end: (overlap.shared.closes < Timestamp::MAX).then_some(overlap.shared.closes),
            tenant: overlap.owner,
            other: overlap.other,
        })
        .collect();
    overlaps.sort_by_key(|overlap| (overlap.tenant, overlap.start));
    overlaps
}

impl Tenant {
    /// A tenant of which no window is known yet.
    fn of_gate(stack: &Stack, target: ObjectId, gate: &Gate) -> Self {
        let up = gate.job(Action::Up).and_then(|job| job.times.as_ref());
        let (zone, zone_name) = match up {
            Some(up) => (up.zone.clone(), up.zone_name.clone()),
            None => (TimeZone::UTC, "Etc/UTC".to_owned()),
        };
        Tenant {
            stack: stack.name.clone(),
            target,
            zone_name,
            open: None,
            windows: Vec::new(),
            demand: Vec::new(),
            nights: Vec::new(),
            runs: Vec::new(),
            remarks: gate_remarks(gate),
            times: GateTimes::of_gate(gate, zone),
            limit: unguarded_limit(stack.values.gate.floor.get()),
        }
    }

    /// Collects the windows, nights and runs of a span.
    fn collect(&mut self, span: Span, detail: Detail, left: &mut usize) -> Result<(), Diagnostics> {
        let openings = self.times.openings(self.times.up.as_ref(), span);
        spend_runs(left, openings.iter().map(|opening| opening.again + 1).sum())?;
        self.nights = nights::find_nights(&self.times, &openings, span);
        self.windows = self.in_span(&openings, span, left)?;
        let hours = self.times.openings(self.times.demand.as_ref(), span);
        spend_runs(left, hours.iter().map(|opening| opening.again + 1).sum())?;
        self.demand = self.in_span(&hours, span, left)?;
        if detail == Detail::EveryRun {
            self.runs = self.times.runs(span, left)?;
        }
        Ok(())
    }

    /// The windows that open in the span. One that is open at its start becomes [`open`](Self::open).
    fn in_span(
        &mut self,
        openings: &[Opening],
        span: Span,
        left: &mut usize,
    ) -> Result<Vec<TenantWindow>, Diagnostics> {
        let mut windows = Vec::new();
        for opening in openings {
            let is_open_before =
                opening.opens < span.from && opening.closes.is_none_or(|end| end > span.from);
            let starts_in_span = span.from <= opening.opens && opening.opens < span.until;
            if is_open_before {
                self.open = Some(self.times.guarded(*opening, left)?);
            } else if starts_in_span {
                windows.push(self.times.guarded(*opening, left)?);
            }
        }
        Ok(windows)
    }

    /// The windows and the hours of demand, the open one included.
    pub(super) fn all_windows(&self) -> impl Iterator<Item = &TenantWindow> {
        self.open.iter().chain(&self.windows).chain(&self.demand)
    }

    /// The instant on the clock of its time zone.
    fn local(&self, instant: Timestamp) -> DateTime {
        self.times.zone.to_datetime(instant)
    }
}

/// Takes a number of runs from those that are left.
fn spend_runs(left: &mut usize, runs: usize) -> Result<(), Diagnostics> {
    match left.checked_sub(runs) {
        Some(rest) => {
            *left = rest;
            Ok(())
        }
        None => {
            let message = format!("the span has more than {MAX_RUNS} runs");
            let note = "choose a shorter `--for`, or name stacks";
            Err(Diagnostic::new(message).note(note).into())
        }
    }
}

impl GateTimes {
    /// The times of the jobs that run and whose times are known.
    fn of_gate(gate: &Gate, zone: TimeZone) -> Self {
        let times = |job: Option<&GateJob>| {
            let job = job?;
            let runs = job.inactive.is_none() || job.inactive == Some(InactiveReason::DryRun);
            let times = job.times.as_ref().filter(|_| runs)?;
            (times.schedule.cycle() != Cycle::Delay).then(|| times.clone())
        };
        GateTimes {
            zone,
            up: times(gate.job(Action::Up)),
            guard: times(gate.job(Action::Guard)),
            down: times(gate.job(Action::Down)),
            demand: times(gate.demand_job()),
        }
    }

    /// The windows that some runs open in a span and in the week before and after it, and the one that is
    /// open when they begin.
    fn openings(&self, opening: Option<&RunTimes>, span: Span) -> Vec<Opening> {
        let Some(up) = opening else { return Vec::new() };
        let start = span.from.checked_sub(LOOK_AROUND).unwrap_or(Timestamp::MIN);
        let end = span.until.checked_add(LOOK_AROUND).unwrap_or(Timestamp::MAX);
        let without_end = || {
            // Nothing tells when it opened: the first run in the span counts.
            let mut runs = up.runs(span.from, span.until);
            let opens = runs.next();
            let again = runs.count();
            opens.map(|opens| Opening { opens, closes: None, again }).into_iter().collect()
        };
        let Some(down) = &self.down else { return without_end() };
        let schedule = WindowSchedule { up, down };
        match schedule.open_before(start) {
            Some(Opening { closes: None, .. }) => without_end(),
            Some(open @ Opening { closes: Some(closes), .. }) => {
                let mut openings = vec![open];
                openings.extend(schedule.openings(closes, end));
                openings
            }
            None => schedule.openings(start, end),
        }
    }

    /// A window with the runs of the guard in it.
    fn guarded(&self, opening: Opening, left: &mut usize) -> Result<TenantWindow, Diagnostics> {
        let Opening { opens, closes, again } = opening;
        let day = SignedDuration::from_hours(24);
        let end = closes.unwrap_or_else(|| opens.checked_add(day).unwrap_or(Timestamp::MAX));
        let runs = self.guard.as_ref().map(|guard| guard.runs(opens, end));
        let guard: Vec<Timestamp> = runs.into_iter().flatten().take(*left + 1).collect();
        spend_runs(left, guard.len())?;
        let unguarded = closes
            .and_then(|closes| longest_unguarded(Window { opens, closes }, guard.iter().copied()))
            .map(|gap| (gap.opens, gap.closes));
        Ok(TenantWindow { opens, closes, again, guard, unguarded })
    }

    /// Every run in a span, in order; at one instant `up`, `guard`, `down`.
    fn runs(&self, span: Span, left: &mut usize) -> Result<Vec<Run>, Diagnostics> {
        let mut runs = Vec::new();
        for (times, action) in self.jobs() {
            let first = runs.len();
            let of_job = times.runs(span.from, span.until).take(*left + 1);
            runs.extend(of_job.map(|time| Run { time, action }));
            spend_runs(left, runs.len() - first)?;
        }
        // Stable: the jobs' order decides between equal instants.
        runs.sort_by_key(|run| run.time);
        Ok(runs)
    }

    /// The jobs that run, with their names.
    fn jobs(&self) -> impl Iterator<Item = (&RunTimes, &'static str)> {
        [
            (&self.up, Action::Up.name()),
            (&self.guard, Action::Guard.name()),
            (&self.down, Action::Down.name()),
            (&self.demand, "demand"),
        ]
        .into_iter()
        .filter_map(|(times, name)| Some((times.as_ref()?, name)))
    }
}

/// The facts about a gate's jobs that concern all windows.
fn gate_remarks(gate: &Gate) -> Vec<String> {
    let mut remarks = Vec::new();
    for (action, effect) in [
        (Action::Up, "no window opens"),
        (Action::Guard, "nothing yields in a window"),
        (Action::Down, "no window ends"),
    ] {
        let name = action.name();
        let Some(job) = gate.job(action) else {
            remarks.push(format!("there is no CronJob that runs `{name}`: {effect}"));
            continue;
        };
        let times = job.times.as_ref();
        match job.inactive {
            Some(InactiveReason::DryRun) => {
                remarks.push(format!("`{name}` only reports what it would do (`DRY_RUN`)"));
            }
            Some(reason) => remarks.push(format!("`{name}` {}: {effect}", reason.text())),
            None => {}
        }
        if let Some(times) = times.filter(|times| times.schedule.cycle() == Cycle::Delay) {
            remarks.push(format!(
                "`{name}` runs `{}` after its last run, which only the cluster knows: its times are not known",
                times.schedule
            ));
        }
        let up_zone = gate.job(Action::Up).and_then(|up| up.times.as_ref());
        if let (Some(times), Some(up)) = (times, up_zone)
            && times.zone_name != up.zone_name
        {
            remarks.push(format!("`{name}` follows the clock of `{}`", times.zone_name));
        }
    }
    remarks
}
