//! GitHub's workflow commands, which it shows at the files of a pull request.
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use crate::model::Severity;
use yaml_spans::visible;

/// The lines of a file that a command points at.
pub(crate) struct Location {
    /// The file, relative to the repository.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// The first column, and the one after the last.
    pub columns: Option<(u32, u32)>,
}

/// One workflow command, with its line end. Nothing in the arguments can end it or start another; hidden
/// characters are written out, except for the line ends of the text.
pub(crate) fn command(
    severity: Severity,
    title: &str,
    location: Option<&Location>,
    text: &str,
) -> String {
    let mut properties = format!("title={}", escape_property(title));
    if let Some(Location { file, line, columns }) = location {
        properties.push_str(&format!(",file={},line={line}", escape_property(file)));
        if let Some((start, end)) = columns {
            properties.push_str(&format!(",col={start},endColumn={end}"));
        }
    }
    format!("::{} {properties}::{}\n", level(severity), escape_message(text))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    }
}

/// A command's message: line ends would end it, `%` would start an escape.
fn escape_message(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(visible).collect();
    lines.join("\n").replace('%', "%25").replace('\n', "%0A")
}

/// A command's property: `:` and `,` would end it, too.
fn escape_property(text: &str) -> String {
    visible(text).replace('%', "%25").replace(':', "%3A").replace(',', "%2C")
}
