//! Where text goes in and what goes out, for items of lists and entries of maps.
//!
//! What is put in is chosen so that taking it out again gives the same bytes: a line with the line
//! end before it in a block, the comma that parts it from its neighbour in flow.

use std::ops::Range;

use super::lines;
use super::outline::{Content, Item};

/// Bytes that are replaced; an empty range inserts.
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

/// The text with all splices, which are in order and apart.
pub(super) fn apply(text: &str, splices: &[Splice]) -> String {
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
    pub flow: bool,
}

impl Children {
    pub fn of(text: &str, parent: &Item) -> Option<Children> {
        let (ranges, column, flow): (Vec<_>, _, _) = match &parent.content {
            Content::Sequence(list) => {
                (list.items.iter().map(Item::range).collect(), list.column, list.flow)
            }
            Content::Mapping(map) => {
                let range = |(key, value): &(Item, Item)| key.start..value.end.max(key.end);
                let first = map.entries.first().map_or(0, |(key, _)| key.start);
                (map.entries.iter().map(range).collect(), lines::column(text, first), map.flow)
            }
            _ => return None,
        };
        Some(Children { ranges, column, flow })
    }
}

/// A line (or lines) of its own below an entry of a block, below the comments that belong to it.
/// `new` begins at the entry's column.
pub(super) fn insert_line(text: &str, end: usize, column: usize, new: &str) -> Option<Splice> {
    if lines::after_comment(text, end) != lines::line_end(text, end)
        && !lines::is_blank(&text[end..lines::line_end(text, end)])
    {
        return None;
    }
    let at = lines::after_own_comments(text, end, column);
    let line_end = lines::line_end_for(text, end);
    Some(Splice::insert(at, format!("{line_end}{}{new}", " ".repeat(column))))
}

/// Takes a block's entry out: its lines, with the comment at its end, and the line end before them.
pub(super) fn remove_line(text: &str, children: &Children, index: usize) -> Option<Splice> {
    let range = children.ranges.get(index)?;
    let mut start = lines::line_start(text, range.start);
    // A dash may stand on a line above its item.
    while text[start..].chars().take_while(|c| *c == ' ').count() != children.column {
        let above = start.checked_sub(1).filter(|&above| index == 0 || above > 0)?;
        start = lines::line_start(text, above);
        if index > 0 && start < children.ranges[index - 1].end {
            return None;
        }
    }
    let end = lines::line_end(text, range.end);
    let rest = &text[range.end..end];
    if !lines::is_blank(rest) && lines::after_comment(text, range.end) != end {
        return None;
    }
    let before = &text[..start];
    Some(Splice::remove(match before.strip_suffix("\r\n").or(before.strip_suffix('\n')) {
        Some(above) => above.len()..end,
        None => start..end + lines::line_end_at(text, end).len(),
    }))
}

/// Puts items or entries at the end of a flow list or map: each in a line of its own if the last one
/// has one.
pub(super) fn insert_in_flow(
    text: &str,
    parent: &Item,
    children: &Children,
    new: &[String],
) -> Option<Vec<Splice>> {
    let inner = inner(text, parent)?;
    let Some(last) = children.ranges.last() else {
        let padded = inner.start < inner.end && lines::is_blank(&text[inner.clone()]);
        let pad = if padded { " " } else { "" };
        return Some(vec![Splice::insert(inner.start, format!("{pad}{}", new.join(", ")))]);
    };
    if !has_own_line(text, &inner, last) {
        return Some(vec![Splice::insert(last.end, format!(", {}", new.join(", ")))]);
    }
    let line_end = lines::line_end_for(text, inner.start);
    let start = format!("{line_end}{}", lines::before(text, last.start));
    let line = format!("{start}{}", new.join(&format!(",{start}")));
    Some(match lines::comma(text, last.end, inner.end) {
        Some(comma) => vec![Splice::insert(lines::after_comment(text, comma + 1), line + ",")],
        None => match lines::after_comment(text, last.end) {
            at if at == last.end => vec![Splice::insert(at, format!(",{line}"))],
            at => vec![Splice::insert(last.end, ","), Splice::insert(at, line)],
        },
    })
}

/// Takes an item or entry out of a flow list or map.
pub(super) fn remove_from_flow(
    text: &str,
    parent: &Item,
    children: &Children,
    index: usize,
) -> Option<Vec<Splice>> {
    let inner = inner(text, parent)?;
    let item = children.ranges.get(index)?.clone();
    let own_line = has_own_line(text, &inner, &item);
    // The end of the line above.
    let above = text[..lines::line_start(text, item.start)].trim_end_matches(['\n', '\r']).len();
    if let Some(next) = children.ranges.get(index + 1) {
        let comma = lines::comma(text, item.end, next.start)?;
        let apart = text[comma..next.start].contains('\n');
        return Some(vec![Splice::remove(match (own_line, apart) {
            (true, true) => above..lines::after_comment(text, comma + 1),
            (false, true) => item.start..comma + 1,
            (_, false) => item.start..next.start,
        })]);
    }
    let trailing = lines::comma(text, item.end, inner.end);
    let Some(previous) = index.checked_sub(1).and_then(|index| children.ranges.get(index)) else {
        return Some(vec![Splice::remove(inner.start..trailing.map_or(item.end, |at| at + 1))]);
    };
    if !own_line {
        return Some(vec![Splice::remove(previous.end..item.end)]);
    }
    Some(match trailing {
        Some(comma) => vec![Splice::remove(above..lines::after_comment(text, comma + 1))],
        None => {
            let comma = lines::comma(text, previous.end, item.start)?;
            let line = above.max(comma + 1)..lines::after_comment(text, item.end);
            vec![Splice::remove(comma..comma + 1), Splice::remove(line)]
        }
    })
}

/// What stands between the brackets; none for the map of one entry that a flow list may hold
/// without any.
fn inner(text: &str, parent: &Item) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let opens = matches!(bytes.get(parent.start), Some(b'[' | b'{'));
    let closes = parent.end > parent.start && matches!(bytes[parent.end - 1], b']' | b'}');
    (opens && closes).then(|| parent.start + 1..parent.end - 1)
}

/// Whether nothing stands before the item on its line, not even the bracket.
fn has_own_line(text: &str, inner: &Range<usize>, item: &Range<usize>) -> bool {
    let start = lines::line_start(text, item.start);
    start > inner.start && lines::is_blank(&text[start..item.start])
}
