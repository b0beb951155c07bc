//! For machines; `docs/lint.md` describes it.

use serde::Serialize;

use crate::lint::{Finding, Report};
use crate::model::Severity;
use crate::report::json::{ObjectReference, to_text};
use crate::report::plain_text;

/// The version of the form: raised when a field goes or changes its meaning.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Whole<'a> {
    version: u32,
    counts: Counts,
    findings: Vec<Found<'a>>,
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
struct Found<'a> {
    rule: &'a str,
    severity: &'a str,
    text: String,
    place: Option<At<'a>>,
    path: Option<&'a str>,
    object: Option<ObjectReference<'a>>,
    why: &'a str,
    mend: &'a str,
    source: &'a str,
}

#[derive(Serialize)]
struct At<'a> {
    file: &'a str,
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct Allowed<'a> {
    #[serde(flatten)]
    finding: Found<'a>,
    reason: &'a str,
}

/// One object.
pub fn json(report: &Report) -> String {
    let whole = Whole {
        version: VERSION,
        counts: Counts {
            stacks: report.stacks,
            critical: report.count(Severity::Critical),
            warning: report.count(Severity::Warning),
            info: report.count(Severity::Info),
            allowed: report.allowed.len(),
        },
        findings: report.findings.iter().map(found).collect(),
        allowed: report
            .allowed
            .iter()
            .map(|allowed| Allowed { finding: found(&allowed.finding), reason: &allowed.reason })
            .collect(),
    };
    to_text(&whole)
}

fn found(finding: &Finding) -> Found<'_> {
    Found {
        rule: finding.rule.id,
        severity: finding.rule.severity.name(),
        text: plain_text(&finding.words),
        place: finding.place.as_ref().map(|place| At {
            file: &place.name,
            line: place.line,
            column: place.column,
        }),
        path: finding.path.as_deref(),
        object: finding.object.as_ref().map(ObjectReference::from),
        why: finding.rule.why,
        mend: finding.rule.mend,
        source: finding.rule.source,
    }
}
