//! Lines, columns and comments around a byte of a text.

/// A file's byte order mark.
const BOM: char = '\u{feff}';

/// The first byte of a line.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// The byte of a line's end, or the text's end.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    if text[at..end].ends_with('\r') { end - 1 } else { end }
}

/// The line end at a byte; empty at the text's end.
pub(super) fn newline_at(text: &str, at: usize) -> &str {
    let rest = &text[at..];
    ["\r\n", "\n"].into_iter().find(|newline| rest.starts_with(newline)).unwrap_or("")
}

/// The line end for a new line after a byte: that of its line, else of the text's first line.
pub(super) fn newline_for(text: &str, at: usize) -> &str {
    [line_end(text, at), line_end(text, 0)]
        .into_iter()
        .map(|end| newline_at(text, end))
        .find(|newline| !newline.is_empty())
        .unwrap_or("\n")
}

/// The column of a byte, from 0, in characters.
pub(super) fn column(text: &str, at: usize) -> usize {
    text_before(text, at).chars().count()
}

/// The text before a byte on its line.
pub(super) fn text_before(text: &str, at: usize) -> &str {
    text[line_start(text, at)..at].trim_start_matches(BOM)
}

/// The number of spaces at the start of a line, given its first byte.
pub(super) fn indentation(text: &str, line_start: usize) -> usize {
    text[line_start..].bytes().take_while(|byte| *byte == b' ').count()
}

/// Returns true if the text is spaces and tabs.
pub(super) fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t'))
}

/// Returns true if at most blanks and a comment follow a token on its line.
pub(super) fn ends_line(text: &str, end: usize) -> bool {
    let line_end = line_end(text, end);
    is_blank(&text[end..line_end]) || after_comment(text, end) == line_end
}

/// The end of a token's line if only a comment follows the token there, else the token's end.
pub(super) fn after_comment(text: &str, end: usize) -> usize {
    let rest = &text[end..line_end(text, end)];
    let comment = rest.trim_start_matches([' ', '\t']);
    let blanks = rest.len() - comment.len();
    if blanks > 0 && comment.starts_with('#') { end + rest.len() } else { end }
}

/// Finds the first comma between two bytes of a flow list or map, outside comments.
pub(super) fn find_comma(text: &str, from: usize, to: usize) -> Option<usize> {
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

/// The end of the comment lines that belong to an entry: those directly below it, without a blank
/// line between, that are indented deeper than the entry's column.
pub(super) fn after_own_comments(text: &str, end: usize, column: usize) -> usize {
    let mut end = line_end(text, end);
    loop {
        let start = end + newline_at(text, end).len();
        let line = &text[start..line_end(text, start)];
        let is_comment = line.trim_start_matches(' ').starts_with('#');
        if start == end || !is_comment || indentation(text, start) <= column {
            return end;
        }
        end = line_end(text, start);
    }
}
