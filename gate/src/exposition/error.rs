//! The faults that make an exposition invalid.

use std::fmt;

/// A fault with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpositionError {
    /// The line, from 1.
    pub line: usize,
    /// The fault.
    pub fault: ExpositionFault,
}

impl fmt::Display for ExpositionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.fault)
    }
}

impl std::error::Error for ExpositionError {}

/// The faults of an exposition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpositionFault {
    /// No bytes.
    Empty,
    /// No newline at the end: the exposition was cut off.
    NoLastNewline,
    /// A zero byte.
    ZeroByte,
    /// A line that starts with neither a name nor `#`.
    Start,
    /// White space before a series' name.
    Indented,
    /// `HELP` or `TYPE` without a metric's name.
    MetadataName,
    /// A type that the text format does not have.
    Type,
    /// A `HELP` text that is not UTF-8.
    HelpText,
    /// No label name where one must be.
    LabelName,
    /// No `=` after a label's name.
    LabelEquals,
    /// A label's value that is not in double quotes, or a missing closing quote.
    LabelValue,
    /// A label's value that is not UTF-8.
    LabelText,
    /// A duplicate label in a series, or `__name__`, which is the metric's name.
    LabelTwice,
    /// A series without a value.
    NoValue,
    /// A value that is not a number.
    Number,
    /// Text other than a timestamp after the value.
    Timestamp,
    /// Text after the timestamp.
    Trailing,
    /// NaN as the metric's value.
    NotANumber,
    /// A negative value of the metric.
    Negative,
    /// A value of the metric, or a sum, that is infinite or above 2⁶³ − 1 bytes.
    TooLarge,
    /// A duplicate series of the metric.
    SeriesTwice,
    /// A series of the metric that is too old.
    Stale,
    /// A series of the metric with a timestamp in the future.
    Future,
    /// No sentinel after the last series of the metric.
    NoSentinel,
    /// No finite value of the metric that grows with each update.
    NoFreshness,
    /// Series of two devices; each is named.
    TwoDevices(Box<[String; 2]>),
    /// A series without the label of the device.
    NoDeviceLabel,
    /// Different amounts of one device.
    DeviceTwice,
    /// Several amounts of devices, without a label that tells devices apart.
    DeviceUnnamed,
    /// Series of Pods without the device's own.
    NoDevice,
    /// No series of the metric of free memory.
    NoFree,
    /// No series of the metric of the device's whole memory.
    NoTotal,
    /// More free memory than the device has.
    FreeAboveTotal,
}

impl fmt::Display for ExpositionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::TwoDevices(devices) => {
                let [first, second] = &**devices;
                return write!(
                    f,
                    "two devices, `{first}` and `{second}`: select one with `SELECT`"
                );
            }
            Self::Empty => "the exposition is empty",
            Self::NoLastNewline => "the exposition was cut off: its last line has no newline",
            Self::ZeroByte => "unexpected zero byte",
            Self::Start => "expected a metric's name or a comment",
            Self::Indented => "unexpected white space before a metric's name",
            Self::MetadataName => "expected a metric's name after `HELP` or `TYPE`",
            Self::Type => "expected `counter`, `gauge`, `histogram`, `summary` or `untyped`",
            Self::HelpText => "the `HELP` text is not UTF-8",
            Self::LabelName => "expected a label's name",
            Self::LabelEquals => "expected `=` after the label's name",
            Self::LabelValue => "expected a label's value in double quotes",
            Self::LabelText => "the label's value is not UTF-8",
            Self::LabelTwice => "duplicate label in a series",
            Self::NoValue => "expected a value",
            Self::Number => "the value is not a number",
            Self::Timestamp => "expected a timestamp or the end of the line",
            Self::Trailing => "expected the end of the line after the timestamp",
            Self::NotANumber => "the metric's value is NaN",
            Self::Negative => "the metric's value is negative",
            Self::TooLarge => "more memory than any GPU has",
            Self::SeriesTwice => "duplicate series of the metric",
            Self::Stale => "a series of the metric is stale: its timestamp is too old",
            Self::Future => "a series of the metric has a timestamp in the future",
            Self::NoSentinel => "the sentinel does not follow the last series of the metric",
            Self::NoFreshness => "the scrape has no finite value of `FRESHNESS`",
            Self::NoDeviceLabel => "a series of the metric has no label `DEVICE_LABEL`",
            Self::DeviceTwice => "different amounts of one device",
            Self::DeviceUnnamed => {
                "several series of devices: tell the devices apart with `DEVICE_LABEL`"
            }
            Self::NoDevice => "no series of the metric is the device's own: each has a namespace",
            Self::NoFree => "the scrape has no series of `FREE_METRIC`",
            Self::NoTotal => "the scrape has no series of `TOTAL_METRIC`",
            Self::FreeAboveTotal => "more memory is free than the device has",
        };
        f.write_str(text)
    }
}
