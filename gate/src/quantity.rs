//! Amounts of memory, as bytes or as Kubernetes quantities.

use std::fmt;

/// The suffixes of a Kubernetes quantity that can mean memory, with their
/// factors in bytes. `m` (thousandths) is left out: there is no part of a byte.
///
/// Source: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.
const SUFFIXES: &[(&str, u64)] = &[
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("Pi", 1 << 50),
    ("Ei", 1 << 60),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("P", 1_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000),
    ("", 1),
];

/// Why a text is not an amount of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuantityError {
    /// Not digits (with at most one point), an exponent and a known suffix.
    Malformed,
    /// Not a whole number of bytes.
    Fraction,
    /// More than 2⁶³ − 1 bytes, the largest amount Kubernetes can write.
    TooLarge,
}

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "expected bytes or a quantity such as `6Gi`",
            Self::Fraction => "is not a whole number of bytes",
            Self::TooLarge => "is more than 2^63 - 1 bytes",
        })
    }
}

impl std::error::Error for QuantityError {}

/// Reads `6442450944`, `6Gi`, `1.5Gi`, `6G` or `6e9` as bytes.
///
/// # Errors
/// See [`QuantityError`]. A sign is malformed: an amount of memory has none.
pub fn parse(text: &str) -> Result<u64, QuantityError> {
    let number_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at(number_end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(QuantityError::Malformed);
    }
    let (factor, exponent) = factor(rest)?;

    // value = digits × factor × 10^(exponent − length of the fraction), exactly.
    let fraction = fraction.trim_end_matches('0');
    let mut value: u128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        value = value
            .checked_mul(10)
            .and_then(|v| v.checked_add(u128::from(digit - b'0')))
            .ok_or(QuantityError::TooLarge)?;
    }
    if value == 0 {
        return Ok(0);
    }
    let shift = i64::from(exponent) - i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    value = value.checked_mul(u128::from(factor)).ok_or(QuantityError::TooLarge)?;
    for _ in 0..shift.unsigned_abs() {
        if shift > 0 {
            value = value.checked_mul(10).ok_or(QuantityError::TooLarge)?;
        } else if value.is_multiple_of(10) {
            value /= 10;
        } else {
            return Err(QuantityError::Fraction);
        }
    }
    match u64::try_from(value) {
        Ok(bytes) if bytes <= i64::MAX as u64 => Ok(bytes),
        _ => Err(QuantityError::TooLarge),
    }
}

/// The suffix as a factor and a power of ten.
fn factor(suffix: &str) -> Result<(u64, i32), QuantityError> {
    if let Some((_, factor)) = SUFFIXES.iter().find(|(name, _)| *name == suffix) {
        return Ok((*factor, 0));
    }
    let exponent = suffix
        .strip_prefix(['e', 'E'])
        .filter(|digits| digits.len() <= 4)
        .and_then(|digits| digits.parse().ok())
        .ok_or(QuantityError::Malformed)?;
    Ok((1, exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_bytes_and_quantities() {
        for (text, bytes) in [
            ("0", 0),
            ("6442450944", 6 << 30),
            ("6Gi", 6 << 30),
            ("512Mi", 512 << 20),
            ("1.5Gi", 3 << 29),
            (".5Ki", 512),
            ("1.Ki", 1024),
            ("6G", 6_000_000_000),
            ("6e9", 6_000_000_000),
            ("6E9", 6_000_000_000),
            ("12e+2", 1200),
            ("1200e-2", 12),
            ("7E", 7_000_000_000_000_000_000),
            ("0e9999", 0),
            ("0.000", 0),
            ("9223372036854775807", i64::MAX as u64),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_an_amount() {
        for (text, error) in [
            ("", QuantityError::Malformed),
            ("Gi", QuantityError::Malformed),
            (".", QuantityError::Malformed),
            ("-1", QuantityError::Malformed),
            ("+1", QuantityError::Malformed),
            ("1 Gi", QuantityError::Malformed),
            ("6gi", QuantityError::Malformed),
            ("6GB", QuantityError::Malformed),
            ("6m", QuantityError::Malformed),
            ("1.2.3", QuantityError::Malformed),
            ("1e", QuantityError::Malformed),
            ("1e99999", QuantityError::Malformed),
            ("0x10", QuantityError::Malformed),
            ("٣", QuantityError::Malformed),
            ("1.5", QuantityError::Fraction),
            ("1.50", QuantityError::Fraction),
            ("1e-1", QuantityError::Fraction),
            ("1e9999", QuantityError::TooLarge),
            ("9223372036854775808", QuantityError::TooLarge),
            ("8Ei", QuantityError::TooLarge),
            ("99999999999999999999999999999999999999999", QuantityError::TooLarge),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }
}
