//! HTML for a browser: one self-contained file without scripts, for light and dark, wide and narrow
//! screens.

use std::fmt::Write;

use super::shown::{
    FOLLOWS, NOT_JUDGED, ShownLine, change_lines, field_place, first_objects, is_checksum, is_long,
    not_judged_message, object_name,
};
use super::text::one_line;
use crate::diff::{Diff, Difference, FieldChange, ObjectChange};
use crate::model::{Message, Piece};
use crate::report::links::{self, DIFF_PAGE};
pub(super) use crate::report::markup::escape;
use crate::window::simulate;
use yaml_spans::visible;

const STYLE: &str = include_str!("style.css");

/// Formats a diff as an HTML page.
pub fn html(diff: &Diff) -> String {
    let headline = escape(&diff.headline);
    let pictures = match diff.backtests.is_empty() {
        true => String::new(),
        false => format!("{}{}", simulate::NIGHTS_STYLE, simulate::STYLE),
    };
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{headline}</title>\n<style>\n{STYLE}{pictures}</style>\n</head>\n<body>\n<main>\n<h1>{headline}</h1>\n"
    );
    write_values(&mut out, diff);
    write_consequences(&mut out, diff);
    write_not_judged(&mut out, diff);
    write_backtests(&mut out, diff);
    if !diff.objects.is_empty() {
        out.push_str("<h2>Objects</h2>\n");
        diff.objects.iter().for_each(|change| write_object(&mut out, change));
    }
    let _ = write!(out, "<footer>As of {}.</footer>\n</main>\n</body>\n</html>\n", diff.now);
    out
}

fn write_values(out: &mut String, diff: &Diff) {
    if diff.values.is_empty() {
        return;
    }
    out.push_str("<h2>Values</h2>\n");
    let mut shown = 0;
    for change in &diff.values {
        let _ = writeln!(out, "<h3><code>{}</code></h3>", escape(&visible(&change.file)));
        let (first, rest) =
            change.fields.split_at(change.fields.len().min(MAX_UNFOLDED_VALUES - shown));
        shown += first.len();
        write_fields(out, first);
        if !rest.is_empty() {
            let _ = write!(out, "<details>\n<summary>{} more</summary>\n", rest.len());
            write_fields(out, rest);
            out.push_str("</details>\n");
        }
    }
}

/// The most values that are shown unfolded before the consequences.
const MAX_UNFOLDED_VALUES: usize = 5;

fn write_fields(out: &mut String, fields: &[FieldChange]) {
    if fields.is_empty() {
        return;
    }
    out.push_str("<ul>\n");
    for field in fields {
        let (path, names) = field_place(field);
        let names = in_parentheses(&names);
        let _ = write!(out, "<li><code>{}</code>{names}", escape(&path));
        match one_line(&field.change) {
            Some(short) => {
                let _ = writeln!(out, ": <code>{}</code></li>", escape(&short));
            }
            None => {
                let _ = writeln!(out, "{}</li>", folded_lines(&field.change));
            }
        }
    }
    out.push_str("</ul>\n");
}

fn write_consequences(out: &mut String, diff: &Diff) {
    if diff.consequences.is_empty() {
        return;
    }
    out.push_str("<h2>Consequences</h2>\n<ul class=\"consequences\">\n");
    for consequence in &diff.consequences {
        let severity = consequence.rule.severity.name();
        let (names, more) = first_objects(consequence);
        let names: Vec<String> =
            names.iter().map(|name| format!("<code>{}</code>", escape(name))).collect();
        let _ = writeln!(
            out,
            "<li class=\"{severity}\"><p><strong>{severity}</strong> {}{more}</p>\n<p>{}</p>\n<p class=\"rule\">{} · {}</p></li>",
            names.join(", "),
            message_html(&consequence.message),
            link(consequence.rule.id, links::page_url(DIFF_PAGE).as_deref()),
            source_html(consequence.rule.source),
        );
    }
    out.push_str("</ul>\n");
}

/// Formats a rule's source, with its addresses as links.
fn source_html(source: &str) -> String {
    links::parts(source)
        .iter()
        .map(|part| match &part.url {
            Some(url) => link(part.text.trim_start_matches("https://"), Some(url)),
            None => own_words(part.text),
        })
        .collect()
}

/// Formats a link, whose address is this program's own.
fn link(text: &str, url: Option<&str>) -> String {
    match url {
        Some(url) => format!("<a href=\"{}\" rel=\"noreferrer\">{}</a>", escape(url), escape(text)),
        None => escape(text),
    }
}

fn write_not_judged(out: &mut String, diff: &Diff) {
    if diff.not_judged.is_empty() {
        return;
    }
    let _ = writeln!(out, "<h2>{NOT_JUDGED}</h2>\n<ul class=\"consequences\">");
    for one in &diff.not_judged {
        let _ = writeln!(
            out,
            "<li class=\"warning\"><p><code>{}</code></p>\n<p>{}</p></li>",
            escape(&object_name(&one.object)),
            message_html(&not_judged_message(one)),
        );
    }
    out.push_str("</ul>\n");
}

fn write_backtests(out: &mut String, diff: &Diff) {
    if diff.backtests.is_empty() {
        return;
    }
    out.push_str("<h2>Back-test</h2>\n<ul>\n");
    for test in &diff.backtests {
        let _ = writeln!(
            out,
            "<li><p><code>{}</code>: {}</p>\n<p class=\"rule\">{}</p></li>",
            escape(&object_name(&test.target)),
            message_html(&test.message),
            escape(&test.assumption),
        );
    }
    out.push_str("</ul>\n");
    for remark in &diff.remarks {
        let _ = writeln!(out, "<p class=\"rule\">History: {}</p>", escape(&visible(remark)));
    }
    for test in diff.backtests.iter().filter(|test| !test.nights.is_empty()) {
        let _ = writeln!(
            out,
            "<details>\n<summary>The nights of <code>{}</code> after the change</summary>\n{}</details>",
            escape(&object_name(&test.target)),
            test.nights
        );
    }
}

fn write_object(out: &mut String, change: &ObjectChange) {
    let file = change.file_after.as_deref().or(change.file_before.as_deref()).unwrap_or_default();
    let _ = write!(
        out,
        "<details>\n<summary><span class=\"kind\">{}</span> <code>{}</code></summary>\n<p class=\"rule\"><code>{}</code></p>\n",
        change.kind().name(),
        escape(&object_name(&change.id)),
        escape(&visible(file)),
    );
    for field in &change.fields {
        let (path, names) = field_place(field);
        if is_checksum(field) {
            let _ = writeln!(out, "<p class=\"rule\"><code>{}</code> {FOLLOWS}</p>", escape(&path));
            continue;
        }
        if !field.path.is_root() {
            let _ =
                writeln!(out, "<p><code>{}</code>{}</p>", escape(&path), in_parentheses(&names));
        }
        out.push_str(&listing(&field.change));
    }
    out.push_str("</details>\n");
}

/// The keys of list items, after a path.
fn in_parentheses(names: &str) -> String {
    if names.is_empty() { String::new() } else { format!(" ({})", escape(names)) }
}

/// The lines of a change, folded if they are long.
fn folded_lines(change: &Difference) -> String {
    let lines = change_lines(change);
    let listing = listing(change);
    match (is_long(&lines), lines.len()) {
        (false, _) => listing,
        (true, count) => {
            format!("\n<details>\n<summary>{count} lines</summary>\n{listing}</details>\n")
        }
    }
}

/// The lines of a change.
fn listing(change: &Difference) -> String {
    let lines: String = change_lines(change).iter().map(line_html).collect();
    format!("<pre>{lines}</pre>\n")
}

fn line_html(line: &ShownLine) -> String {
    let (tag, sign) = match line.sign {
        '-' => ("del", "-"),
        '+' => ("ins", "+"),
        _ => ("span", " "),
    };
    format!("<{tag}>{sign} {}</{tag}>", escape(&line.text))
}

fn message_html(message: &Message) -> String {
    message
        .pieces()
        .iter()
        .map(|piece| match piece {
            Piece::Plain(text) => own_words(text),
            Piece::Code(text) => format!("<code>{}</code>", escape(&visible(text))),
        })
        .collect()
}

/// Formats this program's own words, in which text between backticks is code.
fn own_words(text: &str) -> String {
    text.split('`')
        .enumerate()
        .map(|(index, text)| match index % 2 {
            0 => escape(text),
            _ => format!("<code>{}</code>", escape(text)),
        })
        .collect()
}
