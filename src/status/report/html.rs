//! HTML: one self-contained page without scripts, with a chart of each night.

use std::fmt::Write;

use super::lines::{
    decision_lines, drift_lines, failure_lines, guard_runs, next_text, served, target_line,
    window_title,
};
use crate::report::markup;
use crate::status::{Status, WindowStatus};
use yaml_spans::visible_line;

const STYLE: &str = include_str!("style.css");

/// The chart's size in its own units.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 160.0;

/// Formats statuses as an HTML page.
pub fn html(statuses: &[Status]) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>status</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    for status in statuses {
        let _ = writeln!(out, "<h1>{}</h1>", escape(&status.stack));
        for window in &status.windows {
            write_window(&mut out, status, window);
        }
        if let Some(target) = target_line(status) {
            let _ = writeln!(out, "<p>{}</p>", escape(&target));
        }
        let _ = writeln!(out, "<p>{}</p>", escape(&next_text(status)));
        for (title, lines) in [
            ("look at", &status.attention),
            ("differs from what is rendered", &drift_lines(status)),
            ("not seen", &status.unseen),
        ] {
            for text in lines {
                let _ = writeln!(out, "<p><strong>{title}:</strong> {}</p>", escape(text));
            }
        }
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn write_window(out: &mut String, status: &Status, window: &WindowStatus) {
    let when = window_title(window, &status.zone);
    let _ = writeln!(out, "<h2>{}</h2>", escape(&when));
    write_chart(out, window);
    out.push_str("<table>\n<tr><th>time<th>action<th>decision<th>reason<th></tr>\n");
    for line in decision_lines(window, &status.zone) {
        let count = if line.count > 1 { format!("×{} ", line.count) } else { String::new() };
        let cells = [&line.time, line.action, &line.decision, &line.reason, &(count + &line.facts)]
            .map(|cell| format!("<td>{}", escape(cell)));
        let _ = writeln!(out, "<tr>{}</tr>", cells.concat());
    }
    let _ = writeln!(out, "</table>\n<p>{}, {}</p>", guard_runs(window), served(window));
    for failure in failure_lines(window, &status.zone) {
        let _ = writeln!(out, "<p><strong>failed:</strong> {}</p>", escape(&failure));
    }
}

/// Draws the memory that others left free at each reading, the floor, and the decisions.
fn write_chart(out: &mut String, window: &WindowStatus) {
    let span = window.window.closes.duration_since(window.window.opens).as_secs_f64();
    let readings: Vec<(f64, f64, f64)> = window
        .decisions
        .iter()
        .filter_map(|record| {
            let report = record.report.as_ref()?;
            let at = record.time.duration_since(window.window.opens).as_secs_f64() / span;
            let free = report.free? as f64;
            (at <= 1.0).then_some((at * WIDTH, free.max(0.0), report.floor? as f64))
        })
        .collect();
    let most = readings.iter().map(|(_, free, floor)| free.max(*floor)).fold(1.0, f64::max) * 1.1;
    let y = |bytes: f64| HEIGHT - bytes / most * HEIGHT;
    let _ = writeln!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"free memory at each reading\">"
    );
    for (x, free, _) in &readings {
        let _ = writeln!(
            out,
            "<rect class=\"free\" x=\"{:.1}\" y=\"{:.1}\" width=\"6\" height=\"{:.1}\"/>",
            x - 3.0,
            y(*free),
            HEIGHT - y(*free)
        );
    }
    if let Some((_, _, floor)) = readings.first() {
        let at = y(*floor);
        let _ = writeln!(out, "<path class=\"floor\" d=\"M0 {at:.1}H{WIDTH}\"/>");
    }
    out.push_str("</svg>\n");
}

/// A text with hidden characters written out, as HTML.
fn escape(text: &str) -> String {
    markup::escape(&visible_line(text))
}
