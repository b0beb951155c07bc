//! The bytes that are inserted or removed for a list's item or a map's entry.
//!
//! Removing an inserted item restores the same bytes. In a block, an item is inserted and removed
//! with the line end before it; in flow, with the comma between it and its neighbour.

use std::ops::Range;

use super::lines;
use super::outline::{Content, Item};

/// A replacement of bytes; an empty range inserts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Splice {
    pub range: Range<usize>,
    pub new: String,
}

impl Splice {
    pub fn insert(at: usize, new: impl Into<String>) -> Self {
        Splice { range: at..at, new: new.into() }
    }

    pub fn remove(range: Range<usize>) -> Self {
        Splice { range, new: String::new() }
    }
}

/// Applies splices, which are in order and do not overlap.
pub(super) fn apply_splices(text: &str, splices: &[Splice]) -> String {
    let mut out = String::with_capacity(text.len() + 128);
    let mut at = 0;
    for splice in splices {
        out.push_str(&text[at..splice.range.start]);
        out.push_str(&splice.new);
        at = splice.range.end;
    }
    out.push_str(&text[at..]);
    out
}

/// The bytes of each item or entry, and the column of a block's dashes or keys.
pub(super) struct Children {
    pub ranges: Vec<Range<usize>>,
    pub column: usize,
    pub is_flow: bool,
}

impl Children {
    pub fn of(text: &str, parent: &Item) -> Option<Children> {
        match &parent.content {
            Content::Sequence(list) => Some(Children {
                ranges: list.items.iter().map(Item::range).collect(),
                column: list.column,
                is_flow: list.is_flow,
            }),
            Content::Mapping(map) => {
                let first = map.entries.first().map_or(0, |(key, _)| key.start);
                let entries = map.entries.iter();
                Some(Children {
                    ranges: entries.map(|(key, value)| key.start..value.end.max(key.end)).collect(),
                    column: lines::column(text, first),
                    is_flow: map.is_flow,
                })
            }
            _ => None,
        }
    }
}

/// Inserts a new entry below an entry of a block and the comments that belong to it. `new` has no
/// indentation on its first line.
pub(super) fn insert_line(text: &str, end: usize, column: usize, new: &str) -> Option<Splice> {
    if !lines::ends_line(text, end) {
        return None;
    }
    let at = lines::after_own_comments(text, end, column);
    let newline = lines::newline_for(text, end);
    Some(Splice::insert(at, format!("{newline}{}{new}", " ".repeat(column))))
}

/// Removes an entry of a block: its lines, with the comment at its end and the line end before them.
/// The first entry of a text has no line end before it, so that the one after it is removed.
pub(super) fn remove_line(text: &str, children: &Children, index: usize) -> Option<Splice> {
    let range = children.ranges.get(index)?;
    if !lines::ends_line(text, range.end) {
        return None;
    }
    let start = entry_line_start(text, children, index)?;
    let end = lines::line_end(text, range.end);
    let before = &text[..start];
    Some(Splice::remove(match before.strip_suffix("\r\n").or(before.strip_suffix('\n')) {
        Some(above) => above.len()..end,
        None => start..end + lines::newline_at(text, end).len(),
    }))
}

/// The first byte of the line that an entry of a block starts on: the line with its key or dash. A
/// dash can be on a line above its item. None if the entry does not start a line.
fn entry_line_start(text: &str, children: &Children, index: usize) -> Option<usize> {
    let lower_bound = match index.checked_sub(1) {
        Some(previous) => children.ranges.get(previous)?.end,
        None => 0,
    };
    let mut start = lines::line_start(text, children.ranges.get(index)?.start);
    while lines::indentation(text, start) != children.column {
        start = lines::line_start(text, start.checked_sub(1)?);
        if start < lower_bound {
            return None;
        }
    }
    Some(start)
}

/// Inserts items or entries at the end of a flow list or map, each on its own line if the last one
/// has its own line.
pub(super) fn insert_in_flow(
    text: &str,
    parent: &Item,
    children: &Children,
    new: &[String],
) -> Option<Vec<Splice>> {
    let inner = inside_brackets(text, parent)?;
    let Some(last) = children.ranges.last() else {
        let is_padded = inner.start < inner.end && lines::is_blank(&text[inner.clone()]);
        let pad = if is_padded { " " } else { "" };
        return Some(vec![Splice::insert(inner.start, format!("{pad}{}", new.join(", ")))]);
    };
    if !starts_line(text, &inner, last) {
        return Some(vec![Splice::insert(last.end, format!(", {}", new.join(", ")))]);
    }
    let newline = lines::newline_for(text, inner.start);
    let line_start = format!("{newline}{}", lines::text_before(text, last.start));
    let new_lines = format!("{line_start}{}", new.join(&format!(",{line_start}")));
    Some(match lines::find_comma(text, last.end, inner.end) {
        Some(comma) => vec![Splice::insert(lines::after_comment(text, comma + 1), new_lines + ",")],
        None => match lines::after_comment(text, last.end) {
            at if at == last.end => vec![Splice::insert(at, format!(",{new_lines}"))],
            at => vec![Splice::insert(last.end, ","), Splice::insert(at, new_lines)],
        },
    })
}

/// Removes an item or entry of a flow list or map.
pub(super) fn remove_from_flow(
    text: &str,
    parent: &Item,
    children: &Children,
    index: usize,
) -> Option<Vec<Splice>> {
    let inner = inside_brackets(text, parent)?;
    let item = children.ranges.get(index)?.clone();
    let has_own_line = starts_line(text, &inner, &item);
    let end_of_line_above =
        text[..lines::line_start(text, item.start)].trim_end_matches(['\n', '\r']).len();
    if let Some(next) = children.ranges.get(index + 1) {
        let comma = lines::find_comma(text, item.end, next.start)?;
        let next_is_below = text[comma..next.start].contains('\n');
        return Some(vec![Splice::remove(match (has_own_line, next_is_below) {
            (true, true) => end_of_line_above..lines::after_comment(text, comma + 1),
            (false, true) => item.start..comma + 1,
            (_, false) => item.start..next.start,
        })]);
    }
    let trailing_comma = lines::find_comma(text, item.end, inner.end);
    let Some(previous) = index.checked_sub(1).and_then(|index| children.ranges.get(index)) else {
        return Some(vec![Splice::remove(
            inner.start..trailing_comma.map_or(item.end, |at| at + 1),
        )]);
    };
    if !has_own_line {
        return Some(vec![Splice::remove(previous.end..item.end)]);
    }
    Some(match trailing_comma {
        Some(comma) => {
            vec![Splice::remove(end_of_line_above..lines::after_comment(text, comma + 1))]
        }
        None => {
            let comma = lines::find_comma(text, previous.end, item.start)?;
            let line = end_of_line_above.max(comma + 1)..lines::after_comment(text, item.end);
            vec![Splice::remove(comma..comma + 1), Splice::remove(line)]
        }
    })
}

/// The bytes between the brackets; none for `[a: b]`, whose map has no brackets.
fn inside_brackets(text: &str, parent: &Item) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let opens = matches!(bytes.get(parent.start), Some(b'[' | b'{'));
    let closes = parent.end > parent.start && matches!(bytes[parent.end - 1], b']' | b'}');
    (opens && closes).then(|| parent.start + 1..parent.end - 1)
}

/// Returns true if the item is the first token on its line, and the bracket is on a line above.
fn starts_line(text: &str, inner: &Range<usize>, item: &Range<usize>) -> bool {
    let start = lines::line_start(text, item.start);
    start > inner.start && lines::is_blank(&text[start..item.start])
}
