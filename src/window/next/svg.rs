//! A calendar as one SVG: a row a night, without scripts and fonts, for light and dark.

use std::fmt::Write;

use yaml_spans::visible;

use super::Calendar;
use super::chart::{Bar, Chart, ROW_MINUTES, Row};
use crate::report::markup::escape;

const STYLE: &str = include_str!("chart.css");

/// The width of the picture, and the place of the rows in it.
const WIDTH: i64 = 500;
const LEFT: i64 = 108;
const RIGHT: i64 = 492;
/// The heights of a row, of a line of notes, and of the space before a chart.
const ROW: i64 = 14;
const ROW_GAP: i64 = 4;
const NOTE: i64 = 13;
const HEAD: i64 = 44;
/// The most characters of a line of notes.
const NOTE_CHARS: usize = 70;

/// Formats a calendar as SVG.
pub fn svg(calendar: &Calendar) -> String {
    let mut body = String::new();
    let mut y = 8;
    for index in 0..calendar.tenants.len() {
        write_chart(&mut body, calendar, index, &mut y);
    }
    write_legend(&mut body, &mut y);
    let title = title(calendar);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" role=\"img\" aria-label=\"{title}\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n\
         <defs>\n<pattern id=\"hatch\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
         <rect class=\"stripe\" width=\"2\" height=\"5\"/></pattern>\n</defs>\n\
         <rect class=\"page\" width=\"{WIDTH}\" height=\"{y}\"/>\n{body}</svg>\n"
    )
}

/// The title of a calendar: its stacks and its span.
pub(super) fn title(calendar: &Calendar) -> String {
    let stacks: Vec<&str> = calendar.tenants.iter().map(|tenant| &*tenant.stack).collect();
    let day = |instant: jiff::Timestamp| instant.strftime("%Y-%m-%d").to_string();
    let span = calendar.span;
    escape(&visible(&format!(
        "Windows of {}, {} to {}",
        stacks.join(", "),
        day(span.from),
        day(span.until)
    )))
}

fn write_chart(out: &mut String, calendar: &Calendar, index: usize, y: &mut i64) {
    let (Some(tenant), Some(chart)) = (calendar.tenants.get(index), Chart::new(calendar, index))
    else {
        return;
    };
    *y += 16;
    write_text(
        out,
        "name",
        8,
        *y,
        &format!("{}: {}, {}", tenant.stack, tenant.target, tenant.zone_name),
    );
    let overlaps = calendar.overlaps_of(index);
    let remarks = tenant.remarks.iter().cloned().chain(
        overlaps.iter().map(|(other, count, first)| tenant.describe_overlap(other, *count, first)),
    );
    for remark in remarks {
        write_notes(out, "fault", 8, y, &remark);
    }
    if chart.rows.is_empty() {
        *y += 8;
        return;
    }
    *y += HEAD - 28;
    let top = *y + 5;
    for (minutes, hour) in chart.hours() {
        let x = x_of_minute(minutes);
        let _ = writeln!(out, "<text class=\"hour\" x=\"{x}\" y=\"{y}\">{hour}</text>");
    }
    *y += 7;
    let mut rows = String::new();
    for row in &chart.rows {
        write_row(&mut rows, row, y);
    }
    for (minutes, _) in chart.hours() {
        let x = x_of_minute(minutes);
        let bottom = *y;
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{x}\" y1=\"{top}\" x2=\"{x}\" y2=\"{bottom}\"/>"
        );
    }
    out.push_str(&rows);
    *y += 10;
}

fn write_row(out: &mut String, row: &Row, y: &mut i64) {
    let top = *y;
    let class = if row.faults.is_empty() { "date" } else { "date fault" };
    write_text(out, class, 8, top + 11, &row.label);
    for bar in &row.windows {
        write_bar(out, "window", *bar, top, ROW);
    }
    for bar in &row.shared {
        write_bar(out, "shared", *bar, top, ROW);
    }
    if !row.guard.is_empty() {
        let ticks: String = row
            .guard
            .iter()
            .map(|tick| format!("M{} {}v4", x_of_minute(*tick), top + ROW - 4))
            .collect();
        let _ = writeln!(out, "<path class=\"tick\" d=\"{ticks}\"/>");
    }
    for bar in &row.clock {
        write_bar(out, "clock", *bar, top, ROW);
    }
    *y += ROW;
    for fault in &row.faults {
        write_notes(out, "fault", LEFT, y, fault);
    }
    for note in &row.notes {
        write_notes(out, "note", LEFT, y, note);
    }
    *y += ROW_GAP;
}

fn write_bar(out: &mut String, class: &str, bar: Bar, y: i64, height: i64) {
    let (start, end) = (x_of_minute(bar.start), x_of_minute(bar.end));
    let width = (end - start).max(1.0);
    let _ = writeln!(
        out,
        "<rect class=\"{class}\" x=\"{start}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
    );
}

/// A text in lines below each other. `y` is the last line's base before and after.
fn write_notes(out: &mut String, class: &str, x: i64, y: &mut i64, text: &str) {
    // There is no code in a picture.
    for line in wrap_words(&text.replace('`', "")) {
        *y += NOTE;
        write_text(out, class, x, *y - 2, &line);
    }
}

fn wrap_words(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= NOTE_CHARS => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn write_text(out: &mut String, class: &str, x: i64, y: i64, text: &str) {
    let text = escape(&visible(text));
    let _ = writeln!(out, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>");
}

fn write_legend(out: &mut String, y: &mut i64) {
    *y += 4;
    let top = *y;
    for (index, (class, text)) in
        [("window", "window"), ("shared", "shared GPU"), ("clock", "skipped or doubled hour")]
            .into_iter()
            .enumerate()
    {
        let x = 8 + 100 * index as i64;
        let _ = writeln!(
            out,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{top}\" width=\"20\" height=\"10\"/>"
        );
        write_text(out, "note", x + 25, top + 9, text);
    }
    let _ = writeln!(
        out,
        "<path class=\"tick\" d=\"M378 {}v4M382 {}v4M386 {}v4\"/>",
        top + 4,
        top + 4,
        top + 4
    );
    write_text(out, "note", 394, top + 9, "runs of the guard");
    *y += 20;
}

/// The place of a minute of a row, to a tenth.
fn x_of_minute(minutes: i64) -> f64 {
    let tenths = (RIGHT - LEFT) * 10 * minutes / ROW_MINUTES;
    LEFT as f64 + tenths as f64 / 10.0
}
