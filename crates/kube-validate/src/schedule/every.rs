//! The duration of `@every`, in the grammar of Go's `time.ParseDuration`: `1h30m`, `1.5h`, `90s`.

use jiff::SignedDuration;

/// Each unit's length in nanoseconds.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Parses the delay of `@every`, in whole seconds. As in robfig/cron's `Every`, anything below one
/// second, even a negative duration, means one second.
pub(super) fn parse_delay(text: &str) -> Option<SignedDuration> {
    let (negative, unsigned) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let nanoseconds = if unsigned == "0" { 0 } else { sum_units(unsigned)? };
    let seconds = if negative { 0 } else { i64::try_from(nanoseconds).ok()? / 1_000_000_000 };
    Some(SignedDuration::from_secs(seconds.max(1)))
}

/// Adds up numbers with units, in nanoseconds; the sum is at most 2^63.
fn sum_units(text: &str) -> Option<u64> {
    const LIMIT: u64 = 1 << 63;
    let mut rest = Some(text).filter(|text| !text.is_empty())?;
    let mut total = 0u64;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| c != '.' && !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(number_end);
        let unit_end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let &(_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let part = scale_number(number, unit)?;
        total = total.checked_add(part).filter(|&total| total <= LIMIT)?;
        rest = after;
    }
    Some(total)
}

/// Multiplies a number such as `1`, `1.`, `.5` or `1.5` by a unit.
fn scale_number(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || whole.len() + fraction.len() == 0 {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: f64 = if fraction.is_empty() { 0.0 } else { format!("0.{fraction}").parse().ok()? };
    whole.checked_mul(unit)?.checked_add((part * unit as f64) as u64).filter(|&n| n <= 1 << 63)
}
