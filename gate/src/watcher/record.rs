//! The summary of a watch: its looks, starts and yields, for the termination message.

use std::time::Duration;

use serde_json::{Value, json};
use vram_gate::decision::{NoSeries, Reason, Rules, free_bytes};
use vram_gate::demand::{Demand, DemandPlan};
use vram_gate::exposition::Usage;
use vram_gate::watch::Moment;

use crate::report::Figure;

/// The most starts and the most yields that are listed, the latest ones, so that the message fits its
/// 4096 bytes.
const MAX_LISTED: usize = 10;

/// A yield, with what was read before it. Amounts are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Yield {
    at: i64,
    reason: &'static str,
    /// Free memory, the others' and the tenant's; `None` without a reading.
    read: Option<(i64, u64, u64)>,
}

/// The summary so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// The window's end, in seconds since 1970.
    window_end: i64,
    pub(crate) looks: u64,
    failed_looks: u64,
    starts: u64,
    opened: Vec<i64>,
    yield_count: u64,
    yields: Vec<Yield>,
    served: Duration,
    /// The elapsed time since which the tenant has run.
    up_since: Option<Duration>,
    /// The least free memory while it ran.
    least_free: Option<i64>,
    /// The demand, of a watch that follows it.
    demand: Option<DemandRecord>,
}

/// The summary of the demand so far.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DemandRecord {
    latest: Demand,
    /// The stops for want of demand.
    idle_stops: u64,
    /// The longest time without a count.
    longest_unknown: Duration,
    /// The latest problem, once there has been no count for long.
    problem: Option<String>,
}

impl Record {
    pub(crate) fn new(end_ms: i64) -> Self {
        Self { window_end: end_ms / 1000, ..Self::default() }
    }

    /// Notes a look, and the replicas that are known after it.
    pub(crate) fn note_look(
        &mut self,
        moment: Moment,
        replicas: Option<i64>,
        usage: Option<&Usage>,
        rules: &Rules,
    ) {
        let usage = usage.filter(|usage| is_reading(usage, rules));
        self.looks += 1;
        self.failed_looks += u64::from(usage.is_none());
        self.note_up(replicas.is_some_and(|replicas| replicas > 0), moment);
        if let (Some(usage), Some(_)) = (usage, self.up_since) {
            let free = free(usage, rules);
            self.least_free = Some(self.least_free.map_or(free, |least| least.min(free)));
        }
    }

    /// Notes an answer about demand, with the time without a count up to it.
    pub(crate) fn note_demand(
        &mut self,
        latest: Demand,
        unknown_for: Duration,
        problem: Option<String>,
    ) {
        let record = self.demand.get_or_insert(DemandRecord {
            latest,
            idle_stops: 0,
            longest_unknown: Duration::ZERO,
            problem: None,
        });
        record.latest = latest;
        record.longest_unknown = record.longest_unknown.max(unknown_for);
        if unknown_for >= DemandPlan::REPORT_AFTER {
            record.problem = problem;
        }
    }

    /// Returns true if there has been no count of the demand for so long that it was reported.
    pub(crate) fn has_demand_problem(&self) -> bool {
        self.demand.as_ref().is_some_and(|demand| demand.problem.is_some())
    }

    /// Notes a confirmed change of the scale by the watch.
    pub(crate) fn note_scaled(
        &mut self,
        replicas: u32,
        reason: Reason,
        moment: Moment,
        usage: Option<&Usage>,
        rules: &Rules,
    ) {
        let at = moment.now_ms / 1000;
        if replicas > 0 {
            self.starts += 1;
            push(&mut self.opened, at);
        } else if reason == Reason::Idle {
            self.demand.iter_mut().for_each(|demand| demand.idle_stops += 1);
        } else if !matches!(reason, Reason::WindowEnd | Reason::Terminated | Reason::TimeUsed) {
            self.yield_count += 1;
            let usage = usage.filter(|usage| is_reading(usage, rules));
            let read = usage.map(|usage| (free(usage, rules), usage.residents(), usage.tenant));
            push(&mut self.yields, Yield { at, reason: reason.name(), read });
        }
        self.note_up(replicas > 0, moment);
    }

    fn note_up(&mut self, is_up: bool, moment: Moment) {
        match (self.up_since, is_up) {
            (None, true) => self.up_since = Some(moment.elapsed),
            (Some(since), false) => {
                self.served += moment.elapsed.saturating_sub(since);
                self.up_since = None;
            }
            _ => {}
        }
    }

    /// Returns the summary at a moment.
    pub(super) fn until(&self, moment: Moment) -> Self {
        let running = self.up_since.map(|since| moment.elapsed.saturating_sub(since));
        let served = self.served + running.unwrap_or_default();
        Self { served, up_since: None, ..self.clone() }
    }

    /// The figures of the report.
    pub(crate) fn fields(&self) -> Vec<(&'static str, Figure)> {
        let yields: Vec<Value> = self.yields.iter().map(Yield::to_json).collect();
        let mut fields = vec![
            ("windowEnd", Figure::Other(json!(self.window_end))),
            ("starts", Figure::Other(json!(self.starts))),
            ("opened", Figure::Detail(json!(self.opened))),
            ("yieldCount", Figure::Other(json!(self.yield_count))),
            ("yields", Figure::Detail(json!(yields))),
            ("servedSeconds", Figure::Other(json!(self.served.as_secs()))),
            ("looks", Figure::Other(json!(self.looks))),
            ("failedLooks", Figure::Other(json!(self.failed_looks))),
        ];
        fields.extend(self.least_free.map(|free| ("leastFree", Figure::memory(free))));
        if let Some(demand) = &self.demand {
            let unknown = demand.longest_unknown.as_secs();
            fields.extend([
                ("demand", Figure::text(demand.latest.name())),
                ("idleStops", Figure::Other(json!(demand.idle_stops))),
                ("longestUnknownSeconds", Figure::Other(json!(unknown))),
            ]);
            let problem = demand.problem.as_deref();
            fields.extend(problem.map(|problem| ("demandError", Figure::text(problem))));
        }
        fields
    }
}

impl Yield {
    fn to_json(&self) -> Value {
        match self.read {
            None => json!({ "at": self.at, "reason": self.reason }),
            Some((free, others, tenant)) => json!({
                "at": self.at, "reason": self.reason,
                "free": free, "others": others, "tenant": tenant,
            }),
        }
    }
}

/// Returns true for a scrape that says something about the memory in use.
fn is_reading(usage: &Usage, rules: &Rules) -> bool {
    usage.series > 0 || rules.no_series == NoSeries::Idle
}

fn free(usage: &Usage, rules: &Rules) -> i64 {
    i64::try_from(free_bytes(rules, usage, usage.everyone())).unwrap_or(i64::MIN)
}

/// Appends an item, without the oldest one of a full list.
fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() == MAX_LISTED {
        list.remove(0);
    }
    list.push(item);
}
