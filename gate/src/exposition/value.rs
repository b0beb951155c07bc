//! Numbers, parsed as Go's `strconv.ParseFloat` does for the scraper.

use super::ExpositionFault;

/// A number of an exposition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    /// Only digits. Kept exactly, because a float would round from 2⁵³ on.
    Whole(u64),
    /// Anything else.
    Float(f64),
}

impl Number {
    pub(super) fn to_float(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Float(float) => float,
        }
    }
}

/// The most digits that always fit a `u64`.
const MAX_WHOLE_DIGITS: usize = 19;

/// Parses a value; returns `None` for one that the scraper refuses.
///
/// Rust and Go agree on decimal numbers, with two exceptions: Go accepts no sign before `nan`, and refuses
/// a number too large for a float where Rust returns infinity. Go also accepts `_` and hexadecimal; the
/// scraper refuses those itself (`promparse.go`, `parseFloat`), and so does Rust.
pub(super) fn parse_number(text: &[u8]) -> Option<Number> {
    if text.len() <= MAX_WHOLE_DIGITS && text.iter().all(u8::is_ascii_digit) {
        let whole = text.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        return (!text.is_empty()).then_some(Number::Whole(whole));
    }
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let is_signed = matches!(text.first(), Some(b'+' | b'-'));
    let is_word = text.iter().any(|byte| byte.eq_ignore_ascii_case(&b'i'));
    let refused = (number.is_nan() && is_signed) || (number.is_infinite() && !is_word);
    (!refused).then_some(Number::Float(number))
}

/// The largest accepted amount: 2⁶³ − 1 bytes, as for quantities.
pub(super) const MAX_BYTES: u64 = i64::MAX as u64;

/// The largest memory of a device that is taken for real: 1 PiB. A mark for a value that is not known, such as
/// DCGM's 2147483632 MiB, or an amount below zero that was written without its sign, is larger.
pub(super) const MAX_DEVICE_BYTES: u64 = 1 << 50;

/// Converts a number of units to whole bytes, rounded up so that the result is never too low.
pub(super) fn to_bytes(number: Number, unit: u64) -> Result<u64, ExpositionFault> {
    match number {
        Number::Whole(whole) => match whole.checked_mul(unit) {
            Some(bytes) if bytes <= MAX_BYTES => Ok(bytes),
            _ => Err(ExpositionFault::TooLarge),
        },
        Number::Float(float) if float.is_nan() => Err(ExpositionFault::NotANumber),
        Number::Float(float) if float < 0.0 => Err(ExpositionFault::Negative),
        Number::Float(float) => {
            // Both units are powers of two, so the product is exact.
            let bytes = (float * unit as f64).ceil();
            // 2⁶³ as a float; a cast of a number below it can't saturate.
            if bytes < MAX_BYTES as f64 { Ok(bytes as u64) } else { Err(ExpositionFault::TooLarge) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_parsed_as_by_go() {
        for (text, expected) in [
            ("0", Some(Number::Whole(0))),
            ("0017", Some(Number::Whole(17))),
            ("9007199254740993", Some(Number::Whole(9_007_199_254_740_993))),
            ("9999999999999999999", Some(Number::Whole(9_999_999_999_999_999_999))),
            ("20000000000000000000", Some(Number::Float(2e19))),
            ("+5", Some(Number::Float(5.0))),
            ("-5", Some(Number::Float(-5.0))),
            (".5", Some(Number::Float(0.5))),
            ("5.", Some(Number::Float(5.0))),
            ("2.034e+09", Some(Number::Float(2_034_000_000.0))),
            ("1e-999", Some(Number::Float(0.0))),
            ("Inf", Some(Number::Float(f64::INFINITY))),
            ("-infinity", Some(Number::Float(f64::NEG_INFINITY))),
            ("1e999", None),
            ("+nan", None),
            ("-NaN", None),
            ("infin", None),
            ("", None),
            (".", None),
            ("e5", None),
            ("1e", None),
            ("1_000", None),
            ("0x10", None),
            ("0x1p4", None),
            ("1,5", None),
            ("five", None),
            ("1\r", None),
        ] {
            assert_eq!(parse_number(text.as_bytes()), expected, "{text}");
        }
        assert!(matches!(parse_number(b"nAn"), Some(Number::Float(nan)) if nan.is_nan()));
    }

    #[test]
    fn bytes_are_rounded_up_and_bounded() {
        assert_eq!(to_bytes(Number::Float(0.1), 1), Ok(1));
        assert_eq!(to_bytes(Number::Float(1.5), 1 << 20), Ok(3 << 19));
        assert_eq!(to_bytes(Number::Float(-0.0), 1), Ok(0));
        assert_eq!(to_bytes(Number::Float(f64::NAN), 1), Err(ExpositionFault::NotANumber));
        assert_eq!(to_bytes(Number::Float(-1.0), 1), Err(ExpositionFault::Negative));
        for large in [Number::Float(f64::INFINITY), Number::Float(9.3e18), Number::Whole(u64::MAX)]
        {
            assert_eq!(to_bytes(large, 1), Err(ExpositionFault::TooLarge));
        }
        assert_eq!(to_bytes(Number::Whole(1 << 44), 1 << 20), Err(ExpositionFault::TooLarge));
        assert_eq!(to_bytes(Number::Whole(MAX_BYTES), 1), Ok(MAX_BYTES));
    }
}
