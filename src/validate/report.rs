//! The findings as JSON, SARIF or workflow commands. A terminal's text is printed by the command line.

use serde::Serialize;
use serde_json::{Value as Json, json as tree};

use super::Report;
use crate::model::Severity;
use crate::report::ForgePaths;
use crate::report::github::{Location, command};
use crate::report::json::to_text;
use crate::report::sarif::{level, log, physical_location};
use yaml_spans::diagnostic::Diagnostic;

/// The version of the JSON format; raised when a key is removed or changes its meaning.
const VERSION: u32 = 1;

/// The only rule: the API server would refuse the object.
const RULE: &str = "kubernetes-api";
const SUMMARY: &str = "The API server would refuse the object";

#[derive(Serialize)]
struct JsonReport<'a> {
    version: u32,
    counts: Counts,
    findings: Vec<JsonFinding<'a>>,
    skipped: Vec<Skipped<'a>>,
}

#[derive(Serialize)]
struct Counts {
    checked: usize,
    skipped: usize,
    encrypted: usize,
    findings: usize,
}

#[derive(Serialize)]
struct JsonFinding<'a> {
    text: String,
    hint: Option<&'a str>,
    place: Option<JsonPlace<'a>>,
    path: Option<&'a str>,
}

#[derive(Serialize)]
struct JsonPlace<'a> {
    file: &'a str,
    line: u32,
    column: u32,
}

/// The objects of an unknown kind.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Skipped<'a> {
    api_version: &'a str,
    kind: &'a str,
    count: usize,
}

/// The report as one JSON object.
pub fn json(report: &Report) -> String {
    let findings = report.findings.iter().map(|finding| JsonFinding {
        text: finding.message.to_string(),
        hint: finding.label.as_deref(),
        place: finding.place.as_ref().map(|place| JsonPlace {
            file: &place.name,
            line: place.line,
            column: place.column,
        }),
        path: finding.path.as_deref(),
    });
    let skipped = report.unknown.iter().map(|((api_version, kind), &count)| Skipped {
        api_version,
        kind,
        count,
    });
    to_text(&JsonReport {
        version: VERSION,
        counts: Counts {
            checked: report.checked,
            skipped: report.skipped(),
            encrypted: report.encrypted,
            findings: report.findings.len(),
        },
        findings: findings.collect(),
        skipped: skipped.collect(),
    })
}

/// The message with its hint.
fn sentence(finding: &Diagnostic) -> String {
    match &finding.label {
        Some(label) => format!("{}: {label}", finding.message),
        None => finding.message.to_string(),
    }
}

/// The file of a finding; `None` for standard input, which is not one.
fn file_path(finding: &Diagnostic, paths: &ForgePaths) -> Option<String> {
    let name = &finding.place.as_ref()?.name;
    (!name.starts_with('(')).then(|| paths.of_argument(name))
}

/// A workflow command for each finding.
pub fn github(report: &Report, paths: &ForgePaths) -> String {
    let command_of = |finding: &Diagnostic| {
        let location = finding.place.as_ref().and_then(|place| {
            let end = place.column + place.width.max(1) as u32;
            let columns = Some((place.column, end));
            Some(Location { file: file_path(finding, paths)?, line: place.line, columns })
        });
        command(Severity::Critical, RULE, location.as_ref(), &sentence(finding))
    };
    report.findings.iter().map(command_of).collect()
}

/// One run with one rule.
pub fn sarif(report: &Report, paths: &ForgePaths) -> String {
    let rule = tree!({
        "id": RULE,
        "shortDescription": {"text": SUMMARY},
        "fullDescription": {"text": "The rules of Kubernetes' API server, checked offline"},
        "defaultConfiguration": {"level": level(Severity::Critical)},
    });
    let results = report.findings.iter().map(|finding| result(finding, paths));
    log(vec![rule], results.collect())
}

fn result(finding: &Diagnostic, paths: &ForgePaths) -> Json {
    let mut location = tree!({});
    if let (Some(place), Some(file)) = (&finding.place, file_path(finding, paths)) {
        location["physicalLocation"] = physical_location(&file, place);
    }
    if let Some(path) = &finding.path {
        location["logicalLocations"] = tree!([{"fullyQualifiedName": path}]);
    }
    tree!({
        "ruleId": RULE,
        "ruleIndex": 0,
        "level": level(Severity::Critical),
        "message": {"text": sentence(finding)},
        "locations": [location],
    })
}
