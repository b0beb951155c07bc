//! The last windows of a stack: what the gate decided and why, what failed, and who scales the tenant now.
//!
//! In: a rendered stack, the cluster's objects as `kubectl` prints them, and the time. Out: a [`Status`].
//! The record is what Kubernetes keeps anyway: finished Jobs with their Pods, managed fields, Events.

mod attention;
mod drift;
mod failure;
mod gate_report;
mod growth;
mod live;
pub mod report;
mod runs;
mod scale;
mod window;

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use kube_validate::ObjectId;
use vram_gate::decision::Action;
use yaml_spans::diagnostic::Diagnostic;

pub use drift::Drift;
pub use failure::{Cause, Failure};
pub use gate_report::Report;
pub use growth::add_growth;
pub use live::LiveObjects;
pub use scale::ScaledBy;

use crate::kubectl::{Kubectl, NotReached};
use crate::model::gate_jobs::{Gate, GateJob, InactiveReason, find_gates, is_suspended};
use crate::model::object::{Object, ObjectError, Objects};
use crate::model::run_times::RunTimes;
use crate::model::window::{Window, WindowSchedule};
use crate::project::load::{RenderedProject, Stack};
use crate::window::simulate::Growth;
use attention::add_attention;
use live::RESOURCES;
use runs::{Run, find_runs};
use window::inspect_window;

/// The span in which past windows are looked for.
const MAX_PAST: SignedDuration = SignedDuration::from_hours(400 * 24);

/// A stack and its last windows.
#[derive(Debug)]
pub struct Status {
    /// The stack's name.
    pub(crate) stack: String,
    /// The object that the gate scales.
    pub(crate) target: ObjectId,
    /// The time zone of the schedules.
    pub(crate) zone: TimeZone,
    /// Its name.
    pub(crate) zone_name: String,
    /// The last windows, the oldest first.
    pub(crate) windows: Vec<WindowStatus>,
    /// The replicas that the tenant should have now; `None` if the target was not seen.
    pub(crate) replicas: Option<i64>,
    /// The last change of the replicas; `None` if the target has no managed fields.
    pub(crate) scaled_by: Option<ScaledBy>,
    /// The next window; `None` while `up` is suspended.
    pub(crate) next: Option<Window>,
    /// True if `up` is suspended: no window is opened.
    pub(crate) up_is_suspended: bool,
    /// Differences between the live objects and the rendered ones.
    pub(crate) drift: Vec<Drift>,
    /// Sentences about what deserves a look and belongs to no window.
    pub(crate) attention: Vec<String>,
    /// Sentences about what could not be seen.
    pub(crate) unseen: Vec<String>,
}

/// A window and what happened in it, up to the next one.
#[derive(Debug)]
pub struct WindowStatus {
    /// The window.
    pub(crate) window: Window,
    /// True if it has not ended yet.
    pub(crate) is_open: bool,
    /// True for hours in which the tenant runs by demand.
    pub(crate) by_demand: bool,
    /// The time for which the tenant was up.
    pub(crate) served: Served,
    /// The decisions in order.
    pub(crate) decisions: Vec<DecisionRecord>,
    /// The runs that have not ended: their action, and the minute that they were scheduled for.
    pub(crate) running: Vec<(Action, Timestamp)>,
    /// The guard's runs.
    pub(crate) guard_runs: GuardRuns,
    /// The things that deserve a look, in order.
    pub(crate) failures: Vec<Failure>,
}

/// The time for which the tenant was up in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// It was not started.
    Never,
    /// It was up for so long.
    For(SignedDuration),
    /// The gate ran, and no report of it is left; or a watch runs, which reports at its end.
    Unknown,
}

/// The guard's runs in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardRuns {
    /// Those that the schedule has, up to now, and whose records are still kept.
    pub(crate) due: usize,
    /// Those that have a Job.
    pub(crate) seen: usize,
}

/// A run of the gate that ended.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionRecord {
    /// The minute that it was scheduled for.
    pub(crate) time: Timestamp,
    /// The gate's action.
    pub(crate) action: Action,
    /// The gate's exit code.
    pub(crate) exit: i64,
    /// True if somebody made the Job by hand.
    pub(crate) by_hand: bool,
    /// The time of its end, on the node's clock.
    pub(crate) ended: Option<Timestamp>,
    /// True for a start or a yield inside a watch, whose time is its own.
    pub(crate) in_watch: bool,
    /// The gate's report; `None` if its Pod is gone, or of a gate that reported otherwise.
    pub(crate) report: Option<Report>,
    /// The residents whose memory grew since the run before; `None` if that is not known, or was not asked.
    pub(crate) grown: Option<Vec<Growth>>,
}

impl DecisionRecord {
    /// Returns true if the guard stopped the tenant.
    pub(crate) fn is_yield(&self) -> bool {
        let stopped = |report: &Report| {
            report.outcome == "scaled" && report.decision.as_deref() == Some("stop")
        };
        self.action == Action::Guard && self.report.as_ref().is_some_and(stopped)
    }

    /// The time by which it is ordered: a watch decides until its end.
    pub(crate) fn decided(&self) -> Timestamp {
        let is_whole_watch = self.action == Action::Watch && !self.in_watch;
        self.ended.filter(|_| is_whole_watch).map_or(self.time, |ended| ended.max(self.time))
    }
}

impl Status {
    /// Returns true if nothing deserves a look.
    pub fn is_as_planned(&self) -> bool {
        self.attention.is_empty()
            && self.drift.is_empty()
            && self.windows.iter().all(|window| window.failures.is_empty())
    }
}

/// A stack as it is rendered.
#[derive(Debug)]
pub struct RenderedStack<'a> {
    name: &'a str,
    objects: Objects,
}

impl<'a> RenderedStack<'a> {
    /// The rendered objects of a stack.
    ///
    /// # Errors
    /// Two of them have one identity.
    pub fn of(rendered: &RenderedProject, stack: &'a Stack) -> Result<Self, ObjectError> {
        let files = rendered.files.iter().filter(|file| file.folder == stack.name);
        let objects: Result<Vec<Object>, ObjectError> =
            files.map(|file| Object::read(file.object.node.clone(), &file.name)).collect();
        let objects = Objects::collect(objects?.into_iter().map(Arc::new))?;
        Ok(RenderedStack { name: &stack.name, objects })
    }
}

/// The error of a stack that has no window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{stack}` has no window: no pair of CronJobs that run `vram-gate up` and `vram-gate down`"
)]
pub struct NoWindow {
    stack: String,
}

/// Reads the objects of a stack's namespace. A resource that can't be read is listed.
///
/// # Errors
/// The stack has no window, `kubectl` does not run, or nothing can be read.
pub fn read_cluster(
    kubectl: &Kubectl,
    stack: &RenderedStack<'_>,
) -> Result<LiveObjects, Box<Diagnostic>> {
    let (target, gate) =
        find_gate(stack).map_err(|error| Box::new(Diagnostic::new(error.to_string())))?;
    let namespace = target.namespace.as_deref().unwrap_or("default");
    let scaled = gate.jobs.first().map(GateJob::target_resource).unwrap_or_default();
    let mut live = LiveObjects::default();
    let mut read = 0;
    let mut refused = Vec::new();
    for resource in RESOURCES.iter().copied().chain([scaled.as_str()]) {
        let args = ["get", resource, "-n", namespace, "--show-managed-fields", "-o", "json"];
        let answer = kubectl.call(&args.map(str::to_owned)).map_err(|error| {
            let problem = Diagnostic::new(format!("`kubectl` can't be called: {error}"))
                .note("`--from` reads what `kubectl get` printed elsewhere");
            Box::new(problem)
        })?;
        if answer.succeeded {
            live.add_json(answer.output.as_bytes(), resource)?;
            read += 1;
        } else {
            refused.push((resource, answer.reason().to_owned()));
        }
    }
    if read == 0 {
        return Err(Box::new(nothing_read(namespace, &refused)));
    }
    live.unseen.extend(refused.iter().map(refusal));
    Ok(live)
}

/// The error of a cluster of which nothing can be read: one reason for all resources, or one for each.
fn nothing_read(namespace: &str, refused: &[(&str, String)]) -> Diagnostic {
    if let [(_, reason), others @ ..] = refused
        && others.iter().all(|(_, other)| other == reason)
    {
        return NotReached(reason.clone()).into();
    }
    let message = format!("`kubectl` can't read the objects of the namespace `{namespace}`");
    Diagnostic { notes: refused.iter().map(refusal).collect(), ..Diagnostic::new(message) }
}

/// A resource that can't be read, with the reason.
fn refusal((resource, reason): &(&str, String)) -> String {
    format!("{resource}: {reason}")
}

/// The gate of a stack: its CronJobs and the object that they scale.
fn find_gate(stack: &RenderedStack<'_>) -> Result<(ObjectId, Gate), NoWindow> {
    let namespaces =
        stack.objects.iter().filter_map(|object| object.id.namespace.as_deref()).collect();
    find_gates(&stack.objects, &namespaces)
        .into_iter()
        .find(|(_, gate)| times(gate, Action::Up).is_some() && times(gate, Action::Down).is_some())
        .ok_or_else(|| NoWindow { stack: stack.name.to_owned() })
}

fn times(gate: &Gate, action: Action) -> Option<&RunTimes> {
    gate.job(action)?.times.as_ref()
}

/// Makes the status of a stack from the cluster's objects; `last` is the number of windows.
///
/// # Errors
/// The stack renders no CronJobs that open and close a window.
pub fn inspect(
    stack: &RenderedStack<'_>,
    live: &LiveObjects,
    now: Timestamp,
    last: usize,
) -> Result<Status, NoWindow> {
    let (target, gate) = find_gate(stack)?;
    let no_window = || NoWindow { stack: stack.name.to_owned() };
    let up = times(&gate, Action::Up).ok_or_else(no_window)?;
    let down = times(&gate, Action::Down).ok_or_else(no_window)?;
    let schedule = WindowSchedule { up, down };
    let namespace = target.namespace.clone().unwrap_or_default();
    let jobs: Vec<ObservedJob<'_>> =
        gate.jobs.iter().map(|job| ObservedJob::find(job, live, &namespace, now)).collect();
    let scaled = live.find(&target);
    let up_is_suspended = jobs.iter().any(|job| job.job.action == Action::Up && job.is_suspended);
    let mut status = Status {
        stack: stack.name.to_owned(),
        zone: up.zone.clone(),
        zone_name: up.zone_name.clone(),
        windows: Vec::new(),
        replicas: scaled.and_then(|object| object.whole_at(&["spec", "replicas"])),
        scaled_by: scaled
            .and_then(|target| scale::last_change(target, jobs.iter().flat_map(|job| &job.runs))),
        next: if up_is_suspended { None } else { next_window(schedule, now) },
        up_is_suspended,
        drift: drift::find(&stack.objects, live, &target),
        attention: Vec::new(),
        unseen: live.unseen.clone(),
        target,
    };
    let demand = gate.demand_job().and_then(|job| job.times.as_ref());
    let demand = demand.map(|opens| WindowSchedule { up: opens, down });
    let mut windows = last_windows(schedule, now, last);
    // The hours since the first of the windows: by day, the last night must not be hidden by them.
    let mut hours = demand.map_or_else(Vec::new, |demand| last_windows(demand, now, last));
    hours.retain(|hours| windows.first().is_none_or(|first| hours.opens > first.opens));
    windows.extend(&hours);
    windows.sort_unstable();
    let ends = windows.iter().skip(1).map(|window| window.opens).chain([Timestamp::MAX]);
    for (window, until) in windows.iter().zip(ends) {
        let inspected = inspect_window(*window, until.min(now), now, &jobs, live, &status);
        let by_demand = hours.contains(window);
        status.windows.push(WindowStatus { by_demand, ..inspected });
    }
    let has_fields = scaled.is_some_and(scale::has_managed_fields);
    let is_open = schedule.is_open(now) || demand.is_some_and(|demand| demand.is_open(now));
    add_attention(&mut status, is_open, &jobs, has_fields);
    Ok(status)
}

/// A CronJob of the gate, its live object and its runs.
struct ObservedJob<'a> {
    job: &'a GateJob,
    /// True if the live CronJob is suspended, or the rendered one without a live one.
    is_suspended: bool,
    /// The records of runs before this time are deleted.
    kept_since: Timestamp,
    runs: Vec<Run>,
    is_live: bool,
}

impl<'a> ObservedJob<'a> {
    fn find(job: &'a GateJob, live: &LiveObjects, namespace: &str, now: Timestamp) -> Self {
        let object = live.find(&job.id);
        let is_rendered_suspended = job.inactive == Some(InactiveReason::Suspended);
        let runs = find_runs(live, namespace, &job.id.name, job.action);
        ObservedJob {
            job,
            is_suspended: object.map_or(is_rendered_suspended, is_suspended),
            kept_since: object.map_or(Timestamp::MIN, |object| kept_since(object, &runs, now)),
            runs,
            is_live: object.is_some(),
        }
    }

    /// The minutes in which a run was due and whose record is still kept.
    fn due(&self, start: Timestamp, end: Timestamp) -> Vec<Timestamp> {
        let Some(times) = &self.job.times else { return Vec::new() };
        if self.is_suspended || !self.is_live {
            return Vec::new();
        }
        times.runs(start, end).filter(|time| *time > self.kept_since).collect()
    }

    fn has_run_at(&self, time: Timestamp) -> bool {
        self.runs.iter().any(|run| run.time == time && !run.by_hand)
    }
}

/// The time before which the records of a CronJob's runs may be deleted: by age, or because its history is
/// full.
fn kept_since(cron_job: &Object, runs: &[Run], now: Timestamp) -> Timestamp {
    let keys = ["spec", "jobTemplate", "spec", "ttlSecondsAfterFinished"];
    let kept = cron_job.whole_at(&keys).map(SignedDuration::from_secs);
    let by_age = kept.and_then(|kept| now.checked_sub(kept).ok()).unwrap_or(Timestamp::MIN);
    // The API server's default is 3.
    let limit = cron_job.whole_at(&["spec", "successfulJobsHistoryLimit"]).unwrap_or(3);
    let limit = usize::try_from(limit).unwrap_or_default();
    let mut kept = runs.iter().filter(|run| run.attempts.iter().any(|attempt| attempt.exit == 0));
    let oldest = kept.next().map_or(now, |run| run.time);
    let is_full = kept.count() + 1 >= limit;
    let before_oldest = oldest.checked_sub(SignedDuration::from_secs(1)).unwrap_or(oldest);
    if is_full { by_age.max(before_oldest) } else { by_age }
}

/// The last windows that opened up to `now`, the oldest first.
fn last_windows(schedule: WindowSchedule<'_>, now: Timestamp, count: usize) -> Vec<Window> {
    let mut hours = 24 * 8;
    loop {
        let span = SignedDuration::from_hours(hours).min(MAX_PAST);
        let start = now.checked_sub(span).unwrap_or(Timestamp::MIN);
        let end = now.checked_add(SignedDuration::from_nanos(1)).unwrap_or(now);
        let mut windows = schedule.windows(start, end);
        // The first may have been cut off: a window that was open already.
        if windows.len() > count || span == MAX_PAST {
            return windows.split_off(windows.len().saturating_sub(count));
        }
        hours *= 4;
    }
}

fn next_window(schedule: WindowSchedule<'_>, now: Timestamp) -> Option<Window> {
    let mut after = now;
    // A run that opens while the window is open, or at its end, opens none.
    for _ in 0..MAX_RUNS_TO_NEXT {
        let opens = schedule.up.next(after)?;
        let end = opens.checked_add(SignedDuration::from_nanos(1)).ok()?;
        let is_first = !schedule.is_open(opens.checked_sub(SignedDuration::from_nanos(1)).ok()?);
        if let Some(window) = schedule.windows(opens, end).first().filter(|_| is_first) {
            return Some(*window);
        }
        after = opens;
    }
    None
}

/// The most runs of `up` that are passed to find one that opens a window.
const MAX_RUNS_TO_NEXT: usize = 10_000;
