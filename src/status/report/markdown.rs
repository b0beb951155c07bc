//! Markdown, for an issue or a chat.

use std::fmt::Write;

use super::lines::{
    decision_lines, drift_lines, failure_lines, guard_runs, next_text, served, target_line,
    window_title,
};
use crate::status::Status;
use yaml_spans::visible_line;

/// Formats a status as Markdown.
pub fn markdown(status: &Status) -> String {
    let mut out = String::new();
    for window in &status.windows {
        let when = window_title(window, &status.zone);
        let _ = writeln!(out, "### {}: {when}\n", escape(&status.stack));
        out.push_str("| time | action | decision | reason | |\n|---|---|---|---|---|\n");
        for line in decision_lines(window, &status.zone) {
            let count = if line.count > 1 { format!("×{} ", line.count) } else { String::new() };
            let cells = [&line.decision, &line.reason, &line.facts].map(|cell| escape(cell));
            let [decision, reason, facts] = cells;
            let _ = writeln!(
                out,
                "| {} | {} | {decision} | {reason} | {count}{facts} |",
                line.time, line.action
            );
        }
        let _ = writeln!(out, "\n{}, {}\n", guard_runs(window), served(window));
        for failure in failure_lines(window, &status.zone) {
            let _ = writeln!(out, "- **failed**: {}", escape(&failure));
        }
    }
    if let Some(target) = target_line(status) {
        let _ = writeln!(out, "\n{}", escape(&target));
    }
    let _ = writeln!(out, "\n{}", escape(&next_text(status)));
    for (title, lines) in [
        ("look at", &status.attention),
        ("differs from what is rendered", &drift_lines(status)),
        ("not seen", &status.unseen),
    ] {
        for text in lines {
            let _ = writeln!(out, "- **{title}**: {}", escape(text));
        }
    }
    out
}

/// Returns a text that stays one cell of a table and makes nothing of its own.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in visible_line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '!' | '@' | '#' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}
