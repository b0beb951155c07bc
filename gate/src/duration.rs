//! Durations, as settings write them.

use std::fmt;
use std::time::Duration;

/// The error for a text that is not a duration of at most an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DurationError;

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a duration up to an hour, such as `500ms`, `10s` or `2m`")
    }
}

impl std::error::Error for DurationError {}

/// The longest duration of a setting: an hour. A Job of this kind never waits longer, and a sum of a few
/// of them can't overflow.
const MAX_MILLISECONDS: u64 = 3_600_000;

/// Parses `500ms`, `10s`, `2m`, or plain seconds.
///
/// # Errors
/// [`DurationError`] for anything else, signs and fractions included.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let unit_start = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit_start);
    let factor = match unit {
        "ms" => 1,
        "s" | "" => 1_000,
        "m" => 60_000,
        _ => return Err(DurationError),
    };
    let amount: u64 = digits.parse().map_err(|_| DurationError)?;
    match amount.checked_mul(factor) {
        Some(ms) if ms <= MAX_MILLISECONDS => Ok(Duration::from_millis(ms)),
        _ => Err(DurationError),
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
            ("60m", MAX_MILLISECONDS),
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
            assert_eq!(parse(text), Err(DurationError), "{text}");
        }
    }
}
