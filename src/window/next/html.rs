//! A calendar as one HTML page without scripts, for light and dark, wide and narrow screens.
//!
//! The page is well-formed XML, too, so that any XML reader can check it.

use std::fmt::Write;

use yaml_spans::visible;

use super::chart::{Bar, Chart, ROW_MINUTES, Row};
use super::svg::title;
use super::{Calendar, Tenant};
use crate::report::markup::escape;

const STYLE: &str = include_str!("page.css");

/// Formats a calendar as an HTML page.
pub fn html(calendar: &Calendar) -> String {
    let title = title(calendar);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n\
         <p class=\"legend\"><span class=\"key window\"></span> window <span class=\"key shared\"></span> shared GPU \
         <span class=\"key clock\"></span> skipped or doubled hour <span class=\"key guard\"></span> runs of the guard</p>\n"
    );
    for (index, tenant) in calendar.tenants.iter().enumerate() {
        write_tenant(&mut out, calendar, index, tenant);
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn write_tenant(out: &mut String, calendar: &Calendar, index: usize, tenant: &Tenant) {
    let Some(chart) = Chart::new(calendar, index) else { return };
    let _ = writeln!(
        out,
        "<h2>{}</h2>\n<p class=\"soft\">{}, {}</p>",
        escape_text(&tenant.stack),
        escape_text(&tenant.target.to_string()),
        escape_text(&tenant.zone_name)
    );
    for remark in &tenant.remarks {
        let _ = writeln!(out, "<p class=\"fault\">{}</p>", note_html(remark));
    }
    for (other, count, first) in calendar.overlaps_of(index) {
        let overlap = tenant.describe_overlap(other, count, first);
        let _ = writeln!(out, "<p class=\"fault\">{}</p>", escape_text(&overlap));
    }
    if chart.rows.is_empty() {
        return;
    }
    out.push_str("<div class=\"night hours\"><div class=\"date\"></div><div class=\"bar\">");
    for (minutes, hour) in chart.hours() {
        let _ = write!(out, "<span style=\"left:{}%\">{hour}</span>", percent_of_width(minutes));
    }
    out.push_str("</div></div>\n");
    for row in &chart.rows {
        write_row(out, row);
    }
    write_runs(out, tenant);
}

fn write_row(out: &mut String, row: &Row) {
    let class = if row.faults.is_empty() { "date" } else { "date fault" };
    let _ = write!(
        out,
        "<div class=\"night\"><div class=\"{class}\">{}</div><div class=\"bar\">",
        escape_text(&row.label)
    );
    for (class, bars) in [("window", &row.windows), ("shared", &row.shared), ("clock", &row.clock)]
    {
        bars.iter().for_each(|bar| write_bar(out, class, *bar));
    }
    for tick in &row.guard {
        let _ = write!(out, "<i style=\"left:{}%\"></i>", percent_of_width(*tick));
    }
    out.push_str("</div>");
    for fault in &row.faults {
        let _ = write!(out, "<div class=\"note fault\">{}</div>", note_html(fault));
    }
    for change in &row.notes {
        let _ = write!(out, "<div class=\"note\">{}</div>", note_html(change));
    }
    out.push_str("</div>\n");
}

fn write_bar(out: &mut String, class: &str, bar: Bar) {
    let width = percent_of_width((bar.end - bar.start).max(1));
    let _ = write!(
        out,
        "<div class=\"{class}\" style=\"left:{}%;width:{width}%\"></div>",
        percent_of_width(bar.start)
    );
}

/// Every run, if they were collected.
fn write_runs(out: &mut String, tenant: &Tenant) {
    if tenant.runs.is_empty() {
        return;
    }
    out.push_str("<table>\n<tr><th>run</th><th>time</th></tr>\n");
    for run in &tenant.runs {
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td></tr>",
            run.action,
            escape_text(&tenant.format(run.time))
        );
    }
    out.push_str("</table>\n");
}

fn escape_text(text: &str) -> String {
    escape(&visible(text))
}

/// A note, in which text between backticks is code.
fn note_html(note: &str) -> String {
    note.split('`')
        .enumerate()
        .map(|(index, piece)| match index % 2 {
            0 => escape_text(piece),
            _ => format!("<code>{}</code>", escape_text(piece)),
        })
        .collect()
}

/// A number of minutes as a share of a row, to a hundredth of a percent.
fn percent_of_width(minutes: i64) -> f64 {
    (10_000 * minutes / ROW_MINUTES) as f64 / 100.0
}
