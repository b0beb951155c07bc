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

use crate::project::Project;
use crate::report::github::path_beneath;
use crate::report::{plain_text, visible};
use yaml_spans::source::Place;

use super::Finding;

/// One finding in one line: the object that is meant, and what is unwise there.
pub fn sentence(finding: &Finding) -> String {
    let words = plain_text(&finding.words);
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
    Some(path_beneath(if is_own { root } else { Path::new("") }, name))
}
