//! For a workflow's log: GitHub's commands, which it shows at the files of a pull request.
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use std::path::Path;

use super::shown::named;
use super::text::plain;
use crate::diff::{Consequence, Review};
use crate::model::Severity;

/// The headline, then a command for each consequence; the files lie under `root`.
pub fn github(review: &Review, root: &Path) -> String {
    let mut out = format!("{}\n", review.headline);
    for found in &review.consequences {
        out.push_str(&command(review, found, root));
    }
    for test in &review.backtests {
        let message = message(&format!("{}: {}", test.target, plain(&test.words)));
        out.push_str(&format!("::notice title=back-test::{message}\n"));
    }
    out
}

fn command(review: &Review, found: &Consequence, root: &Path) -> String {
    let level = match found.rule.severity {
        Severity::Critical => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    // Where the object is now; one that is gone has no file to be shown at.
    let file = found.objects.iter().find_map(|id| {
        let change = review.objects.iter().find(|change| change.id == *id)?;
        change.file_after.as_deref()
    });
    let file = file.map(|file| format!(",file={},line=1", property(&beneath(root, file))));
    let file = file.unwrap_or_default();
    let (names, more) = named(found);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let text = message(&format!("{}{more}: {}", names.join(", "), plain(&found.words)));
    format!("::{level} title={}{file}::{text}\n", property(found.rule.id))
}

/// A path below another, as a forge names it: without `./`.
pub(crate) fn beneath(root: &Path, file: &str) -> String {
    let path = root.join(file);
    path.strip_prefix(".").unwrap_or(&path).display().to_string()
}

/// What ends a message or starts an escape in it.
pub(crate) fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What ends a property besides.
pub(crate) fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}
