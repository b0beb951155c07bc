//! Plain text for a terminal.

use std::fmt::Write;

use super::shown::{
    FOLLOWS, NOT_JUDGED, change_lines, field_place, first_objects, is_checksum, not_judged_message,
    object_name,
};
use crate::diff::{ChangeKind, Diff, Difference, FieldChange, ObjectChange, ValuesChange};
use yaml_spans::{Node, visible, visible_line};

/// Formats the headline, values, consequences, what is not judged, back-tests and objects.
pub fn text(diff: &Diff) -> String {
    let mut out = format!("{}\n", diff.headline);
    if !diff.values.is_empty() {
        out.push_str("\nValues\n");
        diff.values.iter().for_each(|change| write_values(&mut out, change));
    }
    if !diff.consequences.is_empty() {
        out.push_str("\nConsequences\n");
    }
    for consequence in &diff.consequences {
        let (names, more) = first_objects(consequence);
        let (severity, id) = (consequence.rule.severity.name(), consequence.rule.id);
        let _ = writeln!(out, "  {severity}  {}{more}  [{id}]", names.join(", "));
        let _ = writeln!(out, "      {}", consequence.message);
    }
    if !diff.not_judged.is_empty() {
        let _ = writeln!(out, "\n{NOT_JUDGED}");
    }
    for one in &diff.not_judged {
        let message = not_judged_message(one).to_string();
        let _ = writeln!(out, "  {}\n      {message}", object_name(&one.object));
    }
    if !diff.backtests.is_empty() {
        out.push_str("\nBack-test\n");
        for test in &diff.backtests {
            let _ = writeln!(out, "  {}", object_name(&test.target));
            let _ = writeln!(out, "      {}", test.message);
            let _ = writeln!(out, "      {}", test.assumption);
        }
        for remark in &diff.remarks {
            let _ = writeln!(out, "  history: {}", visible(remark));
        }
    }
    if !diff.objects.is_empty() {
        out.push_str("\nObjects\n");
        diff.objects.iter().for_each(|change| write_object(&mut out, change));
    }
    out.lines().map(|line| format!("{}\n", visible_line(line))).collect()
}

fn write_values(out: &mut String, change: &ValuesChange) {
    let _ = writeln!(out, "  {}", visible(&change.file));
    for field in &change.fields {
        let (path, names) = field_place(field);
        let path = if names.is_empty() { path } else { format!("{path} ({names})") };
        match one_line(&field.change) {
            Some(short) => {
                let _ = writeln!(out, "    {path}: {short}");
            }
            None => {
                let _ = writeln!(out, "    {path}");
                write_lines(out, "      ", field);
            }
        }
    }
}

/// The longest value that is shown on one line with another, in characters.
const MAX_VALUE_CHARS: usize = 80;

/// Formats a change of short values as `6Gi → 8Gi`; `None` for lists, maps and long texts. Strings
/// are not quoted, unless only the quotes show the difference.
pub(super) fn one_line(change: &Difference) -> Option<String> {
    let (before, after) = (change.before(), change.after());
    if before.is_none() && after.is_none() {
        return None;
    }
    let (old, new) = (short_value(before)?, short_value(after)?);
    let plain_old = before.and_then(plain_string).unwrap_or_else(|| old.clone());
    let plain_new = after.and_then(plain_string).unwrap_or_else(|| new.clone());
    Some(match plain_old == plain_new {
        true => format!("{old} → {new}"),
        false => format!("{plain_old} → {plain_new}"),
    })
}

/// A string without quotes, unless it would be hard to see.
fn plain_string(node: &Node) -> Option<String> {
    let text = node.as_str().filter(|text| !text.is_empty() && text.trim() == *text)?;
    Some(visible(text).into_owned())
}

/// A value as YAML, if it is short and fits on one line.
fn short_value(node: Option<&Node>) -> Option<String> {
    let Some(node) = node else { return Some("(unset)".to_owned()) };
    let text = yaml_spans::emit(node);
    let line = text.trim_end_matches('\n');
    let is_short = !line.contains('\n') && line.chars().count() <= MAX_VALUE_CHARS;
    is_short.then(|| visible(line).into_owned())
}

fn write_object(out: &mut String, change: &ObjectChange) {
    let file = match change.kind() {
        ChangeKind::Removed => change.file_before.as_deref(),
        ChangeKind::Added | ChangeKind::Changed => change.file_after.as_deref(),
    };
    let file = visible(file.unwrap_or_default());
    let _ = writeln!(out, "  {} {}  ({file})", change.kind().sign(), object_name(&change.id));
    for field in &change.fields {
        let (path, names) = field_place(field);
        if is_checksum(field) {
            let _ = writeln!(out, "      {path}  ({FOLLOWS})");
            continue;
        }
        if !field.path.is_root() {
            let names = if names.is_empty() { names } else { format!("  ({names})") };
            let _ = writeln!(out, "      {path}{names}");
        }
        write_lines(out, "        ", field);
    }
}

fn write_lines(out: &mut String, indent: &str, field: &FieldChange) {
    for line in change_lines(&field.change) {
        let _ = writeln!(out, "{indent}{} {}", line.sign, line.text);
    }
}
