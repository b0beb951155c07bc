//! The reasons for which a file, or several, are not a history.

use super::{MAX_DAYS, MAX_FILE_BYTES, MAX_SAMPLES, VERSION};

/// The reason why a text is not a history, or not that of a gate.
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
    #[error("invalid sample `{value}` at {time}: expected an amount of memory")]
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
    /// The compressed data is damaged, or cut off.
    #[error("expected whole data in the format of gzip: {0}")]
    Compression(String),
    /// Too many bytes.
    #[error("it exceeds {} MiB", MAX_FILE_BYTES >> 20)]
    TooLarge,
    /// Too many samples.
    #[error("it has more than {MAX_SAMPLES} samples: shorten the span, or lengthen the step")]
    TooManySamples,
    /// The first and the last sample are too far apart.
    #[error("it spans more than {MAX_DAYS} days")]
    TooLong,
    /// The description is of another version.
    #[error("it was written in version {0} of the format: expected {VERSION}")]
    Version(u32),
    /// The history is of another metric than the gate reads.
    #[error("the history has `{history}`, and the gate reads `{gate}`")]
    OtherMetric {
        /// The history's metric.
        history: String,
        /// The gate's.
        gate: String,
    },
    /// The history is in another unit than the gate reads.
    #[error("the history is in {history}, and the gate reads {gate}")]
    OtherUnit {
        /// The history's unit.
        history: &'static str,
        /// The gate's.
        gate: &'static str,
    },
    /// The history lacks a metric that the gate reads.
    #[error("the history has no `{0}`, which the gate reads too")]
    MissingMetric(String),
}
