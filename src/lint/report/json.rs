//! The JSON report, which `docs/lint.md` describes.

use serde::Serialize;

use crate::lint::{Finding, Report};
use crate::model::Severity;
use crate::report::json::{ObjectReference, to_text};

/// The version of the format; raised when a key is removed or changes its meaning.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct JsonReport<'a> {
    version: u32,
    counts: Counts,
    findings: Vec<JsonFinding<'a>>,
    allowed: Vec<Allowed<'a>>,
}

#[derive(Serialize)]
struct Counts {
    stacks: usize,
    critical: usize,
    warning: usize,
    info: usize,
    allowed: usize,
}

#[derive(Serialize)]
struct JsonFinding<'a> {
    rule: &'a str,
    severity: &'a str,
    summary: &'a str,
    text: String,
    place: Option<JsonPlace<'a>>,
    path: Option<&'a str>,
    object: Option<ObjectReference<'a>>,
    rationale: &'a str,
    fix: &'a str,
    source: &'a str,
}

#[derive(Serialize)]
struct JsonPlace<'a> {
    file: &'a str,
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct Allowed<'a> {
    #[serde(flatten)]
    finding: JsonFinding<'a>,
    reason: &'a str,
}

/// The report as one JSON object.
pub fn json(report: &Report) -> String {
    let json_report = JsonReport {
        version: VERSION,
        counts: Counts {
            stacks: report.stacks,
            critical: report.count(Severity::Critical),
            warning: report.count(Severity::Warning),
            info: report.count(Severity::Info),
            allowed: report.allowed.len(),
        },
        findings: report.findings.iter().map(json_finding).collect(),
        allowed: report
            .allowed
            .iter()
            .map(|allowed| Allowed {
                finding: json_finding(&allowed.finding),
                reason: &allowed.reason,
            })
            .collect(),
    };
    to_text(&json_report)
}

fn json_finding(finding: &Finding) -> JsonFinding<'_> {
    JsonFinding {
        rule: finding.rule.id,
        severity: finding.rule.severity.name(),
        summary: finding.rule.summary,
        text: finding.message.to_string(),
        place: finding.place.as_ref().map(|place| JsonPlace {
            file: &place.name,
            line: place.line,
            column: place.column,
        }),
        path: finding.path.as_deref(),
        object: finding.object.as_ref().map(ObjectReference::from),
        rationale: finding.rule.rationale,
        fix: finding.rule.fix,
        source: finding.rule.source,
    }
}
