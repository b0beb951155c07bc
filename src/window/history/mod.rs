//! Recorded GPU memory: Prometheus' answers to range queries.
//!
//! In: the bytes of files, each an answer of `/api/v1/query_range`
//! (<https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries>), perhaps compressed by
//! gzip, perhaps with a [`Header`] that says what was fetched. Out: a [`History`]. An answer that can't be
//! read completely is refused: a sum must never be too low because a part is missing.

mod error;
mod join;
mod read;
mod write;

use serde::{Deserialize, Serialize};
use vram_gate::exposition::{MetricUnit, Query, UNKNOWN};

pub use error::HistoryError;
pub use read::read_files;

/// The most bytes of a file, also after it is decompressed.
pub const MAX_FILE_BYTES: u64 = 64 << 20;

/// The most samples of all files: more than 80 nights of 4 hours, every 15 seconds, of 30 series.
pub const MAX_SAMPLES: usize = 3_000_000;

/// The longest time from the first sample to the last.
pub const MAX_DAYS: i64 = 400;

/// The version of the [`Header`].
pub const VERSION: u32 = 1;

/// The user of memory that no series attributes.
pub(crate) const UNATTRIBUTED: &str = "not attributed";

/// The description of a file that `window fetch` wrote, under the key `history` of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// The version of this description.
    pub version: u32,
    /// The metric of memory in use.
    pub metric: String,
    /// The unit of the metric, and of every other one in the file.
    pub unit: MetricUnit,
    /// The step of the queries in seconds.
    pub step: u64,
    /// The Prometheus that answered, without a password.
    pub source: String,
    /// The spans that were fetched.
    #[serde(default)]
    pub windows: Vec<FetchedSpan>,
}

/// A span of time that was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchedSpan {
    /// Its first instant.
    pub start: jiff::Timestamp,
    /// Its last instant.
    pub end: jiff::Timestamp,
}

/// The memory in use over a period.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The description, if a file has one; after a join that of the first such file.
    header: Option<Header>,
    series: Vec<Series>,
    /// The warnings and notes in the answers.
    pub remarks: Vec<String>,
    /// Overlaps and gaps between joined files.
    pub notes: Vec<String>,
    /// In milliseconds.
    step: i64,
}

/// One series.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    /// The metric's name; `None` for an aggregate, which has none.
    name: Option<String>,
    /// The other labels, by name.
    labels: Vec<(String, String)>,
    samples: Vec<Sample>,
}

/// A value at an instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    /// Milliseconds since 1970.
    pub time: i64,
    /// In the metric's unit.
    pub value: f64,
}

impl Series {
    /// The value of a label; empty without it, as in Prometheus.
    fn label(&self, name: &str) -> &str {
        let label = self.labels.iter().find(|(other, _)| other == name);
        label.map_or("", |(_, value)| value)
    }

    /// The times of its samples, in milliseconds since 1970.
    pub fn times(&self) -> impl Iterator<Item = i64> + '_ {
        self.samples.iter().map(|sample| sample.time)
    }

    /// The samples after an instant, and up to another one.
    pub fn samples_between(&self, after: i64, until: i64) -> &[Sample] {
        let first = self.samples.partition_point(|sample| sample.time <= after);
        let last = self.samples.partition_point(|sample| sample.time <= until);
        self.samples.get(first..last).unwrap_or_default()
    }

    /// The latest sample at or before an instant, unless it is older than `max_age`.
    pub fn latest(&self, at: i64, max_age: i64) -> Option<Sample> {
        let next = self.samples.partition_point(|sample| sample.time <= at);
        let latest = self.samples.get(next.checked_sub(1)?)?;
        (at - latest.time <= max_age).then_some(*latest)
    }

    /// The name of its metric, where an aggregate has that of the query.
    pub fn metric<'a>(&'a self, query: &'a Query) -> &'a str {
        self.name.as_deref().unwrap_or(&query.metric)
    }

    /// Its labels without the metric's name.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The user of the memory that the series counts for a query; `None` if it counts none.
    pub fn user(&self, query: &Query) -> Option<&str> {
        let is_selected = query.select.labels().all(|(name, value)| self.label(name) == value);
        if self.metric(query) != query.metric || !is_selected {
            return None;
        }
        Some(match self.label(&query.namespace_label) {
            _ if query.series == vram_gate::exposition::Series::Devices => UNATTRIBUTED,
            "" => UNATTRIBUTED,
            UNKNOWN => UNKNOWN,
            namespace => namespace,
        })
    }
}

impl History {
    /// Gives series the exporter's own labels again: Prometheus keeps one as `exported_NAME` if the scraped
    /// target has a label of that name, unless `honor_labels` is set.
    pub(crate) fn restore_exporter_labels(&mut self) {
        const RENAMED: &str = "exported_";
        for series in &mut self.series {
            let own: Vec<String> = series
                .labels
                .iter()
                .filter_map(|(name, _)| name.strip_prefix(RENAMED).map(str::to_owned))
                .collect();
            series.labels.retain(|(name, _)| !own.contains(name));
            for (name, _) in &mut series.labels {
                if let Some(restored) = name.strip_prefix(RENAMED) {
                    *name = restored.to_owned();
                }
            }
            series.labels.sort();
        }
    }

    /// The description, if a file has one.
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// The first and the last instant, in milliseconds since 1970.
    pub fn span(&self) -> (i64, i64) {
        let first = self.series.iter().filter_map(|series| series.samples.first());
        let last = self.series.iter().filter_map(|series| series.samples.last());
        (
            first.map(|sample| sample.time).min().unwrap_or_default(),
            last.map(|sample| sample.time).max().unwrap_or_default(),
        )
    }

    /// The step of the queries in milliseconds: as the file says, else the most common gap between two
    /// samples of a series.
    pub fn step(&self) -> i64 {
        self.step
    }

    /// The age up to which a sample counts, in milliseconds.
    pub fn max_age(&self) -> i64 {
        self.step.saturating_mul(2)
    }

    /// The number of samples of all series.
    pub fn len(&self) -> usize {
        self.series.iter().map(|series| series.samples.len()).sum()
    }

    /// Returns true if there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The series.
    pub(crate) fn series(&self) -> &[Series] {
        &self.series
    }

    /// Checks that the history has what a gate reads. Series without a metric's name, and files that
    /// don't name a unit, are taken as the gate's own.
    ///
    /// # Errors
    /// Another metric or unit, or a metric that is missing.
    pub fn check(&self, query: &Query) -> Result<(), HistoryError> {
        if let Some(header) = &self.header {
            if header.metric != query.metric {
                return Err(HistoryError::OtherMetric {
                    history: header.metric.clone(),
                    gate: query.metric.clone(),
                });
            }
            if header.unit != query.unit {
                return Err(HistoryError::OtherUnit {
                    history: unit_name(header.unit),
                    gate: unit_name(query.unit),
                });
            }
        }
        let named = self.series.iter().filter_map(|series| series.name.as_deref());
        if let Some(other) = named.clone().find(|name| query.metrics().all(|read| read != *name)) {
            return Err(HistoryError::OtherMetric {
                history: other.to_owned(),
                gate: query.metric.clone(),
            });
        }
        let missing = query
            .metrics()
            .find(|read| self.series.iter().all(|series| series.metric(query) != *read));
        match missing {
            Some(metric) => Err(HistoryError::MissingMetric(metric.to_owned())),
            None => Ok(()),
        }
    }
}

/// A unit's name in the settings.
pub(crate) fn unit_name(unit: MetricUnit) -> &'static str {
    MetricUnit::NAMES.iter().find(|(_, known)| *known == unit).map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests;
