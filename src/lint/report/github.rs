//! For a workflow's log: GitHub's commands, which it shows at the lines of a pull request.
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use super::{file, level, sentence};
use crate::lint::{Finding, Report};
use crate::review::report::github::{message, property};

/// A command for each finding.
pub fn github(report: &Report) -> String {
    report.findings.iter().map(command).collect()
}

fn command(finding: &Finding) -> String {
    let level = level(finding.rule.severity, "notice");
    let place = finding.place.as_ref().and_then(|place| {
        let file = property(file(place)?);
        let end = place.column as usize + place.width.max(1);
        Some(format!(",file={file},line={},col={},endColumn={end}", place.line, place.column))
    });
    let text = format!("{} ({})", sentence(finding), finding.rule.mend);
    let title = property(finding.rule.id);
    format!("::{level} title={title}{}::{}\n", place.unwrap_or_default(), message(&text))
}
