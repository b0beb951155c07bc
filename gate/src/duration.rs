//! Durations, as settings write them.

use std::fmt;
use std::time::Duration;

/// The error for a text that is not a duration, or is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DurationError {
    max: MaxDuration,
}

/// The longest duration that a setting may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxDuration {
    /// An hour: a run of a decision never waits longer, and a sum of a few of them can't overflow.
    Hour,
    /// A month: the length of a window.
    Month,
}

impl MaxDuration {
    fn milliseconds(self) -> u64 {
        match self {
            Self::Hour => 3_600_000,
            Self::Month => 31 * 24 * 3_600_000,
        }
    }
}

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.max {
            MaxDuration::Hour => {
                "expected a duration up to an hour, such as `500ms`, `10s` or `2m`"
            }
            MaxDuration::Month => "expected a duration up to 31 days, such as `14400s` or `240m`",
        })
    }
}

impl std::error::Error for DurationError {}

/// Parses `500ms`, `10s`, `2m`, or plain seconds, of at most an hour.
///
/// # Errors
/// [`DurationError`] for anything else, signs and fractions included.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    parse_up_to(text, MaxDuration::Hour)
}

/// Parses a duration as [`parse`] does, of at most a given length.
///
/// # Errors
/// [`DurationError`] for anything else.
pub fn parse_up_to(text: &str, max: MaxDuration) -> Result<Duration, DurationError> {
    let error = DurationError { max };
    let unit_start = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit_start);
    let factor = match unit {
        "ms" => 1,
        "s" | "" => 1_000,
        "m" => 60_000,
        _ => return Err(error),
    };
    let amount: u64 = digits.parse().map_err(|_| error)?;
    match amount.checked_mul(factor) {
        Some(ms) if ms <= max.milliseconds() => Ok(Duration::from_millis(ms)),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed() {
        for (text, ms) in [
            ("0", 0),
            ("10", 10_000),
            ("10s", 10_000),
            ("500ms", 500),
            ("2m", 120_000),
            ("60m", 3_600_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_durations() {
        for text in [
            "",
            "s",
            "-1s",
            "1.5s",
            "1h",
            "61m",
            "10 s",
            "99999999999999999999s",
            "18446744073709551615m",
        ] {
            let error = DurationError { max: MaxDuration::Hour };
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_window_may_be_longer_than_an_hour() {
        let parse = |text| parse_up_to(text, MaxDuration::Month);
        assert_eq!(parse("240m"), Ok(Duration::from_secs(14_400)));
        assert_eq!(parse("2678400s"), Ok(Duration::from_secs(2_678_400)));
        assert!(parse("2678401s").is_err());
    }
}
