//! SARIF 2.1.0, the input of code scanning.
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html>

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value as Json, json};

use super::{file_path, sentence};
use crate::lint::{Finding, RULES, Report, Rule};
use crate::model::Severity;
use crate::report::json::to_text;
use crate::report::links;
use oci_scratch::Digest;
use yaml_spans::source::Place;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// One run with all rules. A finding that a comment allows is included as suppressed in the source.
/// `root` is the project's.
pub fn sarif(report: &Report, root: &Path) -> String {
    let mut fingerprints = Fingerprints::default();
    let allowed = report.allowed.iter().map(|allowed| (&allowed.finding, Some(&*allowed.reason)));
    let findings = report.findings.iter().map(|finding| (finding, None)).chain(allowed);
    let results: Vec<Json> = findings
        .map(|(finding, reason)| {
            let mut result = result(finding, reason, root);
            result["partialFingerprints"] = json!({FINGERPRINT: fingerprints.next(finding)});
            result
        })
        .collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "tts-render",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": links::home(),
                "rules": RULES.iter().map(|rule| descriptor(rule)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    to_text(&log)
}

/// The fingerprint by which GitHub's code scanning recognizes a finding in a later run.
/// <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>
const FINGERPRINT: &str = "primaryLocationLineHash";

/// The fingerprints so far. One depends on the rule, the file and the value or field, and not on the
/// line, so that a finding that moves stays the same.
#[derive(Default)]
struct Fingerprints(BTreeMap<String, usize>);

impl Fingerprints {
    /// The fingerprint of the next finding: a hash, and the number of findings with that hash so far.
    fn next(&mut self, finding: &Finding) -> String {
        let file = finding.place.as_ref().map(|place| place.name.as_str());
        let object = finding.object.as_ref().map(ToString::to_string);
        // Without a path, the line itself tells it from others.
        let line = finding.place.as_ref().map(|place| place.excerpt.trim());
        let path = finding.path.as_deref().or(line);
        let parts = [Some(finding.rule.id), file, object.as_deref(), path];
        let text: Vec<&str> = parts.into_iter().map(Option::unwrap_or_default).collect();
        let hash =
            Digest::of(text.join("\0").as_bytes()).hex().chars().take(16).collect::<String>();
        let count = self.0.entry(hash.clone()).or_default();
        *count += 1;
        format!("{hash}:{count}")
    }
}

/// SARIF's words for severities (section 3.27.10).
fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn descriptor(rule: &Rule) -> Json {
    json!({
        "id": rule.id,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.rationale},
        "helpUri": links::rule_uri(rule.id, rule.source),
        "help": {"text": format!("{}\n\n{}\n\nSource: {}", rule.rationale, rule.fix, rule.source)},
        "defaultConfiguration": {"level": level(rule.severity)},
    })
}

fn result(finding: &Finding, reason: Option<&str>, root: &Path) -> Json {
    let index = RULES.iter().position(|rule| rule.id == finding.rule.id);
    let mut result = json!({
        "ruleId": finding.rule.id,
        "ruleIndex": index,
        "level": level(finding.rule.severity),
        "message": {"text": format!("{}. {}", sentence(finding), finding.rule.fix)},
        "locations": [location(finding, root)],
    });
    if let Some(reason) = reason {
        result["suppressions"] = json!([{"kind": "inSource", "justification": reason}]);
    }
    result
}

fn location(finding: &Finding, root: &Path) -> Json {
    let mut location = json!({});
    if let Some((place, file)) =
        finding.place.as_ref().and_then(|place| Some((place, file_path(place, root)?)))
    {
        location["physicalLocation"] = json!({
            "artifactLocation": {"uri": uri(&file)},
            "region": region(place),
        });
    }
    let object = finding.object.as_ref().map(ToString::to_string);
    let name: Vec<&str> =
        [object.as_deref(), finding.path.as_deref()].into_iter().flatten().collect();
    if !name.is_empty() {
        location["logicalLocations"] = json!([{"fullyQualifiedName": name.join(" ")}]);
    }
    location
}

fn region(place: &Place) -> Json {
    json!({
        "startLine": place.line,
        "startColumn": place.column,
        "endColumn": place.column as usize + place.width.max(1),
    })
}

/// A path as a relative URI: reserved characters are percent-encoded (RFC 3986).
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_path_is_a_relative_uri() {
        assert_eq!(super::uri("values/ä b.yaml"), "values/%C3%A4%20b.yaml");
    }
}
