//! For a browser: one file that needs no other, light and dark, wide and narrow, without scripts.

use std::fmt::Write;

use super::shown::{is_long, lines, name, named, place};
use super::text::one_line;
use crate::diff::{Change, FieldChange, ObjectChange, Review};
use crate::model::{Message, Piece};
use crate::report::visible;

const STYLE: &str = include_str!("style.css");

/// The review as an HTML page.
pub fn html(review: &Review) -> String {
    let headline = escape(&review.headline);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{headline}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{headline}</h1>\n"
    );
    values(&mut out, review);
    consequences(&mut out, review);
    backtests(&mut out, review);
    if !review.objects.is_empty() {
        out.push_str("<h2>Objects</h2>\n");
        review.objects.iter().for_each(|change| object(&mut out, change));
    }
    let _ = write!(out, "<footer>As of {}.</footer>\n</main>\n</body>\n</html>\n", review.now);
    out
}

fn values(out: &mut String, review: &Review) {
    if review.values.is_empty() {
        return;
    }
    out.push_str("<h2>Values</h2>\n");
    let mut shown = 0;
    for change in &review.values {
        let _ = writeln!(out, "<h3><code>{}</code></h3>", escape(&visible(&change.file)));
        let (first, rest) = change.fields.split_at(change.fields.len().min(SHOWN - shown));
        shown += first.len();
        list(out, first);
        if !rest.is_empty() {
            let _ = write!(out, "<details>\n<summary>{} more</summary>\n", rest.len());
            list(out, rest);
            out.push_str("</details>\n");
        }
    }
}

/// The values that stand before the consequences; more are folded.
const SHOWN: usize = 5;

fn list(out: &mut String, fields: &[FieldChange]) {
    if fields.is_empty() {
        return;
    }
    out.push_str("<ul>\n");
    for field in fields {
        let (path, names) = place(field);
        let names = aside(&names);
        let _ = write!(out, "<li><code>{}</code>{names}", escape(&path));
        match one_line(field.change.before(), field.change.after()) {
            Some(short) => {
                let _ = writeln!(out, ": <code>{}</code></li>", escape(&short));
            }
            None => {
                let _ = writeln!(out, "{}</li>", folded(&field.change));
            }
        }
    }
    out.push_str("</ul>\n");
}

fn consequences(out: &mut String, review: &Review) {
    if review.consequences.is_empty() {
        return;
    }
    out.push_str("<h2>Consequences</h2>\n<ul class=\"consequences\">\n");
    for found in &review.consequences {
        let severity = found.rule.severity.name();
        let (names, more) = named(found);
        let names: Vec<String> =
            names.iter().map(|name| format!("<code>{}</code>", escape(name))).collect();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(
            out,
            "<li class=\"{severity}\"><p><strong>{severity}</strong> {}{more}</p>\n<p>{}</p>\n<p class=\"rule\">{}: {}</p></li>",
            names.join(", "),
            sentence(&found.words),
            found.rule.id,
            plain(found.rule.what),
        );
    }
    out.push_str("</ul>\n");
}

fn backtests(out: &mut String, review: &Review) {
    if review.backtests.is_empty() {
        return;
    }
    out.push_str("<h2>Back-test</h2>\n<ul>\n");
    for test in &review.backtests {
        let _ = writeln!(
            out,
            "<li><p><code>{}</code>: {}</p>\n<p class=\"rule\">{}</p></li>",
            escape(&name(&test.target)),
            sentence(&test.words),
            escape(&test.assumed),
        );
    }
    out.push_str("</ul>\n");
    for remark in &review.remarks {
        let _ = writeln!(out, "<p class=\"rule\">History: {}</p>", escape(&visible(remark)));
    }
}

fn object(out: &mut String, change: &ObjectChange) {
    let file = change.file_after.as_deref().or(change.file_before.as_deref()).unwrap_or_default();
    let _ = write!(
        out,
        "<details>\n<summary><span class=\"fate\">{}</span> <code>{}</code></summary>\n<p class=\"rule\"><code>{}</code></p>\n",
        change.fate().name(),
        escape(&name(&change.id)),
        escape(&visible(file)),
    );
    for field in &change.fields {
        let (path, names) = place(field);
        if !field.path.is_root() {
            let _ = writeln!(out, "<p><code>{}</code>{}</p>", escape(&path), aside(&names));
        }
        out.push_str(&listing(&field.change));
    }
    out.push_str("</details>\n");
}

/// What list items are known by, after a path.
fn aside(names: &str) -> String {
    if names.is_empty() { String::new() } else { format!(" ({})", escape(names)) }
}

/// The lines of a change, folded if they are long.
fn folded(change: &Change) -> String {
    let lines = lines(change);
    let listing = listing(change);
    match (is_long(&lines), lines.len()) {
        (false, _) => listing,
        (true, count) => {
            format!("\n<details>\n<summary>{count} lines</summary>\n{listing}</details>\n")
        }
    }
}

/// The lines of a change.
fn listing(change: &Change) -> String {
    let line = |line: super::shown::ShownLine| {
        let (tag, sign) = match line.sign {
            '-' => ("del", "-"),
            '+' => ("ins", "+"),
            _ => ("span", " "),
        };
        format!("<{tag}>{sign} {}</{tag}>", escape(&line.text))
    };
    let lines: String = lines(change).into_iter().map(line).collect();
    format!("<pre>{lines}</pre>\n")
}

fn sentence(words: &Message) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Plain(text) => plain(text),
        Piece::Code(text) => format!("<code>{}</code>", escape(&visible(text))),
    };
    words.pieces().iter().map(piece).collect()
}

/// Our own words: what stands between backticks is code.
fn plain(text: &str) -> String {
    let piece = |(at, text): (usize, &str)| match at % 2 {
        0 => escape(text),
        _ => format!("<code>{}</code>", escape(text)),
    };
    text.split('`').enumerate().map(piece).collect()
}

/// A text as HTML's text or as an attribute's value.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
