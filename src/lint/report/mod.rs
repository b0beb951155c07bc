//! Findings as JSON, SARIF or workflow commands. A terminal's text is printed by the command line.
//!
//! In: a [`Report`](super::Report). Out: text in which nothing that comes from a value or a name can
//! be taken for markup or a command.

mod github;
mod json;
mod sarif;

pub use github::github;
pub use json::json;
pub use sarif::sarif;

use std::path::Path;

use crate::model::Message;
use crate::project::Project;
use crate::report::ForgePaths;
use yaml_spans::source::Place;
use yaml_spans::visible;

use super::Finding;

/// A finding in one line: the object, if it has one, and the message.
pub fn sentence(finding: &Finding) -> Message {
    let message = finding.message.clone();
    match &finding.object {
        Some(id) => Message::of(visible(&id.to_string())).and(": ").then(message),
        None => message,
    }
}

/// The file of a place, as a forge names it. `None` for a flag and for a template that is built into the
/// program.
fn file_path(place: &Place, paths: &ForgePaths) -> Option<String> {
    let name = place.name.strip_prefix("./").unwrap_or(&place.name);
    if name.starts_with("--") || name.ends_with(" (built in)") {
        return None;
    }
    let own = [Project::VALUES, Project::TEMPLATES, Project::POLICIES];
    let is_own = own.iter().any(|folder| Path::new(name).starts_with(folder));
    Some(if is_own { paths.of_project(name) } else { paths.of_argument(name) })
}
