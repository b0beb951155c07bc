//! The formats of texts that are checked: those that definitions use, and whose rule is short. The server ignores
//! a format that it does not know; it also checks some others, which nothing here does (`uri`, `email`, `hostname`,
//! `duration`, `mac`, ISBN, credit cards, colours in words).
//! Source: kube-openapi `pkg/validation/strfmt`.

use std::net::{IpAddr, Ipv6Addr};

use regex_lite::Regex;

use crate::formats;

const UUID: &str = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$";
const TIME: &str = "^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$";
const BASE64: &str =
    "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$";

/// Each format, in words, with its check.
type Row = (&'static str, &'static str, fn(&str) -> bool);

const FORMATS: &[Row] = &[
    ("byte", "base64", |text| matches(BASE64, text)),
    ("cidr", "an address range such as `10.0.0.0/8`", is_range),
    ("date", "a date such as `2026-01-31`", is_date),
    ("datetime", "a time such as `2026-01-31T10:00:00Z`", is_time),
    ("ipv4", "an IPv4 address", is_ipv4),
    ("ipv6", "an IPv6 address", |text| text.parse::<Ipv6Addr>().is_ok()),
    ("k8slongname", "a DNS subdomain", |text| formats::dns_subdomain(text).is_ok()),
    ("k8sshortname", "a DNS label", |text| formats::dns_label(text).is_ok()),
    ("uuid", "a UUID", |text| matches(UUID, text)),
];

/// Checks a text by its format. The error says what is expected.
pub fn check_format(format: &str, text: &str) -> Result<(), &'static str> {
    let normalized = format.replace('-', "");
    match FORMATS.iter().find(|(name, ..)| *name == normalized) {
        Some((_, expected, check)) if !check(text) => Err(expected),
        _ => Ok(()),
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
}

/// The server asks for an address with a dot, so an IPv6 address may end in one of IPv4.
fn is_ipv4(text: &str) -> bool {
    let address = if text.contains(':') { text.to_owned() } else { without_zeros(text) };
    text.contains('.') && address.parse::<IpAddr>().is_ok()
}

/// Go took zeros before a number in an IPv4 address for long, and the server still does.
fn without_zeros(address: &str) -> String {
    let part = |part: &str| match part.trim_start_matches('0') {
        "" if !part.is_empty() => "0".to_owned(),
        digits => digits.to_owned(),
    };
    address.split('.').map(part).collect::<Vec<_>>().join(".")
}

fn is_range(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let address = if address.contains(':') { address.to_owned() } else { without_zeros(address) };
    formats::parse_range(&format!("{address}/{}", without_zeros(length))).is_some()
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

fn is_time(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let mut parts = text.split('t');
    let (Some(date), Some(time)) = (parts.next(), parts.next()) else { return false };
    let in_range =
        |range: std::ops::Range<usize>, max: &str| time.get(range).is_some_and(|n| n <= max);
    is_date(date)
        && matches(TIME, time)
        && in_range(0..2, "23")
        && in_range(3..5, "59")
        && in_range(6..8, "59")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_those_of_the_server() {
        for (format, accepted, refused) in [
            ("byte", "aGk=", "aGk"),
            ("cidr", "010.0.0.0/8", "10.0.0.0"),
            ("cidr", "2001:db8::/32", "10.0.0.0/33"),
            ("date", "2024-02-29", "2023-02-29"),
            ("date-time", "2024-02-29T10:00:00.5+01:00", "2024-02-29T24:00:00Z"),
            ("date-time", "2024-02-29t10:00:00z", "2024-02-29 10:00:00Z"),
            ("ipv4", "192.0.2.1", "192.0.2.256"),
            ("ipv6", "2001:db8::1", "192.0.2.1"),
            ("uuid", "123E4567e89b12d3a456426614174000", "123e4567"),
            ("k8s-short-name", "a-b", "a.b"),
            ("unheard-of", "anything", ""),
        ] {
            assert_eq!(check_format(format, accepted), Ok(()), "{format} {accepted}");
            let is_refused = check_format(format, refused).is_err();
            assert_eq!(is_refused, format != "unheard-of", "{format} {refused}");
        }
    }
}
