//! The bytes of scalars, lists and errors, where granit-parser reports other bytes.

use std::ops::Range;

use granit_parser::{ScalarStyle, ScanError};

use super::error::ParseError;

/// The bytes of a scalar; of a block scalar, from its `|` or `>` to the end of its text. `last_end`
/// is the end of the token before it.
pub(super) fn scalar_extent(
    text: &str,
    last_end: usize,
    bytes: Range<usize>,
    style: ScalarStyle,
) -> Range<usize> {
    if !is_block(style) {
        return bytes;
    }
    let between = text.get(last_end..bytes.start).unwrap_or("");
    let header = find_outside_comments(between, |c| matches!(c, '|' | '>'));
    let start = header.map_or(bytes.start, |at| last_end + at);
    let written = text.get(start..bytes.end).unwrap_or("").trim_end();
    start..start + written.len()
}

/// The first byte of a block list that is a key's value: its first dash. granit-parser reports the list's first item
/// if the dashes are not indented below the key.
pub(crate) fn list_start(text: &str, last_end: usize, start: usize) -> usize {
    let mut line_start = last_end;
    for line in text.get(last_end..start).unwrap_or("").split_inclusive('\n') {
        let content = line.trim_start();
        let after_dash = content.strip_prefix('-');
        if after_dash.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace)) {
            return line_start + line.len() - content.len();
        }
        line_start += line.len();
    }
    start
}

/// Returns true if a block scalar's last line has no line end because the text ends there: YAML 1.2
/// adds one, libyaml does not. After `|-` it makes no difference.
pub(super) fn is_cut_short(text: &str, written: &str, style: ScalarStyle, end: usize) -> bool {
    let mut header = written.chars().skip(1).take_while(|c| matches!(c, '+' | '-' | '0'..='9'));
    is_block(style)
        && !text.ends_with('\n')
        && text.get(end..).is_some_and(|rest| rest.trim().is_empty())
        && !header.any(|c| c == '-')
}

/// Converts an error of granit-parser; returns it with its bytes.
pub(super) fn convert_scan_error(error: &ScanError, text: &str) -> (ParseError, Range<usize>) {
    let mut start = error.marker().byte_offset().unwrap_or(0).min(text.len());
    let error = ParseError::from_scan_error(error);
    if error == ParseError::Tab {
        // The parser reports a byte after the tab.
        start = text.get(..=start).and_then(|text| text.rfind('\t')).unwrap_or(start);
    }
    let width = match text.get(start..).and_then(|rest| rest.chars().next()) {
        None | Some('\n' | '\r') => 0,
        Some(char) => char.len_utf8(),
    };
    (error, start..start + width)
}

fn is_block(style: ScalarStyle) -> bool {
    matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
}

/// Finds the first indicator in the text between two tokens.
fn find_outside_comments(between: &str, is_indicator: impl Fn(char) -> bool) -> Option<usize> {
    let mut in_comment = false;
    let mut after_space = true;
    for (at, char) in between.char_indices() {
        match char {
            '\n' => in_comment = false,
            '#' if after_space => in_comment = true,
            _ if !in_comment && is_indicator(char) => return Some(at),
            _ => {}
        }
        after_space = char.is_whitespace();
    }
    None
}
