//! Kubernetes quantities: `6Gi`, `200m`, `1e3`.
//!
//! Grammar: apimachinery `pkg/api/resource/quantity.go`, `ParseQuantity`; suffixes:
//! <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.

use std::cmp::Ordering;
use std::fmt;

/// The suffixes, with the powers of ten and of two that they stand for.
const SUFFIXES: [(&str, i32, i32); 16] = [
    ("", 0, 0),
    ("n", -9, 0),
    ("u", -6, 0),
    ("m", -3, 0),
    ("k", 3, 0),
    ("M", 6, 0),
    ("G", 9, 0),
    ("T", 12, 0),
    ("P", 15, 0),
    ("E", 18, 0),
    ("Ki", 0, 10),
    ("Mi", 0, 20),
    ("Gi", 0, 30),
    ("Ti", 0, 40),
    ("Pi", 0, 50),
    ("Ei", 0, 60),
];

/// The longest accepted text. `ParseQuantity` has no such limit; the arithmetic here is exact, and its
/// cost grows with the text.
const MAX_LENGTH: usize = 64;

/// The most digits of an exponent.
const MAX_EXPONENT_DIGITS: usize = 4;

/// The parts of a quantity's text: sign × `whole`.`fraction` × 10^`tens` × 2^`twos`.
struct Parts<'a> {
    sign: Option<char>,
    whole: &'a str,
    fraction: &'a str,
    tens: i32,
    twos: i32,
}

impl<'a> Parts<'a> {
    /// Splits a text; this is the one grammar of the crate.
    fn split(text: &'a str) -> Option<Self> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let sign = text.chars().next().filter(|c| matches!(c, '+' | '-'));
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let number_end =
            unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(number_end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let (tens, twos) = parse_suffix(suffix)?;
        Some(Parts { sign, whole, fraction, tens, twos })
    }
}

/// Returns a suffix's powers of ten and of two; an exponent such as `e3` is a suffix too.
fn parse_suffix(suffix: &str) -> Option<(i32, i32)> {
    if let Some(&(_, tens, twos)) = SUFFIXES.iter().find(|(name, ..)| *name == suffix) {
        return Some((tens, twos));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let well_formed = (1..=MAX_EXPONENT_DIGITS).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit());
    if !well_formed {
        return None;
    }
    Some((exponent.parse().ok()?, 0))
}

/// The reason why a text is not an amount of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BytesError {
    /// Not a quantity without a sign, or one in fractions of a byte (`m`, `u`, `n`).
    Malformed,
    /// Not a whole number of bytes.
    Fraction,
    /// More than 2⁶³ − 1 bytes, the largest amount that Kubernetes can write.
    TooLarge,
}

impl fmt::Display for BytesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "expected bytes or a quantity such as `6Gi`",
            Self::Fraction => "expected a whole number of bytes",
            Self::TooLarge => "expected at most 2^63 - 1 bytes",
        })
    }
}

impl std::error::Error for BytesError {}

/// Parses an amount of memory, such as `6442450944`, `6Gi`, `1.5Gi`, `6G` or `6e9`, as bytes.
///
/// # Errors
/// [`BytesError`]. A sign is malformed: an amount of memory has none.
pub fn parse_bytes(text: &str) -> Result<u64, BytesError> {
    let Some(Parts { sign: None, whole, fraction, tens, twos }) = Parts::split(text) else {
        return Err(BytesError::Malformed);
    };
    if text.ends_with(['n', 'u', 'm']) {
        return Err(BytesError::Malformed);
    }
    // value = digits × 2^twos × 10^(tens − length of the fraction), exactly.
    let fraction = fraction.trim_end_matches('0');
    let mut value: u128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        value = value
            .checked_mul(10)
            .and_then(|v| v.checked_add(u128::from(digit - b'0')))
            .ok_or(BytesError::TooLarge)?;
    }
    if value == 0 {
        return Ok(0);
    }
    value = value.checked_mul(1 << twos).ok_or(BytesError::TooLarge)?;
    // Both are bounded: four digits of an exponent, 64 of a fraction.
    let shift = tens - fraction.len() as i32;
    for _ in 0..shift.unsigned_abs() {
        if shift > 0 {
            value = value.checked_mul(10).ok_or(BytesError::TooLarge)?;
        } else if value.is_multiple_of(10) {
            value /= 10;
        } else {
            return Err(BytesError::Fraction);
        }
    }
    match u64::try_from(value) {
        Ok(bytes) if bytes <= i64::MAX as u64 => Ok(bytes),
        _ => Err(BytesError::TooLarge),
    }
}

/// The units of [`format_bytes`], each with its power of two.
const BINARY_UNITS: [(u32, &str); 6] =
    [(60, "Ei"), (50, "Pi"), (40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")];

/// Formats bytes exactly, in the largest binary unit with at most one decimal: `6Gi`, `1.5Gi`, `11577Mi`,
/// `1000`.
#[must_use]
pub fn format_bytes(bytes: u64) -> String {
    // Only halves have one decimal and are whole bytes.
    let unit = BINARY_UNITS
        .iter()
        .find(|(shift, _)| bytes >= 1 << shift && bytes.is_multiple_of(1 << (shift - 1)));
    match unit {
        Some((shift, name)) if bytes.is_multiple_of(1 << shift) => {
            format!("{}{name}", bytes >> shift)
        }
        Some((shift, name)) => format!("{}.5{name}", bytes >> shift),
        None => bytes.to_string(),
    }
}

/// Formats bytes for a person: as [`format_bytes`], but what is not exact in MiB is rounded to a tenth of
/// one.
#[must_use]
pub fn describe_bytes(bytes: u64) -> String {
    const MEBIBYTE: u64 = 1 << 20;
    if bytes < MEBIBYTE || bytes.is_multiple_of(MEBIBYTE / 2) {
        return format_bytes(bytes);
    }
    let tenths = (u128::from(bytes) * 10 + u128::from(MEBIBYTE / 2)) >> 20;
    format!("{}.{}Mi", tenths / 10, tenths % 10)
}

/// A quantity of any resource, kept exactly: `digits` × 10^`tens` × 2^`twos`.
#[derive(Debug, Clone)]
pub struct Quantity {
    negative: bool,
    /// Decimal digits, without leading zeros; empty for zero.
    digits: String,
    tens: i32,
    twos: i32,
}

impl Quantity {
    /// Parses a quantity as `ParseQuantity` does; returns `None` if the text is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let Parts { sign, whole, fraction, tens, twos } = Parts::split(text)?;
        let digits = format!("{whole}{fraction}").trim_start_matches('0').to_owned();
        Some(Quantity {
            negative: sign == Some('-'),
            digits,
            tens: tens - fraction.len() as i32,
            twos,
        })
    }

    /// Returns true for zero, signed or not.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// Returns true below zero.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.negative && !self.is_zero()
    }

    /// Returns true for a whole number.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let places = (-self.tens).max(0);
        let digits = self.decimal_digits(places);
        digits.iter().rev().take(places as usize).all(|&digit| digit == 0)
    }

    /// Compares two amounts by value: `1Gi` equals `1024Mi`.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        let places = (-self.tens).max(-other.tens).max(0);
        let (a, b) = (self.decimal_digits(places), other.decimal_digits(places));
        let magnitude = a.len().cmp(&b.len()).then_with(|| a.cmp(&b));
        match (self.is_negative(), other.is_negative()) {
            (false, false) => magnitude,
            (true, true) => magnitude.reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }

    /// The amount in a form of its own, which equal amounts share: `1Gi` and `1024Mi` are
    /// `1073741824e0`.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut digits: Vec<u8> = self.digits.bytes().map(|b| b - b'0').collect();
        for _ in 0..self.twos {
            double_digits(&mut digits);
        }
        let zeros = digits.iter().rev().take_while(|&&digit| digit == 0).count();
        digits.truncate(digits.len() - zeros);
        let tens = if digits.is_empty() { 0 } else { i64::from(self.tens) + zeros as i64 };
        let sign = if self.is_negative() { "-" } else { "" };
        let digits: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        format!("{sign}{digits}e{tens}")
    }

    /// The amount as a floating-point number, for a sum.
    #[must_use]
    pub fn approximate(&self) -> f64 {
        let digits: f64 = self.digits.parse().unwrap_or(0.0);
        let magnitude = digits * 10f64.powi(self.tens) * 2f64.powi(self.twos);
        if self.negative { -magnitude } else { magnitude }
    }

    /// The amount's decimal digits with `places` of them after the point, without leading zeros.
    fn decimal_digits(&self, places: i32) -> Vec<u8> {
        let mut digits: Vec<u8> = self.digits.bytes().map(|b| b - b'0').collect();
        for _ in 0..self.twos {
            double_digits(&mut digits);
        }
        digits.extend(std::iter::repeat_n(0, (self.tens + places).max(0) as usize));
        let zeros = digits.iter().take_while(|&&digit| digit == 0).count();
        digits.drain(..zeros);
        digits
    }
}

fn double_digits(digits: &mut Vec<u8>) {
    let mut carry = 0;
    for digit in digits.iter_mut().rev() {
        let twice = *digit * 2 + carry;
        *digit = twice % 10;
        carry = twice / 10;
    }
    if carry > 0 {
        digits.insert(0, carry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_quantities_are_parsed() {
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
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_bytes() {
        for (text, error) in [
            ("", BytesError::Malformed),
            ("Gi", BytesError::Malformed),
            (".", BytesError::Malformed),
            ("-1", BytesError::Malformed),
            ("+1", BytesError::Malformed),
            ("1 Gi", BytesError::Malformed),
            ("6gi", BytesError::Malformed),
            ("6GB", BytesError::Malformed),
            ("6m", BytesError::Malformed),
            ("1000m", BytesError::Malformed),
            ("1.2.3", BytesError::Malformed),
            ("1e", BytesError::Malformed),
            ("1e99999", BytesError::Malformed),
            ("0x10", BytesError::Malformed),
            ("٣", BytesError::Malformed),
            ("1.5", BytesError::Fraction),
            ("1.50", BytesError::Fraction),
            ("1e-1", BytesError::Fraction),
            ("1e9999", BytesError::TooLarge),
            ("9223372036854775808", BytesError::TooLarge),
            ("8Ei", BytesError::TooLarge),
            ("99999999999999999999999999999999999999999", BytesError::TooLarge),
        ] {
            assert_eq!(parse_bytes(text), Err(error), "{text}");
        }
        assert_eq!(parse_bytes(&"0".repeat(MAX_LENGTH + 1)), Err(BytesError::Malformed));
    }

    #[test]
    fn equal_amounts_share_their_canonical_form() {
        let canonical = |text| Quantity::parse(text).unwrap().canonical();
        for (one, other) in
            [("1", "1000m"), ("1Gi", "1024Mi"), ("0", "0.00"), ("-0", "0"), ("1.50k", "15e2")]
        {
            assert_eq!(canonical(one), canonical(other), "{one} {other}");
        }
        for (one, other) in [("1", "-1"), ("1", "1m"), ("1Gi", "1G"), ("10", "100")] {
            assert_ne!(canonical(one), canonical(other), "{one} {other}");
        }
    }

    #[test]
    fn bytes_are_formatted_exactly_in_the_largest_unit() {
        for (bytes, text) in [
            (0, "0"),
            (512, "512"),
            (1000, "1000"),
            (1024, "1Ki"),
            (1536, "1.5Ki"),
            (3 << 29, "1.5Gi"),
            (6 << 30, "6Gi"),
            (7 << 28, "1792Mi"),
            (11_577 << 20, "11577Mi"),
            ((6 << 30) + 1, "6442450945"),
            (7 << 60, "7Ei"),
        ] {
            assert_eq!(format_bytes(bytes), text);
            assert_eq!(parse_bytes(text), Ok(bytes));
        }
    }

    #[test]
    fn bytes_are_rounded_for_a_person() {
        for (bytes, text) in [
            (0, "0"),
            (1000, "1000"),
            (1536, "1.5Ki"),
            (1 << 20, "1Mi"),
            ((1 << 20) + 1, "1.0Mi"),
            (3 << 19, "1.5Mi"),
            (6 << 30, "6Gi"),
            (3 << 29, "1.5Gi"),
            (11_577 << 20, "11577Mi"),
            ((11_577 << 20) + 300_000, "11577.3Mi"),
            (2_147_483_647, "2048.0Mi"),
            (u64::MAX, "17592186044416.0Mi"),
        ] {
            assert_eq!(describe_bytes(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn the_grammar_is_the_api_servers() {
        for text in [
            "0", "6Gi", "200m", "1.5", ".5Gi", "5.", "+1", "-1k", "1e3", "1E-3", "1E", "0.5Ki",
            "100n", "12e6",
        ] {
            assert!(Quantity::parse(text).is_some(), "{text:?}");
        }
        for text in [
            "", "Gi", "6gi", "6GB", "6 Gi", "1.2.3", "--1", "1e", "1e+", "6Gi ", "1K", "1Mib",
            "0x10", ".", "1e1.5",
        ] {
            assert!(Quantity::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn amounts_are_close_to_their_floating_point_numbers() {
        for (text, number) in [("0", 0.0), ("1.5Gi", 1_610_612_736.0), ("-200m", -0.2), ("2k", 2e3)]
        {
            let close = (Quantity::parse(text).unwrap().approximate() - number).abs() < 1e-9;
            assert!(close, "{text}");
        }
    }

    #[test]
    fn amounts_compare_exactly() {
        let table = [
            ("1Gi", "1024Mi", Ordering::Equal),
            ("1G", "1Gi", Ordering::Less),
            ("100m", "0.1", Ordering::Equal),
            ("1001m", "1", Ordering::Greater),
            ("-1", "1n", Ordering::Less),
            ("-2", "-1", Ordering::Less),
            ("0", "-0", Ordering::Equal),
            ("1Ei", "1152921504606846976", Ordering::Equal),
            ("1e3", "1k", Ordering::Equal),
            ("15", "2", Ordering::Greater),
        ];
        for (a, b, order) in table {
            let (x, y) = (Quantity::parse(a).unwrap(), Quantity::parse(b).unwrap());
            assert_eq!(x.compare(&y), order, "{a} {b}");
        }
    }

    #[test]
    fn whole_numbers_differ_from_fractions() {
        for (text, whole) in [
            ("1", true),
            ("1000m", true),
            ("1500m", false),
            ("0.5", false),
            ("0.5Ki", true),
            ("0.1Ki", false),
            ("1e3", true),
            ("0m", true),
        ] {
            assert_eq!(Quantity::parse(text).unwrap().is_whole(), whole, "{text}");
        }
    }
}
