//! What all formats show alike: the lines of a change, names, and characters that are not shown as
//! they are.

use crate::diff::lines::{self, Line};
use crate::diff::{Change, Consequence, FieldChange};
use crate::report::visible;
use kube_validate::ObjectId;
use yaml_spans::{Node, emit};

/// The objects that one consequence names.
const NAMED: usize = 5;
/// The most lines of a changed value that stand before the consequences, and the most characters of
/// them, some lines of a phone's: more are folded.
const LONG: (usize, usize) = (4, 160);
/// The objects that two sides are compared as.
const ROOT: &str = "(whole)";

/// A line of a change: `-`, `+`, or a space for one that is in both.
pub(super) struct ShownLine {
    pub sign: char,
    pub text: String,
}

/// A change, line by line, as diffs have it.
pub(super) fn lines(change: &Change) -> Vec<ShownLine> {
    let all = |node: &Node, sign| -> Vec<ShownLine> {
        emit(node).lines().map(|line| line_of(sign, line)).collect()
    };
    match change {
        Change::Added(node) => all(node, '+'),
        Change::Removed(node) => all(node, '-'),
        Change::Changed(before, after) => match (before.as_str(), after.as_str()) {
            (Some(old), Some(new)) if old.contains('\n') || new.contains('\n') => {
                lines::compare(old, new)
                    .into_iter()
                    .map(|(line, text)| compared(line, text))
                    .collect()
            }
            _ => all(before, '-').into_iter().chain(all(after, '+')).collect(),
        },
        Change::Reordered(before, after) => {
            vec![line_of('-', &before.join(", ")), line_of('+', &after.join(", "))]
        }
    }
}

/// Whether so much of a change is shown that what follows would be out of sight.
pub(super) fn is_long(lines: &[ShownLine]) -> bool {
    let characters: usize = lines.iter().map(|line| line.text.chars().count()).sum();
    lines.len() > LONG.0 || characters > LONG.1
}

fn line_of(sign: char, text: &str) -> ShownLine {
    ShownLine { sign, text: visible(text).into_owned() }
}

fn compared(line: Line, text: &str) -> ShownLine {
    match line {
        Line::Same => line_of(' ', text),
        Line::Removed => line_of('-', text),
        Line::Added => line_of('+', text),
        Line::Left(1) => line_of(' ', "… 1 line"),
        Line::Left(lines) => line_of(' ', &format!("… {lines} lines")),
    }
}

/// Where a field is: its path, and what its list items are known by.
pub(super) fn place(field: &FieldChange) -> (String, String) {
    let path = match field.path.is_root() {
        true => ROOT.to_owned(),
        false => visible(&field.path.to_string()).into_owned(),
    };
    let mut names = visible(&field.names.join(" › ")).into_owned();
    if matches!(field.change, Change::Reordered(..)) {
        names = if names.is_empty() { "order".to_owned() } else { format!("{names}, order") };
    }
    (path, names)
}

/// The objects of a consequence: the first few, and how many more.
pub(super) fn named(found: &Consequence) -> (Vec<String>, usize) {
    let names = found.objects.iter().take(NAMED).map(name).collect();
    (names, found.objects.len().saturating_sub(NAMED))
}

/// An object's name.
pub(super) fn name(id: &ObjectId) -> String {
    visible(&id.to_string()).into_owned()
}

/// The most characters of one quoted thing in a sentence that must fit: enough for an image with its
/// digest.
const BRIEF: usize = 200;

/// A text made visible, and cut where it is so long that a sentence around it could be left out
/// for it.
pub(super) fn brief(text: &str) -> String {
    let cut = text.char_indices().nth(BRIEF);
    let short = cut.map_or(text, |(at, _)| &text[..at]);
    format!("{}{}", visible(short), if cut.is_some() { "…" } else { "" })
}
