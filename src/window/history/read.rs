//! One file, read within limits.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use flate2::read::MultiGzDecoder;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    Header, History, HistoryError, MAX_DAYS, MAX_FILE_BYTES, MAX_SAMPLES, Sample, Series, VERSION,
};
use crate::project::{Project, read_at_most};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

/// The first bytes of a file that gzip compressed.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The label that Prometheus keeps a metric's name in.
const NAME_LABEL: &str = "__name__";

impl History {
    /// Reads a file: an answer, perhaps compressed.
    ///
    /// # Errors
    /// The reason why it is not a whole history.
    pub fn read(bytes: Vec<u8>) -> Result<Self, HistoryError> {
        let bytes = match bytes.starts_with(&GZIP) {
            true => decompress_text(&bytes)?,
            false => bytes,
        };
        let text = std::str::from_utf8(&bytes).map_err(|error| form_error(&error))?;
        Self::parse(text)
    }

    /// Parses an answer.
    ///
    /// # Errors
    /// The reason why it is not a whole history.
    pub fn parse(text: &str) -> Result<Self, HistoryError> {
        let answer: Answer = serde_json::from_str(text).map_err(|error| form_error(&error))?;
        if answer.status != "success" {
            return Err(HistoryError::Failed(answer.error));
        }
        if let Some(header) = &answer.history
            && header.version != VERSION
        {
            return Err(HistoryError::Version(header.version));
        }
        let data = answer.data.ok_or_else(|| HistoryError::Form("`data` is missing".to_owned()))?;
        if data.result_type != "matrix" {
            return Err(HistoryError::NotAMatrix(data.result_type));
        }
        check_unique_series(&data.rows)?;
        let series = data.rows.into_iter().map(Row::into_series).collect::<Result<Vec<_>, _>>()?;
        let step = match &answer.history {
            Some(header) => i64::try_from(header.step.saturating_mul(1000)).unwrap_or(i64::MAX),
            None => common_gap(&series),
        };
        let remarks = answer.warnings.into_iter().chain(answer.infos).collect();
        let history = History { header: answer.history, series, remarks, notes: Vec::new(), step };
        match history.len() {
            0 => Err(HistoryError::Empty),
            samples if samples > MAX_SAMPLES => Err(HistoryError::TooManySamples),
            _ => history.check_span(),
        }
    }

    /// Refuses a history that is too long, so that its windows can be counted.
    pub(super) fn check_span(self) -> Result<Self, HistoryError> {
        let (first, last) = self.span();
        let days = (last - first) / (24 * 60 * 60 * 1000);
        if days > MAX_DAYS { Err(HistoryError::TooLong) } else { Ok(self) }
    }
}

fn decompress_text(bytes: &[u8]) -> Result<Vec<u8>, HistoryError> {
    let expected = (bytes.len() as u64).saturating_mul(16);
    read_at_most(MultiGzDecoder::new(bytes), expected, MAX_FILE_BYTES)
        .map_err(|error| HistoryError::Compression(error.to_string()))?
        .ok_or(HistoryError::TooLarge)
}

fn form_error(error: &dyn fmt::Display) -> HistoryError {
    HistoryError::Form(error.to_string())
}

#[derive(serde::Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Data>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
    history: Option<Header>,
}

/// The data of an answer. The result of another kind of query is ignored.
struct Data {
    result_type: String,
    rows: Vec<Row>,
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DataVisitor;
        impl<'de> Visitor<'de> for DataVisitor {
            type Value = Data;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the data of an answer")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Data, A::Error> {
                let (mut result_type, mut rows) = (None::<String>, Vec::new());
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    match &*key {
                        "resultType" => result_type = Some(map.next_value()?),
                        "result" if result_type.as_deref().is_none_or(|it| it == "matrix") => {
                            rows = map.next_value()?;
                        }
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                let result_type =
                    result_type.ok_or_else(|| A::Error::missing_field("resultType"))?;
                Ok(Data { result_type, rows })
            }
        }
        deserializer.deserialize_map(DataVisitor)
    }
}

#[derive(serde::Deserialize)]
struct Row {
    metric: BTreeMap<String, String>,
    values: Samples,
}

impl Row {
    fn into_series(self) -> Result<Series, HistoryError> {
        let mut labels = self.metric;
        let name = labels.remove(NAME_LABEL);
        let samples = match self.values.error {
            Some(error) => return Err(error),
            None => self.values.samples,
        };
        Ok(Series { name, labels: labels.into_iter().collect(), samples })
    }
}

/// The samples of a series, and the first that is not one.
struct Samples {
    samples: Vec<Sample>,
    error: Option<HistoryError>,
}

impl Samples {
    fn add(&mut self, time: f64, value: &str) {
        if self.error.is_some() {
            return;
        }
        match parse_sample(time, value) {
            Ok(sample) if self.samples.last().is_some_and(|last| last.time >= sample.time) => {
                self.error = Some(HistoryError::Order(time));
            }
            Ok(sample) => self.samples.push(sample),
            Err(error) => self.error = Some(error),
        }
    }
}

fn parse_sample(time: f64, value: &str) -> Result<Sample, HistoryError> {
    let invalid = || HistoryError::Value { value: value.to_owned(), time };
    let amount: f64 = value.parse().map_err(|_| invalid())?;
    // A range never contains NaN.
    if !(0.0..i64::MAX as f64).contains(&amount) || !(0.0..=1e11).contains(&time) {
        return Err(invalid());
    }
    // A cast of a number in this range can't saturate.
    Ok(Sample { time: (time * 1000.0).round() as i64, value: amount })
}

impl<'de> Deserialize<'de> for Samples {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SamplesVisitor;
        impl<'de> Visitor<'de> for SamplesVisitor {
            type Value = Samples;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of samples")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Samples, A::Error> {
                let mut samples = Samples { samples: Vec::new(), error: None };
                while let Some((time, Text(value))) = list.next_element::<(f64, Text<'de>)>()? {
                    samples.add(time, &value);
                }
                samples.samples.shrink_to_fit();
                Ok(samples)
            }
        }
        deserializer.deserialize_seq(SamplesVisitor)
    }
}

/// A text that is borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn check_unique_series(rows: &[Row]) -> Result<(), HistoryError> {
    let mut seen = BTreeSet::new();
    match rows.iter().find(|row| !seen.insert(&row.metric)) {
        Some(row) => Err(HistoryError::Twice(format!("{:?}", row.metric))),
        None => Ok(()),
    }
}

/// Returns the most common gap between two samples of a series, the shorter of two that are as common.
fn common_gap(series: &[Series]) -> i64 {
    let mut gaps: BTreeMap<i64, usize> = BTreeMap::new();
    for pair in series.iter().flat_map(|series| series.samples.windows(2)) {
        if let [first, second] = pair {
            *gaps.entry(second.time - first.time).or_default() += 1;
        }
    }
    gaps.into_iter().max_by_key(|(gap, count)| (*count, -*gap)).map_or(0, |(gap, _)| gap)
}

/// Reads files that the user named, and joins them.
///
/// # Errors
/// A file that can't be read, or that is not a history.
pub fn read_files(project: &Project, paths: &[PathBuf]) -> Result<History, Diagnostics> {
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let name = path.display().to_string();
        let bytes = project.read_named_bytes(path, MAX_FILE_BYTES)?;
        let history = History::read(bytes)
            .map_err(|error| Diagnostic::new(format!("invalid history `{name}`: {error}")))?;
        files.push((name, history));
    }
    History::join(files).map_err(|error| {
        Diagnostic::new(format!("the histories don't fit together: {error}")).into()
    })
}
