//! Text for a terminal: one line a decision.

use std::fmt::Write;

use super::lines::{
    decision_lines, drift_lines, failure_lines, guard_runs, next_text, served, target_line,
    window_title,
};
use crate::status::{Status, WindowStatus};
use yaml_spans::visible_line;

/// Formats a status as text.
pub fn text(status: &Status) -> String {
    let mut out = String::new();
    let mut line = |text: &str| {
        let _ = writeln!(out, "{}", visible_line(text));
    };
    for window in &status.windows {
        write_window(status, window, &mut line);
        line("");
    }
    if let Some(target) = target_line(status) {
        line(&target);
    }
    line(&next_text(status));
    for (title, lines) in [
        ("look at", &status.attention),
        ("differs from what is rendered", &drift_lines(status)),
        ("not seen", &status.unseen),
    ] {
        for text in lines {
            line(&format!("{title}: {text}"));
        }
    }
    out
}

fn write_window(status: &Status, window: &WindowStatus, line: &mut impl FnMut(&str)) {
    let open = if window.is_open { ", open now" } else { "" };
    let when = window_title(window, &status.zone);
    line(&format!("{}: {when} {}{open}", status.stack, status.zone_name));
    let lines = decision_lines(window, &status.zone);
    let width = lines.iter().map(|line| line.time.chars().count()).max().unwrap_or(0);
    let reason = lines.iter().map(|line| line.reason.len()).max().unwrap_or(0);
    for decision in &lines {
        let count =
            if decision.count > 1 { format!("×{}  ", decision.count) } else { String::new() };
        let text = format!(
            "  {:width$}  {:5}  {:6}  {:reason$}  {count}{}",
            decision.time, decision.action, decision.decision, decision.reason, decision.facts
        );
        line(text.trim_end());
    }
    line(&format!("  {}, {}", guard_runs(window), served(window)));
    for failure in failure_lines(window, &status.zone) {
        line(&format!("  failed: {failure}"));
    }
}
