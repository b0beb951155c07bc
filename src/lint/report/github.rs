//! GitHub's workflow commands, one for each finding.

use super::{file_path, sentence};
use crate::lint::{Finding, Report};
use crate::report::ForgePaths;
use crate::report::github::{self, Location};

/// A command for each finding; `paths` has the names of files.
pub fn github(report: &Report, paths: &ForgePaths) -> String {
    report.findings.iter().map(|finding| command(finding, paths)).collect()
}

fn command(finding: &Finding, paths: &ForgePaths) -> String {
    let location = finding.place.as_ref().and_then(|place| {
        let end = place.column + place.width.max(1) as u32;
        let columns = Some((place.column, end));
        Some(Location { file: file_path(place, paths)?, line: place.line, columns })
    });
    let text = format!("{} ({})", sentence(finding), finding.rule.fix);
    github::command(finding.rule.severity, finding.rule.id, location.as_ref(), &text)
}
