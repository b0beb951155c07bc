//! The parts that all formats share: the lines of a change, its place, and objects' names.

use crate::diff::lines::{self, Line};
use crate::diff::{Consequence, Difference, FieldChange, NotJudged};
use crate::model::Message;
use kube_validate::ObjectId;
use yaml_spans::visible;
use yaml_spans::{Node, Segment, emit};

/// The most objects that one consequence names.
const MAX_NAMES: usize = 5;
/// The most lines of a changed value that are shown unfolded before the consequences.
const MAX_UNFOLDED_LINES: usize = 4;
/// The most characters of a changed value that are shown unfolded: some lines of a phone.
const MAX_UNFOLDED_CHARS: usize = 160;
/// The path of a change of a whole object or file.
const ROOT: &str = "(whole)";

/// A line of a change: its sign is `-`, `+`, or a space for a line that both values have.
pub(super) struct ShownLine {
    pub sign: char,
    pub text: String,
}

/// Formats a change line by line.
pub(super) fn change_lines(change: &Difference) -> Vec<ShownLine> {
    match change {
        Difference::Added(node) => node_lines('+', node),
        Difference::Removed(node) => node_lines('-', node),
        Difference::Changed(before, after) => match (before.as_str(), after.as_str()) {
            (Some(old), Some(new)) if old.contains('\n') || new.contains('\n') => {
                lines::compare(old, new)
                    .into_iter()
                    .map(|(line, text)| compared_line(line, text))
                    .collect()
            }
            _ => node_lines('-', before).into_iter().chain(node_lines('+', after)).collect(),
        },
        Difference::Reordered(before, after) => {
            vec![new_line('-', &before.join(", ")), new_line('+', &after.join(", "))]
        }
    }
}

/// Returns true for a checksum of something that is reported by itself: a configuration's, in an
/// annotation of the Pods that read it.
pub(super) fn is_checksum(field: &FieldChange) -> bool {
    let Some(Segment::Key(key)) = field.path.segments().last() else { return false };
    let is_digest = |node: &Node| {
        node.as_str().is_some_and(|text| {
            text.len() >= MIN_DIGEST_CHARS && text.chars().all(|c| c.is_ascii_hexdigit())
        })
    };
    match &field.change {
        Difference::Changed(before, after) => {
            key.starts_with("checksum/") && is_digest(before) && is_digest(after)
        }
        _ => false,
    }
}

/// The fewest characters of a digest in hexadecimal.
const MIN_DIGEST_CHARS: usize = 32;

/// The note in place of a checksum's lines.
pub(super) const FOLLOWS: &str = "follows the configuration";

/// Returns true if a change is so long that it would push what follows off the screen.
pub(super) fn is_long(lines: &[ShownLine]) -> bool {
    let characters: usize = lines.iter().map(|line| line.text.chars().count()).sum();
    lines.len() > MAX_UNFOLDED_LINES || characters > MAX_UNFOLDED_CHARS
}

fn node_lines(sign: char, node: &Node) -> Vec<ShownLine> {
    emit(node).lines().map(|line| new_line(sign, line)).collect()
}

fn new_line(sign: char, text: &str) -> ShownLine {
    ShownLine { sign, text: visible(text).into_owned() }
}

fn compared_line(line: Line, text: &str) -> ShownLine {
    match line {
        Line::Same => new_line(' ', text),
        Line::Removed => new_line('-', text),
        Line::Added => new_line('+', text),
        Line::Omitted(1) => new_line(' ', "… 1 line"),
        Line::Omitted(lines) => new_line(' ', &format!("… {lines} lines")),
    }
}

/// Formats the place of a field: its path, and the keys of the list items along it.
pub(super) fn field_place(field: &FieldChange) -> (String, String) {
    let path = match field.path.is_root() {
        true => ROOT.to_owned(),
        false => visible(&field.path.to_string()).into_owned(),
    };
    let names = visible(&field.names.join(" › ")).into_owned();
    let names = match (&field.change, names.is_empty()) {
        (Difference::Reordered(..), true) => "order".to_owned(),
        (Difference::Reordered(..), false) => format!("{names}, order"),
        _ => names,
    };
    (path, names)
}

/// The subject of a consequence that is about no object.
const FILES: &str = "files";

/// Returns the names of a consequence's first objects, and ` and N more` if there are more.
pub(super) fn first_objects(consequence: &Consequence) -> (Vec<String>, String) {
    if consequence.objects.is_empty() {
        return (vec![FILES.to_owned()], String::new());
    }
    let names = consequence.objects.iter().take(MAX_NAMES).map(object_name).collect();
    let more = match consequence.objects.len().saturating_sub(MAX_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (names, more)
}

/// The most fields of one object that a report for people names as not judged.
const MAX_UNJUDGED: usize = 12;

/// The heading above the changes that no rule judges.
pub(super) const NOT_JUDGED: &str = "Not judged";

/// The message about an object's changes that no rule judges.
pub(super) fn not_judged_message(not_judged: &NotJudged) -> Message {
    Message::of("No rule knows the effect of ").codes(&not_judged.fields, MAX_UNJUDGED)
}

/// Formats an object's identity.
pub(super) fn object_name(id: &ObjectId) -> String {
    visible(&id.to_string()).into_owned()
}

/// The most characters of a quoted text in a message that must fit: enough for an image with its
/// digest.
const MAX_QUOTED_CHARS: usize = 200;

/// Writes out hidden characters and truncates a long text, so that its message is not omitted because
/// of it.
pub(super) fn truncate(text: &str) -> String {
    let end = text.char_indices().nth(MAX_QUOTED_CHARS);
    let short = end.map_or(text, |(at, _)| &text[..at]);
    format!("{}{}", visible(short), if end.is_some() { "…" } else { "" })
}
