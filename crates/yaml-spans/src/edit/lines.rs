//! Lines, columns and comments around a byte of a text.

/// A file's byte order mark.
const BOM: char = '\u{feff}';

/// The first byte of the line.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Where the line ends: the byte of its line end, or the text's end.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    if text[at..end].ends_with('\r') { end - 1 } else { end }
}

/// The line end that stands at a byte; empty at the text's end.
pub(super) fn line_end_at(text: &str, at: usize) -> &str {
    let rest = &text[at..];
    ["\r\n", "\n"].into_iter().find(|end| rest.starts_with(end)).unwrap_or("")
}

/// The line end for a new line after a byte: that of its line, else of the text's first line.
pub(super) fn line_end_for(text: &str, at: usize) -> &str {
    let first = line_end(text, 0);
    [line_end(text, at), first]
        .into_iter()
        .map(|end| line_end_at(text, end))
        .find(|end| !end.is_empty())
        .unwrap_or("\n")
}

/// The column of a byte, from 0, in characters.
pub(super) fn column(text: &str, at: usize) -> usize {
    text[line_start(text, at)..at].trim_start_matches(BOM).chars().count()
}

/// What stands before a byte on its line.
pub(super) fn before(text: &str, at: usize) -> &str {
    text[line_start(text, at)..at].trim_start_matches(BOM)
}

/// Whether the text is spaces and tabs.
pub(super) fn is_blank(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' ' | b'\t'))
}

/// The end of a token's line if only a comment follows it there, else the token's own end.
pub(super) fn after_comment(text: &str, end: usize) -> usize {
    let rest = &text[end..line_end(text, end)];
    let comment = rest.trim_start_matches([' ', '\t']);
    let blanks = rest.len() - comment.len();
    if blanks > 0 && comment.starts_with('#') { end + rest.len() } else { end }
}

/// The first comma in a flow list or map from a byte on, comments left out.
pub(super) fn comma(text: &str, from: usize, to: usize) -> Option<usize> {
    let mut at = from;
    while at < to {
        match text.as_bytes()[at] {
            b',' => return Some(at),
            b'#' => at = line_end(text, at),
            _ => at += 1,
        }
    }
    None
}

/// The end of the last of the whole-line comments that follow a line without a blank line between,
/// and are indented deeper than a column: they belong to what stands above them.
pub(super) fn after_own_comments(text: &str, end: usize, column: usize) -> usize {
    let mut end = line_end(text, end);
    loop {
        let start = end + line_end_at(text, end).len();
        let next = &text[start..line_end(text, start)];
        let comment = next.trim_start_matches(' ');
        if start == end || !comment.starts_with('#') || next.len() - comment.len() <= column {
            return end;
        }
        end = start + next.trim_end().len();
        end = line_end(text, end);
    }
}
