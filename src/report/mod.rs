//! Output shared by all reports: JSON, SARIF, GitHub's workflow commands, links and spans.

mod forge_paths;
pub(crate) mod github;
pub mod json;
pub(crate) mod links;
pub(crate) mod markup;
pub(crate) mod sarif;

use jiff::SignedDuration;

pub use forge_paths::ForgePaths;
pub(crate) use forge_paths::path_beneath;

/// A number with its noun: `1 night`, `3 nights`.
pub(crate) fn count_of(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// A span in hours and minutes: `14 h`, `1 h 30 min`.
pub(crate) fn format_span(span: SignedDuration) -> String {
    match (span.as_hours(), span.as_mins() % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
