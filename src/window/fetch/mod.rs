//! The recorded memory of past windows, from a Prometheus that the user names.
//!
//! In: a project and one of its stacks, and how far to look back. Out: a [`Plan`] of range queries, which is printed as
//! [`commands`] or [`sent`](send). What Prometheus answers is not trusted: its size is limited, and it is
//! read completely or refused. The module reads no clock.

mod live;
mod script;

pub(crate) use live::fetch_history;
pub use live::{FetchError, Fetched, Hole, Server, Step, send};
pub use script::commands;

use jiff::{SignedDuration, Timestamp};
use vram_gate::decision::Action;
use vram_gate::exposition::{MetricUnit, Query};
use vram_gate::settings::{Sampling, Source};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

use super::history::{FetchedSpan, Header, VERSION};
use super::stack::StackGate;
use crate::model::gate_jobs::Gate;
use crate::model::run_times::RunTimes;
use crate::model::window::WindowSchedule;
use crate::project::Project;
use crate::project::load::Request;
use kube_validate::schedule::Cycle;

/// The most points of one query: Prometheus answers no more for a series.
const MAX_POINTS: i64 = 11_000;

/// The most queries of one plan.
const MAX_QUERIES: usize = 2_000;

/// The range queries for the past windows of one stack.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The stack's name.
    pub stack: String,
    /// The time zone of its windows.
    pub zone: String,
    /// The metric of memory in use.
    pub metric: String,
    /// The unit of all metrics.
    pub unit: MetricUnit,
    /// The step of the queries, in seconds.
    pub step: u32,
    /// The windows, in order.
    pub windows: Vec<FetchedSpan>,
    /// The PromQL expressions, of each of which there is a query for each span.
    pub expressions: Vec<String>,
    /// The gate reads the exporter itself, so that Prometheus may have renamed its labels.
    reads_exporter: bool,
}

/// The past windows to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past {
    /// The number of nights.
    pub nights: u32,
    /// The instant at which the last of them ends.
    pub until: Timestamp,
}

impl Plan {
    /// Plans the queries for the requested stack. Suspended jobs count, too: the memory in the hours
    /// in which they would run is known before they do.
    ///
    /// # Errors
    /// There are several stacks, the stack has no gate with known times and settings, or no window closed
    /// in time.
    pub fn new(
        project: &Project,
        request: &Request,
        past: Past,
        step: u32,
    ) -> Result<Self, Diagnostics> {
        let StackGate { stack: name, gate, .. } = &StackGate::render(project, request)?;
        let sampling = find_sampling(name, gate)?;
        let (up, down) =
            (times_of_job(name, gate, Action::Up)?, times_of_job(name, gate, Action::Down)?);
        let windows = past_windows(up, down, past);
        if windows.is_empty() {
            let message = format!(
                "no window of `{name}` closed in the {} days before {}",
                past.nights, past.until
            );
            return Err(Diagnostic::new(message).into());
        }
        Plan::of_spans(name, &up.zone_name, &sampling, windows, step)
    }

    /// Plans the queries for some spans of time.
    ///
    /// # Errors
    /// They need too many queries.
    pub(crate) fn of_spans(
        stack: &str,
        zone: &str,
        sampling: &Sampling,
        windows: Vec<FetchedSpan>,
        step: u32,
    ) -> Result<Self, Diagnostics> {
        let plan = Plan {
            stack: stack.to_owned(),
            zone: zone.to_owned(),
            metric: sampling.query.metric.clone(),
            unit: sampling.query.unit,
            step,
            windows,
            expressions: write_expressions(&sampling.query, &sampling.source),
            reads_exporter: matches!(sampling.source, Source::Exposition { .. }),
        };
        if plan.queries().count() > MAX_QUERIES {
            let message = format!("the windows of `{stack}` need more than {MAX_QUERIES} queries");
            let note = "choose fewer `--nights`, or a longer `--step`";
            return Err(Diagnostic::new(message).note(note).into());
        }
        Ok(plan)
    }

    /// The queries: each with its expression and its span, which has at most 11,000 points.
    pub fn queries(&self) -> impl Iterator<Item = (&str, FetchedSpan)> {
        self.windows
            .iter()
            .flat_map(|window| split_span(*window, self.step))
            .flat_map(|span| self.expressions.iter().map(move |text| (text.as_str(), span)))
    }

    /// The description of a file with the answers.
    pub(super) fn header(&self, source: &str, windows: Vec<FetchedSpan>) -> Header {
        Header {
            version: VERSION,
            metric: self.metric.clone(),
            unit: self.unit,
            step: self.step.into(),
            source: source.to_owned(),
            windows,
        }
    }
}

/// The settings by which a gate's jobs read the memory.
pub(crate) fn find_sampling(stack: &str, gate: &Gate) -> Result<Sampling, Diagnostics> {
    let settings = [Action::Up, Action::Guard]
        .into_iter()
        .filter_map(|action| gate.job(action)?.settings.as_ref().ok()?.sampling.clone());
    let mut settings = settings;
    settings.next().ok_or_else(|| {
        let message = format!("the settings of the gate of `{stack}` are not known");
        Diagnostic::new(message).note("`tts-render lint` reports the reason").into()
    })
}

/// The times of a job, also of one that is suspended.
fn times_of_job<'a>(
    stack: &str,
    gate: &'a Gate,
    action: Action,
) -> Result<&'a RunTimes, Diagnostics> {
    let times = gate.job(action).and_then(|job| job.times.as_ref());
    let known = times.filter(|times| times.schedule.cycle() != Cycle::Delay);
    known.ok_or_else(|| {
        let name = action.name();
        Diagnostic::new(format!("the past runs of `{name}` of `{stack}` are not known")).into()
    })
}

/// The windows that opened in the given nights and are closed.
fn past_windows(up: &RunTimes, down: &RunTimes, past: Past) -> Vec<FetchedSpan> {
    let length = SignedDuration::from_hours(24 * i64::from(past.nights));
    let start = past.until.checked_sub(length).unwrap_or(Timestamp::MIN);
    let schedule = WindowSchedule { up, down };
    // A window that is open at the start opened before it.
    let first = schedule.open_before(start).map_or(Some(start), |open| open.closes);
    let windows = first.map(|first| schedule.windows(first, past.until)).unwrap_or_default();
    let closed = windows.into_iter().filter(|window| window.closes <= past.until);
    closed.map(|window| FetchedSpan { start: window.opens, end: window.closes }).collect()
}

/// Splits a span into parts that Prometheus answers.
fn split_span(span: FetchedSpan, step: u32) -> Vec<FetchedSpan> {
    let seconds = i64::from(step.max(1));
    let longest = SignedDuration::from_secs((MAX_POINTS - 1) * seconds);
    let mut parts = Vec::new();
    let mut start = span.start;
    while start <= span.end {
        let last = start.checked_add(longest).unwrap_or(span.end).min(span.end);
        parts.push(FetchedSpan { start, end: last });
        // The next part starts a step after the last point of this one.
        let points = last.duration_since(start).as_secs() / seconds + 1;
        match start.checked_add(SignedDuration::from_secs(points * seconds)) {
            Ok(next) => start = next,
            Err(_) => break,
        }
    }
    parts
}

/// The expressions for everything that the gate reads: one, unless the values have a query of their own.
fn write_expressions(query: &Query, source: &Source) -> Vec<String> {
    match source {
        Source::Prometheus { query: Some(own), .. } => {
            let others: Vec<&str> =
                query.metrics().filter(|metric| *metric != query.metric).collect();
            let mut all = vec![own.trim().to_owned()];
            all.extend((!others.is_empty()).then(|| write_selector(&others, query)));
            all
        }
        _ => vec![write_selector(&query.metrics().collect::<Vec<_>>(), query)],
    }
}

/// A selector of metrics with the labels that the gate selects.
fn write_selector(metrics: &[&str], query: &Query) -> String {
    let select = &query.select;
    match (metrics, select.is_empty()) {
        ([metric], true) => (*metric).to_owned(),
        ([metric], false) => format!("{metric}{{{select}}}"),
        (_, true) => format!("{{__name__=~\"{}\"}}", metrics.join("|")),
        (_, false) => format!("{{__name__=~\"{}\",{select}}}", metrics.join("|")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: &str, end: &str) -> FetchedSpan {
        FetchedSpan { start: start.parse().unwrap(), end: end.parse().unwrap() }
    }

    #[test]
    fn a_query_has_at_most_11000_points_and_parts_do_not_overlap() {
        let night = span("2026-11-24T02:00:00Z", "2026-11-24T06:00:00Z");
        assert_eq!(split_span(night, 15), [night]);
        let week = span("2026-11-20T20:00:00Z", "2026-11-27T06:00:07Z");
        for step in [1, 7, 15, 60] {
            let parts = split_span(week, step);
            let mut points = Vec::new();
            for part in &parts {
                let count = part.end.duration_since(part.start).as_secs() / i64::from(step) + 1;
                assert!(count <= MAX_POINTS, "{step}: {count}");
                points.extend(
                    (0..count).map(|point| part.start.as_second() + point * i64::from(step)),
                );
            }
            let all: Vec<i64> =
                (week.start.as_second()..=week.end.as_second()).step_by(step as usize).collect();
            assert_eq!(points, all, "{step}");
        }
    }

    #[test]
    fn past_windows_are_closed_and_opened_in_the_span() {
        let times = |schedule| RunTimes::parse(schedule, "Europe/London").unwrap();
        let (up, down) = (times("*/30 2-5 * * *"), times("0 6 * * *"));
        let past = |until: &str, nights| {
            past_windows(&up, &down, Past { nights, until: until.parse().unwrap() })
        };
        // At 03:10 a window is open; at the same time two nights before one was.
        assert_eq!(
            past("2026-11-24T03:10:00Z", 2),
            [span("2026-11-23T02:00:00Z", "2026-11-23T06:00:00Z")]
        );
        assert_eq!(past("2026-11-24T06:00:00Z", 2).len(), 2);
        // Over a clock change, each in UTC.
        let autumn = past("2026-10-26T12:00:00Z", 3);
        let starts: Vec<String> = autumn.iter().map(|window| window.start.to_string()).collect();
        assert_eq!(
            starts,
            ["2026-10-24T01:00:00Z", "2026-10-25T02:00:00Z", "2026-10-26T02:00:00Z"]
        );
    }

    #[test]
    fn the_expression_has_every_metric_and_the_selection() {
        let query = Query { metric: "used".into(), ..Query::default() };
        let page = Source::Exposition { sentinel: None, freshness: None };
        assert_eq!(write_expressions(&query, &page), ["used"]);
        let select = [("gpu".to_owned(), "0\"".to_owned())].into_iter().collect();
        let query = Query { free_metric: Some("free".into()), select, ..query };
        assert_eq!(write_expressions(&query, &page), ["{__name__=~\"used|free\",gpu=\"0\\\"\"}"]);
        let own = Source::Prometheus { query: Some(" sum(used) ".into()), age_query: None };
        assert_eq!(write_expressions(&query, &own), ["sum(used)", "free{gpu=\"0\\\"\"}"]);
    }
}
