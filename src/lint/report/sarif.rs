//! The findings as SARIF.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{file_path, sentence};
use crate::lint::{Finding, RULES, Report, Rule};
use crate::report::ForgePaths;
use crate::report::links;
use crate::report::sarif::{level, log, physical_location};
use oci_scratch::Digest;

/// One run with all rules. A finding that a comment allows is included as suppressed in the source.
/// `paths` has the names of files.
pub fn sarif(report: &Report, paths: &ForgePaths) -> String {
    let mut fingerprints = Fingerprints::default();
    let allowed = report.allowed.iter().map(|allowed| (&allowed.finding, Some(&*allowed.reason)));
    let findings = report.findings.iter().map(|finding| (finding, None)).chain(allowed);
    let results: Vec<Json> = findings
        .map(|(finding, reason)| {
            let mut result = result(finding, reason, paths);
            result["partialFingerprints"] = json!({FINGERPRINT: fingerprints.next(finding)});
            result
        })
        .collect();
    log(RULES.iter().map(|rule| descriptor(rule)).collect(), results)
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

fn result(finding: &Finding, reason: Option<&str>, paths: &ForgePaths) -> Json {
    let index = RULES.iter().position(|rule| rule.id == finding.rule.id);
    let mut result = json!({
        "ruleId": finding.rule.id,
        "ruleIndex": index,
        "level": level(finding.rule.severity),
        "message": {"text": format!("{}. {}", sentence(finding), finding.rule.fix)},
        "locations": [location(finding, paths)],
    });
    if let Some(reason) = reason {
        result["suppressions"] = json!([{"kind": "inSource", "justification": reason}]);
    }
    result
}

fn location(finding: &Finding, paths: &ForgePaths) -> Json {
    let mut location = json!({});
    if let Some((place, file)) =
        finding.place.as_ref().and_then(|place| Some((place, file_path(place, paths)?)))
    {
        location["physicalLocation"] = physical_location(&file, place);
    }
    let object = finding.object.as_ref().map(ToString::to_string);
    let name: Vec<&str> =
        [object.as_deref(), finding.path.as_deref()].into_iter().flatten().collect();
    if !name.is_empty() {
        location["logicalLocations"] = json!([{"fullyQualifiedName": name.join(" ")}]);
    }
    location
}
