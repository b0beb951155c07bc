//! For a workflow's log: GitHub's commands, which it shows at the lines of a pull request.
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use std::path::Path;

use super::{file, level, sentence};
use crate::diff::report::github::{message, property};
use crate::lint::{Finding, Report};

/// A command for each finding; `root` is the project's.
pub fn github(report: &Report, root: &Path) -> String {
    report.findings.iter().map(|finding| command(finding, root)).collect()
}

fn command(finding: &Finding, root: &Path) -> String {
    let level = level(finding.rule.severity, "notice");
    let place = finding.place.as_ref().and_then(|place| {
        let file = property(&file(place, root)?);
        let end = place.column as usize + place.width.max(1);
        Some(format!(",file={file},line={},col={},endColumn={end}", place.line, place.column))
    });
    let text = format!("{} ({})", sentence(finding), finding.rule.mend);
    let title = property(finding.rule.id);
    format!("::{level} title={title}{}::{}\n", place.unwrap_or_default(), message(&text))
}
