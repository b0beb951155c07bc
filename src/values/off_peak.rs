//! The window: schedules, deadlines, demand by day, and the defaults that follow from them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::SignedDuration;
use jiff::civil::date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gate::MIN_ACTIVE_DEADLINE;
use super::scalars::*;
use super::stack::set_default;
use crate::model::run_times::RunTimes;
use crate::model::window::{Opening, WindowSchedule, longest_unguarded};
use kube_validate::schedule::Schedule;

/// The off-peak window, in which the server may use the GPU. Schedules have Kubernetes' five fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OffPeak {
    /// The Pods that run the gate in a window: those of `up` and of each `guard`, or one that watches.
    #[serde(default)]
    pub mode: Mode,
    /// The time zone of the schedules.
    pub time_zone: TimeZoneName,
    /// The schedule of the job that starts the server if the floor is free.
    pub up: CronSchedule,
    /// The schedule of the job that stops the server if others need the GPU.
    pub guard: CronSchedule,
    /// The schedule of the job that ends the window and stops the server.
    pub down: CronSchedule,
    /// Hours in which the server also runs while there is work for it, if there is room (`mode: watch`). The
    /// window from `up` to `down` ignores demand.
    #[serde(default)]
    pub demand: Option<Demand>,
    /// Suspends the job that starts the server. The guard and `down` run on, so that a server that runs
    /// is guarded and stopped as before.
    #[serde(default)]
    pub suspend: bool,
    /// Suspends all three jobs: a server that runs keeps the GPU, and nothing guards or stops it. Set
    /// `suspend` first, and this when no replica is left.
    #[serde(default)]
    pub suspend_all: bool,
    /// The longest delay with which `up` and `guard` may still start, in seconds.
    #[serde(default = "default_starting_deadline")]
    pub starting_deadline_seconds: Whole<10, 86_400>,
    /// The longest delay with which `down` may still start, in seconds. Default: as long as its Job ends
    /// before the next window opens, at most a week.
    #[serde(default)]
    pub down_starting_deadline_seconds: Option<Whole<10, 604_800>>,
    /// The handling of a run that is due while the Job of the run before it is still there.
    #[serde(default)]
    pub concurrency_policy: ConcurrencyPolicies,
    /// The longest time that a job may run, in seconds. The gate itself ends 10 s earlier. Default: 120,
    /// or more if the gate's readings may take longer.
    #[serde(default)]
    pub active_deadline_seconds: Option<Whole<20, 86_400>>,
    /// The time that finished Jobs are kept, with their Pods and what the gate reported: `status` reads
    /// them. With the default, last night is there until the next one has begun.
    #[serde(default = "default_keep")]
    pub keep: TimeSpan,
    /// The most Jobs that are kept. Default: as many as run in `keep`.
    #[serde(default)]
    pub history_limits: HistoryLimits,
    /// The names of the objects that run the window.
    #[serde(default)]
    pub names: OffPeakNames,
}

/// The Pods that run the gate in a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// One for `up`, and one for each run of `guard`.
    #[default]
    Jobs,
    /// One for the whole window: `up` runs `vram-gate watch`, which starts the server, yields within seconds,
    /// and starts it again. `guard` and `down` stay as a fallback.
    Watch,
}

/// Hours in which the server runs while there is work for it: a number from a URL says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Demand {
    /// The schedule that opens the hours; the next run of `down` closes them. They must not overlap the window
    /// from `up` to `down`.
    pub opens: CronSchedule,
    /// The URL of the number: a JSON document, or metrics in Prometheus' text format. Another server than the
    /// one that is started must answer there.
    pub url: HttpUrl,
    /// The number in the answer: `/queued` in JSON (RFC 6901), or `metric{label="value"}`. More than 0 starts
    /// the server; what is not a count changes nothing.
    pub number: String,
    /// The time from one request to the next, in seconds.
    #[serde(default = "default_demand_interval")]
    pub interval_seconds: Whole<1, 3600>,
    /// The time for which the number must be an explicit 0 before the server stops.
    #[serde(default = "default_idle_for")]
    pub idle_for: TimeSpan,
    /// The most time for which the server runs in the hours of a day; then it rests until they open again.
    #[serde(default = "default_at_most")]
    pub at_most: TimeSpan,
}

fn default_demand_interval() -> Whole<1, 3600> {
    Whole::new(15)
}

fn default_idle_for() -> TimeSpan {
    TimeSpan::from_minutes(15)
}

fn default_at_most() -> TimeSpan {
    TimeSpan::from_hours(6)
}

fn default_starting_deadline() -> Whole<10, 86_400> {
    Whole::new(120)
}

fn default_keep() -> TimeSpan {
    TimeSpan::from_hours(26)
}

/// The most finished Jobs that are kept. Default: as many as run in `offPeak.keep`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HistoryLimits {
    /// Jobs that succeeded, by action.
    pub successful: JobCounts,
    /// Jobs that failed, by action.
    pub failed: JobCounts,
}

/// A number of Jobs for each action.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct JobCounts {
    /// Of the job that starts the server.
    pub up: Option<JobCount>,
    /// Of the job that yields.
    pub guard: Option<JobCount>,
    /// Of the job that ends the window.
    pub down: Option<JobCount>,
    /// Of the job that starts the server by demand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demand: Option<JobCount>,
}

/// A number of Jobs.
pub type JobCount = Whole<0, 1_000_000>;

/// The handling of a run that is due while the Job of the run before it is still there, for each action.
/// A Job is there as long as its Pod: one on a node that is away stays until the node is back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ConcurrencyPolicies {
    /// Of the job that starts the server.
    pub up: ConcurrencyPolicy,
    /// Of the job that yields.
    pub guard: ConcurrencyPolicy,
    /// Of the job that ends the window.
    pub down: ConcurrencyPolicy,
}

impl Default for ConcurrencyPolicies {
    fn default() -> Self {
        ConcurrencyPolicies {
            up: ConcurrencyPolicy::Forbid,
            guard: ConcurrencyPolicy::Replace,
            down: ConcurrencyPolicy::Replace,
        }
    }
}

/// The handling of a run that is due while the Job of the run before it is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConcurrencyPolicy {
    /// The run is skipped.
    Forbid,
    /// The Job is deleted, and the run starts.
    Replace,
}

/// The names of the objects that run the window. Default: the server's name with a suffix.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OffPeakNames {
    /// The CronJob that scales up. Default: `<server>-window-up`.
    #[serde(default)]
    pub up: Option<DnsSubdomain>,
    /// The CronJob that yields. Default: `<server>-vram-guard`.
    #[serde(default)]
    pub guard: Option<DnsSubdomain>,
    /// The CronJob that ends the window. Default: `<server>-window-down`.
    #[serde(default)]
    pub down: Option<DnsSubdomain>,
    /// The CronJob that starts the server by demand. Default, with `offPeak.demand`: `<server>-demand`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demand: Option<DnsSubdomain>,
    /// The ServiceAccount of the jobs, its Role and its RoleBinding. Default: `<server>-offpeak`.
    #[serde(default)]
    pub service_account: Option<DnsSubdomain>,
}

impl OffPeak {
    /// The time without a run of the guard that can't be chance: twice the longest time between two runs in a
    /// window of a week, and the time that a run may take, at least a quarter of an hour.
    pub(super) fn default_guard_silence(&self) -> TimeSpan {
        const LEAST: i64 = 15 * 60;
        let gap = self.longest_guard_gap().map_or(0, |gap| gap.as_secs());
        let run = self.active_deadline_seconds.map_or(120, |deadline| deadline.get());
        let silence = gap.saturating_mul(2).saturating_add(run).max(LEAST);
        TimeSpan::from_minutes(u32::try_from(silence / 60 + 1).unwrap_or(u32::MAX))
    }

    /// The longest time between two runs of the guard in a window of a week; `None` if there is none.
    fn longest_guard_gap(&self) -> Option<SignedDuration> {
        let zone = self.time_zone.as_str();
        let times = |schedule: &CronSchedule| RunTimes::parse(schedule.as_str(), zone);
        let (up, guard, down) = (times(&self.up)?, times(&self.guard)?, times(&self.down)?);
        let start = date(2026, 1, 12).to_zoned(TimeZone::UTC).ok()?.timestamp();
        let end = start.checked_add(SignedDuration::from_hours(8 * 24)).ok()?;
        let demand = self.demand_opens().and_then(times);
        let gaps = std::iter::once(&up)
            .chain(&demand)
            .flat_map(|opens| WindowSchedule { up: opens, down: &down }.windows(start, end));
        let gaps = gaps.filter_map(|window| {
            let gap = longest_unguarded(window, guard.runs(window.opens, window.closes))?;
            Some(gap.closes.duration_since(gap.opens))
        });
        gaps.max()
    }

    /// The longest delay with which `down` may start and not reach the next window, rounded down to a
    /// multiple of five minutes, so that it does not follow every change of another deadline. Without
    /// such a delay (the window never opens, or `@every`), that of the other jobs.
    pub(super) fn default_down_starting_deadline(&self) -> Whole<10, 604_800> {
        const STEP: i64 = 5 * 60;
        Whole::new(match self.longest_down_delay() {
            Some(delay) if delay > STEP => delay / STEP * STEP,
            Some(delay) => delay,
            None => self.starting_deadline_seconds.get(),
        })
    }

    /// Sets the limits that are not written to the most Jobs that can run in `keep`, so that only the time
    /// decides what is kept.
    pub(super) fn set_history_limits(&mut self) {
        let days = self.keep.as_secs().div_ceil(24 * 3600).max(1);
        let limits = &mut self.history_limits;
        let demand = self.demand.as_ref().map(|demand| &demand.opens);
        let demand =
            demand.map(|opens| (opens, &mut limits.successful.demand, &mut limits.failed.demand));
        let window = [
            (&self.up, &mut limits.successful.up, &mut limits.failed.up),
            (&self.guard, &mut limits.successful.guard, &mut limits.failed.guard),
            (&self.down, &mut limits.successful.down, &mut limits.failed.down),
        ];
        for (schedule, successful, failed) in window.into_iter().chain(demand) {
            let a_day = schedule.as_str().parse::<Schedule>().map_or(1, |s| s.max_runs_a_day());
            let count = JobCount::new(i64::from(a_day) * i64::from(days));
            set_default(successful, || count);
            set_default(failed, || count);
        }
    }

    /// The longest delay in seconds with which a run of `down` may start, so that its Job ends before
    /// the next window or the hours of `demand` open; `None` if there is no such limit. It may be negative.
    pub(crate) fn longest_down_delay(&self) -> Option<i64> {
        let opening = std::iter::once(&self.up).chain(self.demand_opens());
        let delay = opening.filter_map(|opens| self.longest_delay_before(opens)).min();
        let active = self.active_deadline_seconds.map_or(MIN_ACTIVE_DEADLINE, Whole::get);
        Some(delay?.as_secs() - active)
    }

    /// The schedule that opens the hours of demand.
    pub(crate) fn demand_opens(&self) -> Option<&CronSchedule> {
        self.demand.as_ref().map(|demand| &demand.opens)
    }

    fn longest_delay_before(&self, opens: &CronSchedule) -> Option<SignedDuration> {
        // The stacks of a fleet share their schedules, and several rules ask for each.
        static DELAYS: Mutex<BTreeMap<[String; 3], Option<SignedDuration>>> =
            Mutex::new(BTreeMap::new());
        let zone = self.time_zone.as_str();
        let key = [opens.as_str(), self.down.as_str(), zone].map(str::to_owned);
        let known = DELAYS.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        let delay = known.unwrap_or_else(|| {
            let up = RunTimes::parse(opens.as_str(), zone)?;
            let down = RunTimes::parse(self.down.as_str(), zone)?;
            WindowSchedule { up: &up, down: &down }.longest_closing_delay(SignedDuration::ZERO)
        });
        DELAYS.lock().unwrap_or_else(PoisonError::into_inner).insert(key, delay);
        delay
    }

    /// The first hours of demand that overlap the window in two years, or have no end; `None` if none do.
    pub(crate) fn find_demand_overlap(&self) -> Option<jiff::Timestamp> {
        let zone = self.time_zone.as_str();
        let times = |schedule: &CronSchedule| RunTimes::parse(schedule.as_str(), zone);
        let (up, down) = (times(&self.up)?, times(&self.down)?);
        let demand = times(self.demand_opens()?)?;
        let schedule = WindowSchedule { up: &up, down: &down };
        let hours = WindowSchedule { up: &demand, down: &down };
        let spans = hours.representative_spans()?.into_iter();
        let mut openings = spans.flat_map(|(start, end)| hours.openings(start, end));
        openings
            .find(|hours| schedule.is_open(hours.opens) || opens_within(&up, hours))
            .map(|hours| hours.opens)
    }
}

/// Returns true if a window opens in hours of demand, or would if they had an end.
fn opens_within(up: &RunTimes, hours: &Opening) -> bool {
    let before = hours.opens.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(hours.opens);
    let opening = up.next(before);
    hours.closes.is_none_or(|closes| opening.is_some_and(|opening| opening < closes))
}
