//! Why a page can't be read.

use std::fmt;

/// What is wrong with a page, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub fault: PageFault,
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.fault)
    }
}

impl std::error::Error for PageError {}

/// What can be wrong with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageFault {
    /// Not one byte.
    Empty,
    /// The last line has no end: the page was cut.
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
    /// A label's name was expected.
    LabelName,
    /// No `=` after a label's name.
    LabelEquals,
    /// A label's value is not in double quotes, or they do not end.
    LabelValue,
    /// A label's value is not UTF-8.
    LabelText,
    /// One label twice in one series, or `__name__`, which is the metric's.
    LabelTwice,
    /// A series without a value.
    NoValue,
    /// A value that is not a number.
    Number,
    /// Something else than a timestamp after the value.
    Timestamp,
    /// Something after the timestamp.
    Trailing,
    /// The metric's value is NaN.
    NotANumber,
    /// The metric's value is negative.
    Negative,
    /// The metric's value, or the sum, is infinite or past 2⁶³ − 1 bytes.
    TooLarge,
    /// One series of the metric twice.
    SeriesTwice,
}

impl fmt::Display for PageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the page is empty",
            Self::NoLastNewline => "the last line has no end: the page was cut",
            Self::ZeroByte => "a zero byte",
            Self::Start => "expected a metric's name or a comment",
            Self::Indented => "white space before a metric's name",
            Self::MetadataName => "expected a metric's name after HELP or TYPE",
            Self::Type => "expected counter, gauge, histogram, summary or untyped",
            Self::HelpText => "the HELP text is not UTF-8",
            Self::LabelName => "expected a label's name",
            Self::LabelEquals => "expected `=` after the label's name",
            Self::LabelValue => "expected a label's value in double quotes",
            Self::LabelText => "the label's value is not UTF-8",
            Self::LabelTwice => "one label twice in one series",
            Self::NoValue => "expected a value",
            Self::Number => "the value is not a number",
            Self::Timestamp => "expected a timestamp or the end of the line",
            Self::Trailing => "expected the end of the line after the timestamp",
            Self::NotANumber => "the metric's value is NaN",
            Self::Negative => "the metric's value is negative",
            Self::TooLarge => "more memory than any card has",
            Self::SeriesTwice => "one series of the metric twice",
        })
    }
}
