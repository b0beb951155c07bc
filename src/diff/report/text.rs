//! For a terminal.

use std::fmt::Write;

use super::shown::{lines, name, named, place};
use crate::diff::{Fate, ObjectChange, Review, ValuesChange};
use crate::report::{plain_text, visible};
use yaml_spans::Node;

/// The review as plain text: the headline, values, consequences, the back-test, the objects.
pub fn text(review: &Review) -> String {
    let mut out = format!("{}\n", review.headline);
    if !review.values.is_empty() {
        out.push_str("\nValues\n");
        review.values.iter().for_each(|change| values(&mut out, change));
    }
    if !review.consequences.is_empty() {
        out.push_str("\nConsequences\n");
    }
    for found in &review.consequences {
        let (names, more) = named(found);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(
            out,
            "  {}  {}{more}  [{}]",
            found.rule.severity.name(),
            names.join(", "),
            found.rule.id
        );
        let _ = writeln!(out, "      {}", plain_text(&found.words));
    }
    if !review.backtests.is_empty() {
        out.push_str("\nBack-test\n");
    }
    for test in &review.backtests {
        let _ = writeln!(out, "  {}", name(&test.target));
        let _ = writeln!(out, "      {}", plain_text(&test.words));
        let _ = writeln!(out, "      {}", test.assumed);
    }
    if !review.backtests.is_empty() {
        for remark in &review.remarks {
            let _ = writeln!(out, "  history: {}", visible(remark));
        }
    }
    if !review.objects.is_empty() {
        out.push_str("\nObjects\n");
        review.objects.iter().for_each(|change| object(&mut out, change));
    }
    out
}

fn values(out: &mut String, change: &ValuesChange) {
    let _ = writeln!(out, "  {}", visible(&change.file));
    for field in &change.fields {
        let (path, names) = place(field);
        let path = if names.is_empty() { path } else { format!("{path} ({names})") };
        match one_line(field.change.before(), field.change.after()) {
            Some(short) => {
                let _ = writeln!(out, "    {path}: {short}");
            }
            None => {
                let _ = writeln!(out, "    {path}");
                for line in lines(&field.change) {
                    let _ = writeln!(out, "      {} {}", line.sign, line.text);
                }
            }
        }
    }
}

/// `6Gi → 8Gi`, where both sides are short; none for a list, a map or a text of several lines.
pub(super) fn one_line(before: Option<&Node>, after: Option<&Node>) -> Option<String> {
    let side = |node: Option<&Node>| match node {
        None => Some("(unset)".to_owned()),
        Some(node) => {
            let text = yaml_spans::emit(node);
            let line = text.trim_end_matches('\n');
            let short = !line.contains('\n') && line.chars().count() <= 80;
            short.then(|| visible(line).into_owned())
        }
    };
    if before.is_none() && after.is_none() {
        return None;
    }
    Some(format!("{} → {}", side(before)?, side(after)?))
}

fn object(out: &mut String, change: &ObjectChange) {
    let file = match change.fate() {
        Fate::Removed => change.file_before.as_deref(),
        _ => change.file_after.as_deref(),
    };
    let file = visible(file.unwrap_or_default());
    let _ = writeln!(out, "  {} {}  ({file})", change.fate().sign(), name(&change.id));
    for field in &change.fields {
        let (path, names) = place(field);
        if !field.path.is_root() {
            let names = if names.is_empty() { names } else { format!("  ({names})") };
            let _ = writeln!(out, "      {path}{names}");
        }
        for line in lines(&field.change) {
            let _ = writeln!(out, "        {} {}", line.sign, line.text);
        }
    }
}
