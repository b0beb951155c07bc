//! The findings as SARIF.

use serde_json::{Value as Json, json};

use super::{file_path, sentence};
use crate::lint::{Finding, RULES, Report, Rule};
use crate::report::ForgePaths;
use crate::report::sarif::{level, log, physical_location};

/// One run with all rules. A finding that a comment allows is included as suppressed in the source.
/// `paths` has the names of files.
pub fn sarif(report: &Report, paths: &ForgePaths) -> String {
    let findings = report.findings.iter().map(|finding| result(finding, None, paths));
    let allowed =
        report.allowed.iter().map(|allowed| result(&allowed.finding, Some(&allowed.reason), paths));
    let rules = RULES.iter().map(|rule| descriptor(rule)).collect();
    log(rules, findings.chain(allowed).collect())
}

fn descriptor(rule: &Rule) -> Json {
    json!({
        "id": rule.id,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.rationale},
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
