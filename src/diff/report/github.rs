//! GitHub's workflow commands, one for each consequence.

use std::path::Path;

use super::shown::named;
use crate::diff::{Consequence, Review};
use crate::model::Severity;
use crate::report::github::{Location, command, path_beneath};
use crate::report::plain_text;

/// The headline, then a command for each consequence; the files lie under `root`.
pub fn github(review: &Review, root: &Path) -> String {
    let mut out = format!("{}\n", review.headline);
    for found in &review.consequences {
        out.push_str(&consequence(review, found, root));
    }
    for test in &review.backtests {
        let text = format!("{}: {}", test.target, plain_text(&test.words));
        out.push_str(&command(Severity::Info, "back-test", None, &text));
    }
    out
}

fn consequence(review: &Review, found: &Consequence, root: &Path) -> String {
    // Where the object is now; one that is gone has no file to be shown at.
    let file = found.objects.iter().find_map(|id| {
        let change = review.objects.iter().find(|change| change.id == *id)?;
        change.file_after.as_deref()
    });
    let location =
        file.map(|file| Location { file: path_beneath(root, file), line: 1, columns: None });
    let (names, more) = named(found);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let text = format!("{}{more}: {}", names.join(", "), plain_text(&found.words));
    command(found.rule.severity, found.rule.id, location.as_ref(), &text)
}
