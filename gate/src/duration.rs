//! Times to wait, as settings write them.

use std::fmt;
use std::time::Duration;

/// A text that is not a time: expected `500ms`, `10s`, `2m` or seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DurationError;

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a time up to an hour, such as `500ms`, `10s` or `2m`")
    }
}

impl std::error::Error for DurationError {}

/// The longest time a setting may name, in milliseconds: an hour. No Job of
/// this kind waits longer, and no sum of a few of them can overflow.
const LONGEST_MS: u64 = 3_600_000;

/// Reads `500ms`, `10s`, `2m`, or plain seconds.
///
/// # Errors
/// [`DurationError`] for anything else, signs and fractions included.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let factor = match unit {
        "ms" => 1,
        "s" | "" => 1_000,
        "m" => 60_000,
        _ => return Err(DurationError),
    };
    let amount: u64 = digits.parse().map_err(|_| DurationError)?;
    match amount.checked_mul(factor) {
        Some(ms) if ms <= LONGEST_MS => Ok(Duration::from_millis(ms)),
        _ => Err(DurationError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times() {
        for (text, ms) in [
            ("0", 0),
            ("10", 10_000),
            ("10s", 10_000),
            ("500ms", 500),
            ("2m", 120_000),
            ("60m", LONGEST_MS),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
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
