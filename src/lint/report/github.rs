//! GitHub's workflow commands, one for each finding.

use std::path::Path;

use super::{file_path, sentence};
use crate::lint::{Finding, Report};
use crate::report::github::{self, Location};

/// A command for each finding; `root` is the project's.
pub fn github(report: &Report, root: &Path) -> String {
    report.findings.iter().map(|finding| command(finding, root)).collect()
}

fn command(finding: &Finding, root: &Path) -> String {
    let location = finding.place.as_ref().and_then(|place| {
        let end = place.column + place.width.max(1) as u32;
        let columns = Some((place.column, end));
        Some(Location { file: file_path(place, root)?, line: place.line, columns })
    });
    let text = format!("{} ({})", sentence(finding), finding.rule.fix);
    github::command(finding.rule.severity, finding.rule.id, location.as_ref(), &text)
}
