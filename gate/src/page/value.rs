//! Numbers, as Go's `strconv.ParseFloat` reads them for the scraper.

use super::PageFault;

/// A number on a page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    /// Digits alone, kept exactly: a float would round from 2⁵³ on.
    Whole(u64),
    /// Anything else.
    Float(f64),
}

/// The most digits that always fit a `u64`.
const WHOLE_DIGITS: usize = 19;

/// Reads a value; `None` for what the scraper refuses.
///
/// Rust and Go agree on decimal numbers. They differ in that Go takes no sign
/// before `nan`, and refuses a number too large for a float where Rust gives
/// infinity. `_` and hexadecimal, which Go knows, the scraper refuses itself
/// (`promparse.go`, `parseFloat`), as Rust does.
pub(super) fn read(text: &[u8]) -> Option<Number> {
    if text.len() <= WHOLE_DIGITS && text.iter().all(u8::is_ascii_digit) {
        let whole = text.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        return (!text.is_empty()).then_some(Number::Whole(whole));
    }
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let spelt = |byte: u8| text.iter().any(|found| found.eq_ignore_ascii_case(&byte));
    let signed = matches!(text.first(), Some(b'+' | b'-'));
    let refused = (number.is_nan() && signed) || (number.is_infinite() && !spelt(b'i'));
    (!refused).then_some(Number::Float(number))
}

/// The largest amount that is believed, 2⁶³ − 1 bytes, as elsewhere.
pub(super) const MOST: u64 = i64::MAX as u64;

/// A number of units as whole bytes, rounded up so that it never comes out low.
pub(super) fn to_bytes(number: Number, unit: u64) -> Result<u64, PageFault> {
    match number {
        Number::Whole(whole) => match whole.checked_mul(unit) {
            Some(bytes) if bytes <= MOST => Ok(bytes),
            _ => Err(PageFault::TooLarge),
        },
        Number::Float(float) if float.is_nan() => Err(PageFault::NotANumber),
        Number::Float(float) if float < 0.0 => Err(PageFault::Negative),
        Number::Float(float) => {
            // Both units are powers of two: the product is exact.
            let bytes = (float * unit as f64).ceil();
            // 2⁶³ as a float; casting below it can't saturate.
            if bytes < MOST as f64 { Ok(bytes as u64) } else { Err(PageFault::TooLarge) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
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
            assert_eq!(read(text.as_bytes()), expected, "{text}");
        }
        assert!(matches!(read(b"nAn"), Some(Number::Float(nan)) if nan.is_nan()));
    }

    #[test]
    fn rounds_up_and_refuses_what_is_no_memory() {
        assert_eq!(to_bytes(Number::Float(0.1), 1), Ok(1));
        assert_eq!(to_bytes(Number::Float(1.5), 1 << 20), Ok(3 << 19));
        assert_eq!(to_bytes(Number::Float(-0.0), 1), Ok(0));
        assert_eq!(to_bytes(Number::Float(f64::NAN), 1), Err(PageFault::NotANumber));
        assert_eq!(to_bytes(Number::Float(-1.0), 1), Err(PageFault::Negative));
        for large in [Number::Float(f64::INFINITY), Number::Float(9.3e18), Number::Whole(u64::MAX)]
        {
            assert_eq!(to_bytes(large, 1), Err(PageFault::TooLarge));
        }
        assert_eq!(to_bytes(Number::Whole(1 << 44), 1 << 20), Err(PageFault::TooLarge));
        assert_eq!(to_bytes(Number::Whole(MOST), 1), Ok(MOST));
    }
}
