//! Kubernetes quantities: `6Gi`, `200m`, `1e3`.
//!
//! Grammar and limits: apimachinery `pkg/api/resource/quantity.go`, `ParseQuantity`.

use std::cmp::Ordering;

/// An amount, held exactly: `digits` × 10^`tens` × 2^`twos`.
#[derive(Debug, Clone)]
pub struct Quantity {
    negative: bool,
    /// Decimal digits, without leading zeros; empty for zero.
    digits: String,
    tens: i32,
    twos: i32,
}

/// Suffixes that scale, with their powers of ten and of two.
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

/// The longest text that is read; `ParseQuantity` knows none, but arithmetic here is exact.
const LONGEST: usize = 64;

impl Quantity {
    /// Reads a quantity as `ParseQuantity` does; none if the text is not one.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let end =
            unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let (tens, twos) = scale(suffix)?;
        let digits = format!("{whole}{fraction}").trim_start_matches('0').to_owned();
        Some(Quantity { negative, digits, tens: tens - fraction.len() as i32, twos })
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// Whether it is less than zero.
    pub fn is_negative(&self) -> bool {
        self.negative && !self.is_zero()
    }

    /// Whether it is a whole number.
    pub fn is_whole(&self) -> bool {
        let places = (-self.tens).max(0);
        let digits = self.scaled(places);
        digits.iter().rev().take(places as usize).all(|&digit| digit == 0)
    }

    /// The amount as a decimal number of `places` digits after the point, as a digit string.
    fn scaled(&self, places: i32) -> Vec<u8> {
        let mut digits: Vec<u8> = self.digits.bytes().map(|b| b - b'0').collect();
        for _ in 0..self.twos {
            double(&mut digits);
        }
        digits.extend(std::iter::repeat_n(0, (self.tens + places).max(0) as usize));
        let zeros = digits.iter().take_while(|&&d| d == 0).count();
        digits.drain(..zeros);
        digits
    }
}

/// The powers of ten and two of a suffix; an exponent such as `e3` is one too.
fn scale(suffix: &str) -> Option<(i32, i32)> {
    if let Some(&(_, tens, twos)) = SUFFIXES.iter().find(|(name, ..)| *name == suffix) {
        return Some((tens, twos));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if digits.is_empty() || digits.len() > 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((exponent.parse().ok()?, 0))
}

fn double(digits: &mut Vec<u8>) {
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

impl Quantity {
    /// Which of two amounts is the larger, however they are written.
    pub fn compare(&self, other: &Self) -> Ordering {
        let places = (-self.tens).max(-other.tens).max(0);
        let (a, b) = (self.scaled(places), other.scaled(places));
        let size = a.len().cmp(&b.len()).then_with(|| a.cmp(&b));
        match (self.is_negative(), other.is_negative()) {
            (false, false) => size,
            (true, true) => size.reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn whole_numbers_are_told_from_fractions() {
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
