//! The written forms that Kubernetes asks of names, keys and the like.
//!
//! Each function says what would be right, as a phrase that fits after "must be". Sources:
//! apimachinery `pkg/util/validation/validation.go` and `pkg/api/validate/content`, where the
//! function of the same purpose is named.

/// What a form is: nothing when the text has it, else what would be right.
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
const CIDR: &str = "an address range such as `10.0.0.0/8`";
const HEADER: &str = "an HTTP header name of letters, digits and `-`";
const SYSCTL: &str = "a sysctl's name, such as `net.core.somaxconn`";
const PERCENT: &str = "a percentage such as `25%`";
const LOWER_QUALIFIED: &str =
    "at most 63 letters, digits, `-`, `_` and `.` after an optional DNS prefix and `/`";
const DOMAIN_PATH: &str = "a DNS name, a `/` and a path, such as `example.com/name`";

fn hold(holds: bool, right: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(right) }
}

fn is_word(text: &str, max: usize, inner: fn(u8) -> bool, edge: fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    let edges = bytes.first().is_some_and(|&b| edge(b)) && bytes.last().is_some_and(|&b| edge(b));
    edges && bytes.len() <= max && bytes.iter().all(|&b| edge(b) || inner(b))
}

fn lower(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit()
}

fn is_label(text: &str) -> bool {
    is_word(text, 63, |b| b == b'-', lower)
}

fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(|part| is_word(part, 253, |b| b == b'-', lower))
}

fn is_name(text: &str) -> bool {
    is_word(text, 63, |b| matches!(b, b'-' | b'_' | b'.'), |b| b.is_ascii_alphanumeric())
}

/// `IsDNS1123Label`.
pub fn label(text: &str) -> Result<(), &'static str> {
    hold(is_label(text), LABEL)
}

/// `IsDNS1123Subdomain`.
pub fn subdomain(text: &str) -> Result<(), &'static str> {
    hold(is_subdomain(text), SUBDOMAIN)
}

/// `IsWildcardDNS1123Subdomain`, or a name without a wildcard.
pub fn wildcard(text: &str) -> Result<(), &'static str> {
    hold(text.len() <= 253 && is_subdomain(text.strip_prefix("*.").unwrap_or(text)), WILDCARD)
}

/// [`wildcard`], but no IP address.
pub fn host(text: &str) -> Result<(), &'static str> {
    hold(wildcard(text).is_ok() && text.parse::<std::net::IpAddr>().is_err(), WILDCARD)
}

/// `IsQualifiedName`: label keys, resource names, condition types.
pub fn qualified(text: &str) -> Result<(), &'static str> {
    let holds = match text.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_name(name),
        None => is_name(text),
    };
    hold(holds, QUALIFIED)
}

/// Annotation keys: `IsQualifiedName` of the key in lower case.
pub fn annotation_key(text: &str) -> Result<(), &'static str> {
    qualified(&text.to_ascii_lowercase()).map_err(|_| LOWER_QUALIFIED)
}

/// `IsValidLabelValue`.
pub fn label_value(text: &str) -> Result<(), &'static str> {
    hold(text.is_empty() || is_name(text), LABEL_VALUE)
}

/// `IsValidPortName` (IANA_SVC_NAME).
pub fn port_name(text: &str) -> Result<(), &'static str> {
    let letter = text.bytes().any(|b| b.is_ascii_lowercase());
    hold(is_word(text, 15, |b| b == b'-', lower) && letter && !text.contains("--"), PORT_NAME)
}

/// `IsPathSegmentName`: RBAC names, and kinds and names in references.
pub fn path_segment(text: &str) -> Result<(), &'static str> {
    hold(!matches!(text, "." | "..") && !text.contains(['/', '%']), PATH_SEGMENT)
}

/// `IsConfigMapKey`.
pub fn config_key(text: &str) -> Result<(), &'static str> {
    let characters = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    let dots = text == "." || text.starts_with("..");
    hold(!text.is_empty() && text.len() <= 253 && characters && !dots, CONFIG_KEY)
}

/// `IsRelaxedEnvVarName`.
pub fn env_name(text: &str) -> Result<(), &'static str> {
    hold(text.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'='), ENV_NAME)
}

/// `validateLocalDescendingPath`: sub-paths of a volume.
pub fn descending_path(text: &str) -> Result<(), &'static str> {
    hold(!text.starts_with('/') && text.split('/').all(|part| part != ".."), RELATIVE)
}

/// `ValidateLocalNonReservedPath`: files made in a volume.
pub fn volume_file(text: &str) -> Result<(), &'static str> {
    hold(descending_path(text).is_ok() && !text.starts_with(".."), RELATIVE)
}

/// A path without `..`: `validatePathNoBacksteps`.
pub fn no_backsteps(text: &str) -> Result<(), &'static str> {
    hold(text.split('/').all(|part| part != ".."), "a path without `..`")
}

/// `path.IsAbs`.
pub fn absolute_path(text: &str) -> Result<(), &'static str> {
    hold(text.starts_with('/'), ABSOLUTE)
}

/// `IsValidIPForLegacyField`.
pub fn ip(text: &str) -> Result<(), &'static str> {
    hold(text.parse::<std::net::IpAddr>().is_ok(), IP)
}

/// `IsValidCIDRForLegacyField`: an address and the length of its prefix.
pub fn cidr(text: &str) -> Result<(), &'static str> {
    let parts = text.split_once('/').and_then(|(address, length)| {
        let digits = length.bytes().all(|b| b.is_ascii_digit());
        let length = length.parse::<u8>().ok().filter(|_| digits)?;
        Some((address.parse::<std::net::IpAddr>().ok()?, length))
    });
    let holds =
        parts.is_some_and(|(address, length)| length <= if address.is_ipv4() { 32 } else { 128 });
    hold(holds, CIDR)
}

/// `IsHTTPHeaderName`.
pub fn header_name(text: &str) -> Result<(), &'static str> {
    let holds = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    hold(!text.is_empty() && holds, HEADER)
}

/// A sysctl's name: `IsValidSysctlName`.
pub fn sysctl(text: &str) -> Result<(), &'static str> {
    let part = |part: &str| is_word(part, 253, |b| b == b'-' || b == b'_', lower);
    hold(text.len() <= 253 && text.split(['.', '/']).all(part), SYSCTL)
}

/// `IsValidPercent`.
pub fn percent(text: &str) -> Result<(), &'static str> {
    let digits = text.strip_suffix('%');
    let holds = digits.is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
    hold(holds, PERCENT)
}

/// `IsDomainPrefixedPath`.
pub fn domain_path(text: &str) -> Result<(), &'static str> {
    let parts =
        text.split_once('/').filter(|(domain, path)| is_subdomain(domain) && !path.is_empty());
    hold(parts.is_some(), DOMAIN_PATH)
}

/// `ValidateDNS1123SubdomainWithUnderScore`, the root and a trailing dot allowed: DNS search paths.
pub fn search_path(text: &str) -> Result<(), &'static str> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let part =
        |part: &str| is_word(part, 253, |b| b == b'-' || b == b'_', |b| lower(b) || b == b'_');
    hold(text == "." || (name.len() <= 253 && name.split('.').all(part)), SUBDOMAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(form: Form, right: &[&str], wrong: &[&str]) {
        for text in right {
            assert!(form(text).is_ok(), "{text:?} should pass");
        }
        for text in wrong {
            assert!(form(text).is_err(), "{text:?} should fail");
        }
    }

    #[test]
    fn forms_are_those_of_the_api_server() {
        let long = "a".repeat(64);
        table(label, &["a", "a-b", "1a", &long[..63]], &["", "A", "-a", "a-", "a.b", "a_b", &long]);
        table(subdomain, &["a", "a.b-c.d"], &["", "a..b", ".a", "a.", "A.b", "a_b", "a.-b"]);
        table(host, &["*.a.b", "a.b"], &["*", "a.*.b", "*.", "10.0.0.1", "A.b"]);
        table(
            qualified,
            &["a", "A.b_c", "x.io/Foo"],
            &["", "/a", "x.io/", "X.io/a", "a/b/c", "a b"],
        );
        table(annotation_key, &["X.io/a", "kyverno.io/a_B"], &["", "a b", "é"]);
        table(label_value, &["", "a", "A_1.b", "true"], &["a b", "-a", "a-", &long, "a/b"]);
        table(
            port_name,
            &["http", "a-1", "8080-tcp"],
            &["", "8080", "HTTP", "a--b", "sixteencharacter", "-a"],
        );
        table(path_segment, &["system:a", "a.b"], &[".", "..", "a/b", "a%b"]);
        table(config_key, &["a", ".a", "a..b", "_"], &["", ".", "..", "..a", "a/b", "a b"]);
        table(env_name, &["A", "a.b-c", "1", "A B"], &["A=B", "é", "A\n"]);
        table(descending_path, &["a/b", "..a", ""], &["/a", "a/../b", ".."]);
        table(volume_file, &["a/b", "a/..b"], &["/a", "..a", "../a"]);
        table(ip, &["10.0.0.1", "::1"], &["10.0.0", "a", "10.0.0.1/8"]);
        table(cidr, &["10.0.0.0/8", "::/0"], &["10.0.0.0", "10.0.0.0/33", "10.0.0.0/+8", "a/8"]);
        table(percent, &["0%", "25%"], &["25", "%", "-1%", "2.5%"]);
        table(domain_path, &["a.io/b"], &["a", "a/", "/b"]);
        table(search_path, &[".", "svc.local", "a_b.c."], &["", "A.b", "a..b"]);
    }
}
