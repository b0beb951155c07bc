//! The forms of texts in Kubernetes: names, keys, addresses and the like.
//!
//! Each function names the function of the API server that it follows, in apimachinery's
//! `pkg/util/validation/validation.go` or `pkg/api/validate/content`.

use kube_formats::name::{is_dns_label, is_dns_subdomain};

/// A check of a text's form. Its error completes the sentence "expected …".
pub type Form = fn(&str) -> Result<(), &'static str>;

const LABEL: &str = "a DNS label: at most 63 lower case letters, digits and `-`, beginning and ending with a letter or digit";
const SUBDOMAIN: &str = "a DNS name: at most 253 lower case letters, digits, `-` and `.`, each part beginning and ending with a letter or digit";
const QUALIFIED: &str = "a name of at most 63 letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit, after an optional DNS prefix and `/`";
const LABEL_VALUE: &str = "empty, or at most 63 letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit";
const PORT_NAME: &str = "a port name: at most 15 lower case letters, digits and single `-`, with at least one letter, beginning and ending with a letter or digit";
const PATH_SEGMENT: &str = "a name without `/` and `%`, and neither `.` nor `..`";
const CONFIG_KEY: &str =
    "a key of at most 253 letters, digits, `-`, `_` and `.`, neither `.` nor beginning with `..`";
const ENV_NAME: &str = "a name of printable ASCII characters without `=`";
const WILDCARD: &str = "a DNS name whose first part may be `*`";
const RELATIVE: &str = "a relative path without `..`";
const ABSOLUTE: &str = "an absolute path";
const IP: &str = "an IP address";
const CIDR: &str = "an address range such as `10.0.0.0/8`, without bits beyond its prefix length";
const HEADER: &str = "an HTTP header name of letters, digits and `-`";
const SYSCTL: &str = "a sysctl's name, such as `net.core.somaxconn`";
const PERCENT: &str = "a percentage such as `25%`";
const LOWER_QUALIFIED: &str =
    "at most 63 letters, digits, `-`, `_` and `.` after an optional DNS prefix and `/`";
const SIGNER: &str = "a signer's name, such as `example.com/name`";
const DOMAIN_PATH: &str = "a DNS name, a `/` and a path, such as `example.com/name`";

fn ensure(condition: bool, expected: &'static str) -> Result<(), &'static str> {
    if condition { Ok(()) } else { Err(expected) }
}

fn is_word(text: &str, max: usize, inner: fn(u8) -> bool, edge: fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    let edges = bytes.first().is_some_and(|&b| edge(b)) && bytes.last().is_some_and(|&b| edge(b));
    edges && bytes.len() <= max && bytes.iter().all(|&b| edge(b) || inner(b))
}

fn is_lower_or_digit(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit()
}

fn is_name(text: &str) -> bool {
    is_word(text, 63, |b| matches!(b, b'-' | b'_' | b'.'), |b| b.is_ascii_alphanumeric())
}

/// Checks a DNS label: `IsDNS1123Label`.
pub fn dns_label(text: &str) -> Result<(), &'static str> {
    ensure(is_dns_label(text), LABEL)
}

/// Checks a DNS name: `IsDNS1123Subdomain`.
pub fn dns_subdomain(text: &str) -> Result<(), &'static str> {
    ensure(is_dns_subdomain(text), SUBDOMAIN)
}

/// Checks a DNS name with or without a wildcard: `IsWildcardDNS1123Subdomain`.
pub fn wildcard_name(text: &str) -> Result<(), &'static str> {
    ensure(text.len() <= 253 && is_dns_subdomain(text.strip_prefix("*.").unwrap_or(text)), WILDCARD)
}

/// Checks an Ingress rule's host: a [`wildcard_name`] that is not an IP address.
pub fn ingress_host(text: &str) -> Result<(), &'static str> {
    ensure(wildcard_name(text).is_ok() && text.parse::<std::net::IpAddr>().is_err(), WILDCARD)
}

/// Checks a label's key, a resource's name or a condition's type: `IsQualifiedName`.
pub fn qualified_name(text: &str) -> Result<(), &'static str> {
    let is_valid = match text.split_once('/') {
        Some((prefix, name)) => is_dns_subdomain(prefix) && is_name(name),
        None => is_name(text),
    };
    ensure(is_valid, QUALIFIED)
}

/// Checks an annotation's key: `IsQualifiedName` of the key in lower case.
pub fn annotation_key(text: &str) -> Result<(), &'static str> {
    qualified_name(&text.to_ascii_lowercase()).map_err(|_| LOWER_QUALIFIED)
}

/// Checks a label's value: `IsValidLabelValue`.
pub fn label_value(text: &str) -> Result<(), &'static str> {
    ensure(text.is_empty() || is_name(text), LABEL_VALUE)
}

/// Checks a port's name: `IsValidPortName` (IANA_SVC_NAME).
pub fn port_name(text: &str) -> Result<(), &'static str> {
    let letter = text.bytes().any(|b| b.is_ascii_lowercase());
    ensure(
        is_word(text, 15, |b| b == b'-', is_lower_or_digit) && letter && !text.contains("--"),
        PORT_NAME,
    )
}

/// Checks a name of RBAC, or a kind or name in a reference: `IsPathSegmentName`.
pub fn path_segment(text: &str) -> Result<(), &'static str> {
    ensure(!matches!(text, "." | "..") && !text.contains(['/', '%']), PATH_SEGMENT)
}

/// Checks a key of a ConfigMap or Secret: `IsConfigMapKey`.
pub fn config_key(text: &str) -> Result<(), &'static str> {
    let characters = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    let dots = text == "." || text.starts_with("..");
    ensure(!text.is_empty() && text.len() <= 253 && characters && !dots, CONFIG_KEY)
}

/// Checks an environment variable's name: `IsRelaxedEnvVarName`.
pub fn env_name(text: &str) -> Result<(), &'static str> {
    ensure(text.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'='), ENV_NAME)
}

/// Checks a path inside a volume: `validateLocalDescendingPath`.
pub fn descending_path(text: &str) -> Result<(), &'static str> {
    ensure(!text.starts_with('/') && text.split('/').all(|part| part != ".."), RELATIVE)
}

/// Checks the path of a file that is created in a volume: `ValidateLocalNonReservedPath`.
pub fn volume_file(text: &str) -> Result<(), &'static str> {
    ensure(descending_path(text).is_ok() && !text.starts_with(".."), RELATIVE)
}

/// Checks a path without `..`: `validatePathNoBacksteps`.
pub fn no_backsteps(text: &str) -> Result<(), &'static str> {
    ensure(text.split('/').all(|part| part != ".."), "a path without `..`")
}

/// Checks an absolute path: Go's `path.IsAbs`.
pub fn absolute_path(text: &str) -> Result<(), &'static str> {
    ensure(text.starts_with('/'), ABSOLUTE)
}

/// Checks an IP address: `IsValidIPForLegacyField` with `StrictIPCIDRValidation`.
pub fn ip_address(text: &str) -> Result<(), &'static str> {
    ensure(text.parse::<std::net::IpAddr>().is_ok() && !is_mapped(text), IP)
}

/// Checks an address range, written as an address and a prefix length, beyond which the address has no
/// bits: `IsValidCIDRForLegacyField` with `StrictIPCIDRValidation`.
pub fn ip_range(text: &str) -> Result<(), &'static str> {
    let is_strict = parse_range(text).is_some_and(|range| range.bits == range.masked());
    ensure(is_strict && !is_mapped(text.split('/').next().unwrap_or_default()), CIDR)
}

/// An address range.
pub struct IpRange {
    is_v4: bool,
    bits: u128,
    length: u32,
}

impl IpRange {
    /// The address without the bits beyond the prefix.
    fn masked(&self) -> u128 {
        let width = if self.is_v4 { 32 } else { 128 };
        let host = width - self.length;
        self.bits.checked_shr(host).map_or(0, |bits| bits.checked_shl(host).unwrap_or(0))
    }

    /// Returns true for a part of another range that is smaller than it.
    pub fn is_part_of(&self, whole: &IpRange) -> bool {
        let prefix = IpRange { length: whole.length, ..*self };
        self.is_v4 == whole.is_v4 && self.length > whole.length && prefix.masked() == whole.masked()
    }
}

/// Parses an address range; `None` if the text is not one.
pub fn parse_range(text: &str) -> Option<IpRange> {
    let (address, length) = text.split_once('/')?;
    let digits = length.bytes().all(|b| b.is_ascii_digit());
    let has_zero = length.len() > 1 && length.starts_with('0');
    let length = length.parse::<u32>().ok().filter(|_| digits && !has_zero)?;
    let (is_v4, bits) = match address.parse::<std::net::IpAddr>().ok()? {
        std::net::IpAddr::V4(ip) => (true, u128::from(ip.to_bits())),
        std::net::IpAddr::V6(ip) => (false, ip.to_bits()),
    };
    (length <= if is_v4 { 32 } else { 128 }).then_some(IpRange { is_v4, bits, length })
}

/// Returns true for an IPv4 address in the form of an IPv6 address.
fn is_mapped(text: &str) -> bool {
    text.parse::<std::net::Ipv6Addr>().is_ok_and(|ip| ip.to_ipv4_mapped().is_some())
}

/// Checks an HTTP header's name: `IsHTTPHeaderName`.
pub fn header_name(text: &str) -> Result<(), &'static str> {
    let is_valid = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    ensure(!text.is_empty() && is_valid, HEADER)
}

/// Checks a sysctl's name: `IsValidSysctlName`.
pub fn sysctl_name(text: &str) -> Result<(), &'static str> {
    let are_words = text
        .split(['.', '/'])
        .all(|part| is_word(part, 253, |b| b == b'-' || b == b'_', is_lower_or_digit));
    ensure(text.len() <= 253 && are_words, SYSCTL)
}

/// Checks a percentage: `IsValidPercent`.
pub fn percentage(text: &str) -> Result<(), &'static str> {
    let digits = text.strip_suffix('%');
    let is_valid = digits.is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
    ensure(is_valid, PERCENT)
}

/// Checks a domain with a path: `IsDomainPrefixedPath`.
pub fn domain_path(text: &str) -> Result<(), &'static str> {
    let parts =
        text.split_once('/').filter(|(domain, path)| is_dns_subdomain(domain) && !path.is_empty());
    ensure(parts.is_some(), DOMAIN_PATH)
}

/// Checks a signer's name, a domain and a path: `ValidateSignerName`.
pub fn signer_name(text: &str) -> Result<(), &'static str> {
    let is_valid = text.split_once('/').is_some_and(|(domain, path)| {
        domain.contains('.')
            && is_dns_subdomain(domain)
            && path.split('.').all(|part| {
                is_word(part, 253, |b| matches!(b, b'-' | b'_'), |b| b.is_ascii_alphanumeric())
            })
    });
    ensure(is_valid && text.len() <= 571, SIGNER)
}

/// Checks a DNS search path: `ValidateDNS1123SubdomainWithUnderScore`, with the root and a trailing dot
/// allowed.
pub fn search_path(text: &str) -> Result<(), &'static str> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let are_words = name.split('.').all(|part| {
        is_word(part, 253, |b| b == b'-' || b == b'_', |b| is_lower_or_digit(b) || b == b'_')
    });
    ensure(text == "." || (name.len() <= 253 && are_words), SUBDOMAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_form(form: Form, valid: &[&str], invalid: &[&str]) {
        for text in valid {
            assert!(form(text).is_ok(), "{text:?} should pass");
        }
        for text in invalid {
            assert!(form(text).is_err(), "{text:?} should fail");
        }
    }

    #[test]
    fn forms_are_those_of_the_api_server() {
        let long = "a".repeat(64);
        check_form(
            dns_label,
            &["a", "a-b", "1a", &long[..63]],
            &["", "A", "-a", "a-", "a.b", "a_b", &long],
        );
        check_form(
            dns_subdomain,
            &["a", "a.b-c.d"],
            &["", "a..b", ".a", "a.", "A.b", "a_b", "a.-b"],
        );
        check_form(ingress_host, &["*.a.b", "a.b"], &["*", "a.*.b", "*.", "10.0.0.1", "A.b"]);
        check_form(
            qualified_name,
            &["a", "A.b_c", "x.io/Foo"],
            &["", "/a", "x.io/", "X.io/a", "a/b/c", "a b"],
        );
        check_form(annotation_key, &["X.io/a", "kyverno.io/a_B"], &["", "a b", "é"]);
        check_form(label_value, &["", "a", "A_1.b", "true"], &["a b", "-a", "a-", &long, "a/b"]);
        check_form(
            port_name,
            &["http", "a-1", "8080-tcp"],
            &["", "8080", "HTTP", "a--b", "sixteencharacter", "-a"],
        );
        check_form(path_segment, &["system:a", "a.b"], &[".", "..", "a/b", "a%b"]);
        check_form(config_key, &["a", ".a", "a..b", "_"], &["", ".", "..", "..a", "a/b", "a b"]);
        check_form(env_name, &["A", "a.b-c", "1", "A B"], &["A=B", "é", "A\n"]);
        check_form(descending_path, &["a/b", "..a", ""], &["/a", "a/../b", ".."]);
        check_form(volume_file, &["a/b", "a/..b"], &["/a", "..a", "../a"]);
        check_form(ip_address, &["10.0.0.1", "::1"], &["10.0.0", "a", "10.0.0.1/8"]);
        check_form(
            ip_range,
            &["10.0.0.0/8", "::/0"],
            &[
                "10.0.0.0",
                "10.0.0.0/33",
                "10.0.0.0/+8",
                "a/8",
                "10.0.0.1/8",
                "10.0.0.0/08",
                "::ffff:1.2.3.0/120",
            ],
        );
        check_form(percentage, &["0%", "25%"], &["25", "%", "-1%", "2.5%"]);
        check_form(domain_path, &["a.io/b"], &["a", "a/", "/b"]);
        check_form(search_path, &[".", "svc.local", "a_b.c."], &["", "A.b", "a..b"]);
    }
}
