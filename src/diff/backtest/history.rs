//! Recorded memory: Prometheus' answer to a range query.
//!
//! The format is that of `/api/v1/query_range`
//! (<https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries>). What can't be read
//! whole is refused: a sum must never come out lower because something was left out.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use vram_gate::decision::Reading;
use vram_gate::exposition::{NAMESPACE_LABEL, UNKNOWN, Usage};

/// How old a sample may be to count, in milliseconds, where the history has no longer step:
/// Prometheus' own look-back.
const LOOK_BACK: i64 = 5 * 60 * 1000;

/// The memory in use over some time.
#[derive(Debug, Clone)]
pub struct History {
    series: Vec<Series>,
    /// What Prometheus, or who made the file, says of it.
    pub remarks: Vec<String>,
    step: i64,
    /// The most that each namespace was recorded with.
    peaks: BTreeMap<String, u64>,
}

#[derive(Debug, Clone)]
struct Series {
    namespace: Option<String>,
    /// Milliseconds since 1970, ascending, and bytes.
    samples: Vec<(i64, u64)>,
}

/// Why a text is no history.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum HistoryError {
    /// It is no JSON of this form.
    #[error("it is no answer of Prometheus to a range query: {0}")]
    Form(String),
    /// Prometheus says that the query failed.
    #[error("it holds Prometheus' error: {0}")]
    Failed(String),
    /// It is the answer to another query than a range's.
    #[error("its result is a `{0}`: a range query gives a `matrix`")]
    NotAMatrix(String),
    /// No sample at all.
    #[error("it holds no sample")]
    Empty,
    /// A sample that is no amount of memory.
    #[error("`{value}` at {time} is no amount of memory in bytes")]
    Value {
        /// The sample.
        value: String,
        /// Its time, in seconds since 1970.
        time: f64,
    },
    /// Samples that are not in the order of time.
    #[error("the samples of a series are not in the order of time, at {0}")]
    Order(f64),
    /// One series twice: Prometheus never answers so, and a sum would count it twice.
    #[error("it holds the series {0} twice")]
    Twice(String),
    /// Series of several metrics.
    #[error("it holds several metrics, `{0}` and `{1}`: their sum means nothing")]
    Metrics(String, String),
}

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Data>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    #[serde(default)]
    result: serde_json::Value,
}

#[derive(Deserialize)]
struct Row {
    metric: BTreeMap<String, String>,
    values: Vec<(f64, String)>,
}

impl History {
    /// Reads an answer.
    pub fn parse(text: &str) -> Result<Self, HistoryError> {
        let form = |error: serde_json::Error| HistoryError::Form(error.to_string());
        let answer: Answer = serde_json::from_str(text).map_err(form)?;
        if answer.status != "success" {
            return Err(HistoryError::Failed(answer.error));
        }
        let data = answer.data.ok_or_else(|| HistoryError::Form("`data` is missing".to_owned()))?;
        if data.result_type != "matrix" {
            return Err(HistoryError::NotAMatrix(data.result_type));
        }
        let rows: Vec<Row> = serde_json::from_value(data.result).map_err(form)?;
        one_metric(&rows)?;
        each_once(&rows)?;
        let series: Vec<Series> = rows.iter().map(read).collect::<Result<_, _>>()?;
        if series.iter().all(|series| series.samples.is_empty()) {
            return Err(HistoryError::Empty);
        }
        let remarks = answer.warnings.into_iter().chain(answer.infos).collect();
        let (step, peaks) = (step(&series), peaks(&series));
        Ok(History { series, remarks, step, peaks })
    }

    /// The first and the last instant, in milliseconds since 1970.
    pub fn span(&self) -> (i64, i64) {
        let samples = || self.series.iter().flat_map(|series| &series.samples);
        let times = || samples().map(|(time, _)| *time);
        (times().min().unwrap_or_default(), times().max().unwrap_or_default())
    }

    /// The most that a namespace was recorded with at one time, in bytes.
    pub fn peak(&self, namespace: &str) -> u64 {
        self.peaks.get(namespace).copied().unwrap_or(0)
    }

    /// What the page would have said at an instant, had the tenant used so much. The tenant's own
    /// recorded memory is left out: whether it ran then is what is replayed.
    pub fn reading(&self, at: i64, namespace: &str, tenant: u64) -> Reading {
        let mut usage = Usage { tenant, ..Usage::default() };
        for series in &self.series {
            let Some(bytes) = self.sample(series, at) else { continue };
            usage.series += 1;
            match series.namespace.as_deref() {
                Some(name) if name == namespace => {}
                Some(UNKNOWN) => usage.unknown = usage.unknown.saturating_add(bytes),
                _ => usage.others = usage.others.saturating_add(bytes),
            }
        }
        // No sample of anybody: the page was not read then, or had no series; which, nobody knows.
        if usage.series == 0 { Reading::Failed } else { Reading::Scraped(usage) }
    }

    /// The last sample of a series that is not too old.
    fn sample(&self, series: &Series, at: i64) -> Option<u64> {
        let next = series.samples.partition_point(|(time, _)| *time <= at);
        let (time, bytes) = series.samples.get(next.checked_sub(1)?)?;
        (at - time <= self.step.max(LOOK_BACK)).then_some(*bytes)
    }
}

fn one_metric(rows: &[Row]) -> Result<(), HistoryError> {
    let mut names = rows.iter().filter_map(|row| row.metric.get("__name__"));
    let Some(first) = names.next() else { return Ok(()) };
    match names.find(|name| *name != first) {
        Some(other) => Err(HistoryError::Metrics(first.clone(), other.clone())),
        None => Ok(()),
    }
}

fn each_once(rows: &[Row]) -> Result<(), HistoryError> {
    let mut seen = BTreeSet::new();
    match rows.iter().find(|row| !seen.insert(&row.metric)) {
        Some(row) => Err(HistoryError::Twice(format!("{:?}", row.metric))),
        None => Ok(()),
    }
}

fn read(row: &Row) -> Result<Series, HistoryError> {
    let mut samples: Vec<(i64, u64)> = Vec::with_capacity(row.values.len());
    for (time, value) in &row.values {
        let wrong = || HistoryError::Value { value: value.clone(), time: *time };
        let bytes: f64 = value.parse().map_err(|_| wrong())?;
        // NaN is in no range.
        if !(0.0..=i64::MAX as f64).contains(&bytes) || !(0.0..=1e11).contains(time) {
            return Err(wrong());
        }
        let instant = (time * 1000.0) as i64;
        if samples.last().is_some_and(|(last, _)| *last >= instant) {
            return Err(HistoryError::Order(*time));
        }
        samples.push((instant, bytes as u64));
    }
    Ok(Series { namespace: row.metric.get(NAMESPACE_LABEL).cloned(), samples })
}

/// The gap between samples that is the most common: the query's step.
fn step(series: &[Series]) -> i64 {
    let mut gaps: BTreeMap<i64, usize> = BTreeMap::new();
    for pair in series.iter().flat_map(|series| series.samples.windows(2)) {
        if let [(first, _), (second, _)] = pair {
            *gaps.entry(second - first).or_default() += 1;
        }
    }
    gaps.into_iter().max_by_key(|(gap, count)| (*count, -*gap)).map_or(0, |(gap, _)| gap)
}

/// The most that each namespace was recorded with at one time.
fn peaks(series: &[Series]) -> BTreeMap<String, u64> {
    let mut sums: BTreeMap<(&str, i64), u64> = BTreeMap::new();
    for one in series {
        let Some(namespace) = &one.namespace else { continue };
        for (time, bytes) in &one.samples {
            let sum = sums.entry((namespace, *time)).or_default();
            *sum = sum.saturating_add(*bytes);
        }
    }
    let mut peaks: BTreeMap<String, u64> = BTreeMap::new();
    for ((namespace, _), sum) in sums {
        let peak = peaks.entry(namespace.to_owned()).or_default();
        *peak = sum.max(*peak);
    }
    peaks
}
