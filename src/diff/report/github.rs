//! GitHub's workflow commands, one for each consequence and each object with changes that no rule
//! judges.

use std::path::Path;

use super::shown::{first_objects, not_judged_message, object_name};
use crate::diff::{Consequence, Diff};
use crate::model::Severity;
use crate::report::github::{Location, command};
use crate::report::path_beneath;

/// Formats the headline, then a command for each consequence; the files lie under `root`.
pub fn github(diff: &Diff, root: &Path) -> String {
    let mut out = format!("{}\n", diff.headline);
    for consequence in &diff.consequences {
        out.push_str(&consequence_command(diff, consequence, root));
    }
    for one in &diff.not_judged {
        let text = format!("{}: {}", object_name(&one.object), not_judged_message(one));
        let location = one.file.as_deref().map(|file| file_location(file, root));
        out.push_str(&command(Severity::Warning, "not-judged", location.as_ref(), &text));
    }
    for test in &diff.backtests {
        let text = format!("{}: {}", test.target, test.message);
        out.push_str(&command(Severity::Info, "back-test", None, &text));
    }
    out
}

fn consequence_command(diff: &Diff, consequence: &Consequence, root: &Path) -> String {
    // A removed object has no file to point at.
    let file = consequence.objects.iter().find_map(|id| {
        let change = diff.objects.iter().find(|change| change.id == *id)?;
        change.file_after.as_deref()
    });
    let location = file.map(|file| file_location(file, root));
    let (names, more) = first_objects(consequence);
    let text = format!("{}{more}: {}", names.join(", "), consequence.message);
    command(consequence.rule.severity, consequence.rule.id, location.as_ref(), &text)
}

/// The first line of an object's file.
fn file_location(file: &str, root: &Path) -> Location {
    Location { file: path_beneath(root, file), line: 1, columns: None }
}
