//! Recorded GPU memory: Prometheus' answer to a range query.
//!
//! The format is that of `/api/v1/query_range`
//! (<https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries>). An answer
//! that can't be read completely is refused: a sum must never be too low because a part is missing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use vram_gate::decision::Reading;
use vram_gate::exposition::{NAMESPACE_LABEL, UNKNOWN, Usage};

/// The age up to which a sample counts, in milliseconds, unless the query's step is longer:
/// Prometheus' own lookback.
const LOOKBACK_MS: i64 = 5 * 60 * 1000;

/// The memory in use over a period.
#[derive(Debug, Clone)]
pub struct History {
    /// The metric's name; `None` for an aggregate, which has none.
    metric: Option<String>,
    series: Vec<Series>,
    /// The warnings and notes in the answer.
    pub remarks: Vec<String>,
    step: i64,
    /// The highest sum that was recorded for each namespace.
    peaks: BTreeMap<String, u64>,
}

#[derive(Debug, Clone)]
struct Series {
    namespace: Option<String>,
    /// Milliseconds since 1970, ascending, with the bytes in use.
    samples: Vec<(i64, u64)>,
}

/// The reason why a text is not a history.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum HistoryError {
    /// The text is not JSON of this form.
    #[error("expected Prometheus' answer to a range query: {0}")]
    Form(String),
    /// The query failed.
    #[error("the query failed: {0}")]
    Failed(String),
    /// The answer to another kind of query.
    #[error("expected a `matrix`, the result of a range query: found `{0}`")]
    NotAMatrix(String),
    /// There is no sample.
    #[error("it contains no samples")]
    Empty,
    /// A sample is not an amount of memory.
    #[error("invalid sample `{value}` at {time}: expected bytes")]
    Value {
        /// The sample.
        value: String,
        /// Its time in seconds since 1970.
        time: f64,
    },
    /// Samples are not in chronological order.
    #[error("the samples of a series are not in chronological order, at {0}")]
    Order(f64),
    /// A series occurs twice, which Prometheus never answers; a sum would count it twice.
    #[error("it contains the series {0} twice")]
    Twice(String),
    /// There are series of several metrics.
    #[error(
        "it contains several metrics, `{0}` and `{1}`: query one, since their sum is meaningless"
    )]
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
    /// Parses an answer.
    pub fn parse(text: &str) -> Result<Self, HistoryError> {
        let answer: Answer = serde_json::from_str(text).map_err(form_error)?;
        if answer.status != "success" {
            return Err(HistoryError::Failed(answer.error));
        }
        let data = answer.data.ok_or_else(|| HistoryError::Form("`data` is missing".to_owned()))?;
        if data.result_type != "matrix" {
            return Err(HistoryError::NotAMatrix(data.result_type));
        }
        let rows: Vec<Row> = serde_json::from_value(data.result).map_err(form_error)?;
        let metric = single_metric(&rows)?.map(str::to_owned);
        check_unique_series(&rows)?;
        let series: Vec<Series> = rows.iter().map(parse_series).collect::<Result<_, _>>()?;
        if series.iter().all(|series| series.samples.is_empty()) {
            return Err(HistoryError::Empty);
        }
        let remarks = answer.warnings.into_iter().chain(answer.infos).collect();
        let (step, peaks) = (query_step(&series), namespace_peaks(&series));
        Ok(History { metric, series, remarks, step, peaks })
    }

    /// The metric's name; `None` for an aggregate, which has none.
    pub fn metric(&self) -> Option<&str> {
        self.metric.as_deref()
    }

    /// The first and the last instant, in milliseconds since 1970.
    pub fn span(&self) -> (i64, i64) {
        let samples = self.series.iter().flat_map(|series| &series.samples);
        let times = samples.map(|(time, _)| *time);
        (times.clone().min().unwrap_or_default(), times.max().unwrap_or_default())
    }

    /// The most bytes that were recorded for a namespace at one time.
    pub fn peak(&self, namespace: &str) -> u64 {
        self.peaks.get(namespace).copied().unwrap_or(0)
    }

    /// Returns the gate's reading at an instant if the tenant had used so many bytes. The tenant's own
    /// recorded memory does not count, since the replay decides when it runs.
    pub fn reading(&self, at: i64, namespace: &str, tenant: u64) -> Reading {
        let mut usage = Usage { tenant, ..Usage::default() };
        for series in &self.series {
            let Some(bytes) = self.latest_sample(series, at) else { continue };
            usage.series += 1;
            match series.namespace.as_deref() {
                Some(name) if name == namespace => {}
                Some(UNKNOWN) => usage.unknown = usage.unknown.saturating_add(bytes),
                _ => usage.others = usage.others.saturating_add(bytes),
            }
        }
        // Without any sample the scrape failed or had no series; the history does not say which.
        if usage.series == 0 { Reading::Failed } else { Reading::Scraped(usage) }
    }

    /// The latest sample of a series, unless it is too old.
    fn latest_sample(&self, series: &Series, at: i64) -> Option<u64> {
        let next = series.samples.partition_point(|(time, _)| *time <= at);
        let (time, bytes) = series.samples.get(next.checked_sub(1)?)?;
        (at - time <= self.step.max(LOOKBACK_MS)).then_some(*bytes)
    }
}

/// The name that the series have, if they have one.
fn single_metric(rows: &[Row]) -> Result<Option<&str>, HistoryError> {
    let mut names = rows.iter().filter_map(|row| row.metric.get("__name__"));
    let Some(first) = names.next() else { return Ok(None) };
    match names.find(|name| *name != first) {
        Some(other) => Err(HistoryError::Metrics(first.clone(), other.clone())),
        None => Ok(Some(first)),
    }
}

fn check_unique_series(rows: &[Row]) -> Result<(), HistoryError> {
    let mut seen = BTreeSet::new();
    match rows.iter().find(|row| !seen.insert(&row.metric)) {
        Some(row) => Err(HistoryError::Twice(format!("{:?}", row.metric))),
        None => Ok(()),
    }
}

fn parse_series(row: &Row) -> Result<Series, HistoryError> {
    let mut samples: Vec<(i64, u64)> = Vec::with_capacity(row.values.len());
    for (time, value) in &row.values {
        let invalid = || HistoryError::Value { value: value.clone(), time: *time };
        let bytes: f64 = value.parse().map_err(|_| invalid())?;
        // A range never contains NaN.
        if !(0.0..=i64::MAX as f64).contains(&bytes) || !(0.0..=1e11).contains(time) {
            return Err(invalid());
        }
        let instant = (time * 1000.0) as i64;
        if samples.last().is_some_and(|(last, _)| *last >= instant) {
            return Err(HistoryError::Order(*time));
        }
        samples.push((instant, bytes as u64));
    }
    Ok(Series { namespace: row.metric.get(NAMESPACE_LABEL).cloned(), samples })
}

fn form_error(error: serde_json::Error) -> HistoryError {
    HistoryError::Form(error.to_string())
}

/// Returns the query's step: the most common gap between two samples.
fn query_step(series: &[Series]) -> i64 {
    let mut gaps: BTreeMap<i64, usize> = BTreeMap::new();
    for pair in series.iter().flat_map(|series| series.samples.windows(2)) {
        if let [(first, _), (second, _)] = pair {
            *gaps.entry(second - first).or_default() += 1;
        }
    }
    gaps.into_iter().max_by_key(|(gap, count)| (*count, -*gap)).map_or(0, |(gap, _)| gap)
}

/// Returns the highest sum of each namespace at one time.
fn namespace_peaks(series: &[Series]) -> BTreeMap<String, u64> {
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
