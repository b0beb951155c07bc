//! Findings in the form that their reader takes: one file a format. What a terminal shows, `cli`
//! prints.
//!
//! In: a [`Report`](super::Report). Out: text. Whatever stands in a value or a name is shown and not
//! obeyed.

mod github;
mod json;
mod sarif;

pub use github::github;
pub use json::json;
pub use sarif::sarif;

use std::path::Path;

use crate::diff::report::github::beneath;
use crate::diff::report::shown::visible;
use crate::model::Severity;
use crate::project::Project;
use yaml_spans::source::Place;

use super::Finding;

/// One finding in one line: the object that is meant, and what is unwise there.
pub fn sentence(finding: &Finding) -> String {
    let words = crate::diff::report::text::plain(&finding.words);
    match &finding.object {
        Some(id) => format!("{}: {words}", visible(&id.to_string())),
        None => words,
    }
}

/// The file that a place is in, as whoever runs the command finds it: the project's own lie under its
/// root, others where they were named. A flag is no file, nor is a template that is built into the
/// program.
fn file(place: &Place, root: &Path) -> Option<String> {
    let name = place.name.strip_prefix("./").unwrap_or(&place.name);
    if name.starts_with("--") || name.ends_with(" (built in)") {
        return None;
    }
    let own = [Project::VALUES, Project::TEMPLATES, Project::POLICIES];
    let is_own = own.iter().any(|folder| Path::new(name).starts_with(folder));
    Some(beneath(if is_own { root } else { Path::new("") }, name))
}

/// The severity in the words of workflow commands and of SARIF: `error`, `warning`, and one of each
/// for what is only a note.
fn level(severity: Severity, note: &'static str) -> &'static str {
    match severity {
        Severity::Critical => "error",
        Severity::Warning => "warning",
        Severity::Info => note,
    }
}

/// JSON to read; no key of ours can fail to be written.
fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}
