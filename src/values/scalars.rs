//! The scalars of a values file: each is checked when it is read, and its JSON Schema gives editors the
//! same rule.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use kube_formats::name::{is_dns_label, is_dns_subdomain, is_host};
use kube_formats::quantity::{format_bytes, parse_bytes};
use kube_formats::url;
use kube_validate::schedule::{self, Schedule};
use vram_gate::settings::{is_api_version, is_kind, resource_of_kind};

/// Declares a string with a rule: a newtype that is checked when it is read.
///
/// `pattern` is the rule for editors, as far as a pattern can express it; a test compares the verdicts of
/// both on the same examples.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, pattern: $pattern:expr, max: $max:expr, check: $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Checks a text; the error says what was expected.
            pub fn new(text: impl Into<String>) -> Result<Self, String> {
                let text = text.into();
                let check: fn(&str) -> Result<(), String> = $check;
                if text.len() > $max {
                    return Err(format!("expected at most {} characters, not {}", $max, text.len()));
                }
                check(&text).map(|()| Self(text))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// A default of this program; a test checks all of them.
            #[allow(dead_code, reason = "not every text has a default")]
            pub(super) fn constant(text: &'static str) -> Self {
                Self(text.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "pattern": $pattern, "maxLength": $max})
            }
        }
    };
}

text! {
    /// A DNS label (RFC 1123): the name of a namespace or a Service.
    /// <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names>
    DnsLabel, pattern: r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max: 63,
    check: |text| if is_dns_label(text) { Ok(()) } else {
        Err(invalid("name", text, "lower-case letters, digits and `-`, with a letter or digit at both ends"))
    }
}

text! {
    /// A DNS subdomain (RFC 1123): parts with dots between.
    /// <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names>
    DnsSubdomain, pattern: r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", max: 253,
    check: |text| if is_dns_subdomain(text) { Ok(()) } else {
        Err(invalid("name", text, "lower-case letters, digits, `-` and `.`, with a letter or digit at both ends of each part"))
    }
}

text! {
    /// An API group and version; a version alone for the core group.
    GroupVersion, pattern: r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max: 317,
    check: |text| if is_api_version(text) { Ok(()) } else {
        Err(invalid("API version", text, "a group and a version, such as `apps/v1`"))
    }
}

text! {
    /// The name of a kind.
    KindName, pattern: r"^[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?$", max: 63,
    check: |text| if is_kind(text) { Ok(()) } else {
        Err(invalid("kind", text, "letters, digits and `-`, with a letter at the start, such as `StatefulSet`"))
    }
}

text! {
    /// The name of an environment variable that every shell can read.
    EnvName, pattern: r"^[A-Za-z_][A-Za-z0-9_]*$", max: 253,
    check: |text| {
        let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if first && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') { Ok(()) } else {
            Err(invalid("environment variable name", text, "letters, digits and `_`, without a digit at the start"))
        }
    }
}

text! {
    /// A path that starts at the root, without `..`.
    AbsolutePath, pattern: r"^/", max: 4096,
    check: |text| if text.starts_with('/') && !has_parent_segment(text) && !text.contains([':', '\0']) { Ok(()) } else {
        Err(invalid("absolute path", text, "a path that starts with `/`, without `..` and `:`"))
    }
}

text! {
    /// A file of this repository, from its root, without `..`.
    RelativePath, pattern: r"^[^/]", max: 4096,
    check: |text| if !text.is_empty() && !text.starts_with('/') && !has_parent_segment(text) && !text.contains(['\\', '\0']) { Ok(()) } else {
        Err(invalid("path", text, "a path from the repository's root, without `/` at the start and without `..`"))
    }
}

text! {
    /// A directory inside a volume, without `..`.
    /// <https://kubernetes.io/docs/concepts/storage/volumes/#using-subpath>
    SubPath, pattern: r"^[^/]", max: 4096,
    check: |text| if !text.is_empty() && !text.starts_with('/') && !has_parent_segment(text) && !text.contains('\0') { Ok(()) } else {
        Err(invalid("directory", text, "a path inside the volume, without `/` at the start and without `..`"))
    }
}

text! {
    /// An image's registry and repository, as the OCI distribution specification defines names.
    /// <https://github.com/distribution/reference/blob/main/reference.go>
    Repository, pattern: r"^[a-zA-Z0-9.:_/-]+$", max: 255, check: check_repository
}

text! {
    /// An image's tag.
    Tag, pattern: r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", max: 128,
    check: |text| {
        let first = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if first && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)) { Ok(()) } else {
            Err(invalid("tag", text, "letters, digits, `_`, `.` and `-`, without `.` or `-` at the start"))
        }
    }
}

text! {
    /// A manifest's digest.
    Digest, pattern: r"^sha256:[0-9a-f]{64}$", max: 71,
    check: |text| match text.strip_prefix("sha256:") {
        Some(hex) if hex.len() == 64 && hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')) => Ok(()),
        _ => Err(invalid("digest", text, "`sha256:` and 64 lower-case hexadecimal digits")),
    }
}

text! {
    /// A URL of http or https.
    HttpUrl, pattern: r"^https?://[^\s/]", max: 2048, check: check_http_url
}

text! {
    /// A schedule of five fields.
    CronSchedule, pattern: r"^(\S+\s+){4}\S+$", max: 128,
    check: |text| text.parse::<Schedule>().map(drop).map_err(|error| {
        format!("{error}: {}", error.hint())
    })
}

text! {
    /// A time zone's name in the tz database.
    TimeZoneName, pattern: r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$", max: 64,
    check: |text| schedule::zone(text).map(drop).map_err(|error| match error.hint() {
        Some(hint) => format!("{error}: {hint}"),
        None => error.to_string(),
    })
}

text! {
    /// An amount of storage: a Kubernetes quantity above zero.
    StorageQuantity, pattern: r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E)?$", max: 32,
    check: |text| match parse_bytes(text) {
        Ok(1..) => Ok(()),
        _ => Err(invalid("amount of storage", text, "a quantity such as `20Gi`")),
    }
}

text! {
    /// The URL of a Git repository, without credentials: https, ssh, or `user@host:path`.
    GitUrl, pattern: r"^((https?|ssh)://[^\s/]|[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:)", max: 2048, check: check_git_url
}

text! {
    /// A branch's name that `git check-ref-format --branch` accepts, in ASCII.
    BranchName, pattern: r"^[A-Za-z0-9_][A-Za-z0-9_./-]*$", max: 200,
    check: |text| {
        let is_whole = !text.starts_with('-') && !text.contains("..") && is_plain(text);
        if is_whole && text.split('/').all(is_branch_part) { Ok(()) } else {
            Err(invalid("branch", text, "letters, digits, `_`, `-`, and `.` and `/` between them"))
        }
    }
}

text! {
    /// A duration in Flux' format: whole hours, minutes and seconds.
    GoDuration, pattern: r"^([0-9]{1,6}(ms|s|m|h))+$", max: 32, check: check_duration
}

text! {
    /// An OCI artifact's repository in Flux' format, without a tag.
    OciUrl, pattern: r"^oci://", max: 260,
    check: |text| match text.strip_prefix("oci://") {
        Some(rest) => check_repository(rest),
        None => Err(invalid("artifact", text, "`oci://` and the registry's repository, without a tag")),
    }
}

text! {
    /// A workflow's action with its revision.
    ActionRef, pattern: r"^(https://)?[A-Za-z0-9_./-]+@[A-Za-z0-9_./-]+$", max: 300,
    check: |text| {
        let bare = text.strip_prefix("https://").unwrap_or(text);
        match bare.split_once('@') {
            Some((name, revision)) if is_plain(name) && name.contains('/') && is_plain(revision) && !has_parent_segment(name) => Ok(()),
            _ => Err(invalid("action", text, "`OWNER/REPOSITORY@COMMIT`")),
        }
    }
}

impl DnsLabel {
    /// The resource of a kind, as kubectl guesses it. A kind has the letters of a label.
    pub(super) fn resource_of(kind: &KindName) -> Self {
        DnsLabel(resource_of_kind(kind.as_str()))
    }
}

impl From<DnsLabel> for DnsSubdomain {
    fn from(label: DnsLabel) -> Self {
        DnsSubdomain(label.0)
    }
}

impl DnsSubdomain {
    /// The name `<label>-<suffix>`. A label has at most 63 characters, so it fits.
    pub(super) fn joined(label: &str, suffix: &str) -> Self {
        DnsSubdomain(format!("{label}-{suffix}"))
    }
}

fn invalid(what: &str, text: &str, expected: &str) -> String {
    format!("invalid {what} `{text}`: expected {expected}")
}

/// Returns true for a text of letters, digits, `_`, `.`, `/` and `-`.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c))
}

fn is_branch_part(part: &str) -> bool {
    !part.is_empty() && !part.starts_with('.') && !part.ends_with('.') && !part.ends_with(".lock")
}

fn has_parent_segment(path: &str) -> bool {
    path.split('/').any(|part| part == "..")
}

/// The grammar of `distribution/reference`: a host with an optional port where the first part looks
/// like one, then lower case parts.
fn check_repository(text: &str) -> Result<(), String> {
    match repository_problem(text) {
        Some(problem) => Err(format!("invalid repository `{text}`: {problem}")),
        None => Ok(()),
    }
}

fn repository_problem(text: &str) -> Option<&'static str> {
    if text.contains('@') {
        return Some("a digest belongs in `digest`");
    }
    let (host, path) = match text.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => {
            (Some(first), rest)
        }
        _ => (None, text),
    };
    if let Some(host) = host {
        let (name, port) = host.split_once(':').unwrap_or((host, "1"));
        if !is_host(name) || name.contains('_') || !matches!(port.parse::<u16>(), Ok(1..)) {
            return Some("expected a registry that is a host name with an optional port");
        }
    }
    if path.contains(':') {
        return Some("a tag belongs in `tag`");
    }
    let has_valid_parts = path.split('/').all(is_repository_part);
    (!has_valid_parts).then_some(
        "expected parts of lower-case letters, digits, `.`, `_` and `-`, with `/` between",
    )
}

fn is_repository_part(part: &str) -> bool {
    part.starts_with(is_lower_alphanumeric)
        && part.ends_with(is_lower_alphanumeric)
        && part.chars().all(|c| is_lower_alphanumeric(c) || matches!(c, '.' | '_' | '-'))
}

fn is_lower_alphanumeric(c: char) -> bool {
    matches!(c, 'a'..='z' | '0'..='9')
}

fn check_http_url(text: &str) -> Result<(), String> {
    match url::HttpUrl::parse(text) {
        Err(error) => Err(format!("invalid URL `{text}`: {error}")),
        Ok(url) if url.credentials.is_some() => {
            Err("invalid URL: expected no credentials".to_owned())
        }
        Ok(_) => Ok(()),
    }
}

/// Checks a Git URL. Credentials are refused, since every clone would contain them.
fn check_git_url(text: &str) -> Result<(), String> {
    let refuse = |problem: &str| Err(format!("invalid Git URL `{text}`: {problem}"));
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return refuse("expected no white space or control characters");
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        if !matches!(scheme, "https" | "http" | "ssh") {
            return refuse("expected `https://…`, `ssh://…` or `user@host:path`");
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        if user.contains(':') || (!user.is_empty() && scheme != "ssh") {
            return Err("invalid Git URL: expected no credentials".to_owned());
        }
        return if host.is_empty() || path.is_empty() {
            refuse("expected a host and a path")
        } else {
            Ok(())
        };
    }
    match text.split_once(':') {
        Some((host, path))
            if host
                .split_once('@')
                .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
                && !path.is_empty() =>
        {
            Ok(())
        }
        _ => refuse("expected `https://…`, `ssh://…` or `user@host:path`"),
    }
}

/// Checks a duration. Flux' CRDs accept `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`; here fractions and 0 are
/// refused.
/// Source: kustomize-controller, api/v1/kustomization_types.go.
fn check_duration(text: &str) -> Result<(), String> {
    if is_positive_duration(text) {
        return Ok(());
    }
    Err(invalid("duration", text, "hours, minutes and seconds such as `1h30m`"))
}

fn is_positive_duration(text: &str) -> bool {
    let mut rest = text;
    let mut is_positive = false;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let unit = ["ms", "s", "m", "h"].into_iter().find(|unit| after.starts_with(unit));
        let (Some(unit), 1..=6) = (unit, digits) else { return false };
        is_positive |= number.bytes().any(|byte| byte != b'0');
        rest = &after[unit.len()..];
    }
    is_positive
}

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Whole<const MIN: i64, const MAX: i64>(i64);

/// A TCP port.
pub type Port = Whole<1, 65_535>;

impl<const MIN: i64, const MAX: i64> Whole<MIN, MAX> {
    /// The number, brought into the range: for defaults.
    pub const fn new(number: i64) -> Self {
        Whole(if number < MIN {
            MIN
        } else if number > MAX {
            MAX
        } else {
            number
        })
    }

    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }

    /// The number as seconds.
    pub fn to_duration(self) -> Duration {
        Duration::from_secs(self.0.try_into().unwrap_or_default())
    }
}

impl<'de, const MIN: i64, const MAX: i64> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        if (MIN..=MAX).contains(&number) {
            Ok(Whole(number))
        } else {
            Err(D::Error::custom(format!("invalid number `{number}`: expected {MIN} to {MAX}")))
        }
    }
}

impl<const MIN: i64, const MAX: i64> JsonSchema for Whole<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Whole_{MIN}_{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": MIN, "maximum": MAX})
    }
}

/// A span of time in one unit: `26h`. Templates see it in the largest unit that divides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeSpan(u32);

impl TimeSpan {
    /// The longest: 31 days.
    const MAX: u32 = 31 * 24 * 3600;

    /// A span of whole hours.
    pub const fn from_hours(hours: u32) -> Self {
        TimeSpan(hours * 3600)
    }

    /// A span of whole minutes.
    pub const fn from_minutes(minutes: u32) -> Self {
        TimeSpan(minutes.saturating_mul(60))
    }

    /// The number of seconds.
    pub fn as_secs(self) -> u32 {
        self.0
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(24 * 3600, "d"), (3600, "h"), (60, "m")];
        let largest =
            units.into_iter().find(|(unit, _)| self.0 > 0 && self.0.is_multiple_of(*unit));
        let (unit, name) = largest.unwrap_or((1, "s"));
        write!(f, "{}{name}", self.0 / unit)
    }
}

impl Serialize for TimeSpan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let seconds = parse_span(&text).and_then(|span| u32::try_from(span.as_secs()).ok());
        seconds.filter(|seconds| *seconds <= Self::MAX).map(TimeSpan).ok_or_else(|| {
            D::Error::custom(format!(
                "invalid span of time `{text}`: expected at most 31 days, such as `26h`, `90m` or `7d`"
            ))
        })
    }
}

/// Parses a span of time in one unit: seconds, minutes, hours, days or weeks, such as `26h` or `2w`.
pub fn parse_span(text: &str) -> Option<SignedDuration> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        "w" => 7 * 24 * 3600,
        _ => return None,
    };
    Some(SignedDuration::from_secs(i64::from(number.parse::<u32>().ok()?) * seconds))
}

impl JsonSchema for TimeSpan {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TimeSpan".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[0-9]+[smhdw]$"})
    }
}

/// An amount of memory: a Kubernetes quantity such as `6Gi`, or bytes. Templates see a quantity in the
/// largest unit that divides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(u64);

impl Bytes {
    /// An amount of bytes.
    pub const fn new(bytes: u64) -> Self {
        Bytes(bytes)
    }

    /// The number of bytes.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_bytes(self.0))
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format_bytes(self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BytesVisitor)
    }
}

struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity such as `6Gi`, or a whole number of bytes")
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Bytes, E> {
        u64::try_from(number)
            .map(Bytes)
            .map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Bytes, E> {
        Ok(Bytes(number))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Bytes, E> {
        parse_bytes(text)
            .map(Bytes)
            .map_err(|error| E::custom(format!("invalid amount of memory `{text}`: {error}")))
    }
}

impl JsonSchema for Bytes {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "pattern": r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E)?$",
            "minimum": 0
        })
    }
}
