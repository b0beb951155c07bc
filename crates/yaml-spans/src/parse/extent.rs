//! Which bytes of the text a thing was written in, where the parser beneath gives others.

use std::ops::Range;

use granit_parser::{ScalarStyle, ScanError};

use super::error::ParseError;

/// The bytes of a scalar: of a block scalar, from its `|` or `>` to its last text. `last_end` is
/// where the token before ends.
pub(super) fn of_scalar(
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

/// Where a block list starts: the parser beneath gives the place after the first dash for one that
/// is no deeper than its key.
pub(super) fn dash(text: &str, last_end: usize, start: usize) -> usize {
    if text.as_bytes().get(start) == Some(&b'-') {
        return start;
    }
    let between = text.get(last_end..start).unwrap_or("");
    find_outside_comments(between, |c| c == '-').map_or(start, |at| last_end + at)
}

/// Whether a block scalar's last line ends with the text and not with a line end: YAML 1.2 adds one
/// there, libyaml does not. After `|-` it makes no difference.
pub(super) fn is_cut_short(text: &str, written: &str, style: ScalarStyle, end: usize) -> bool {
    let header = || written.chars().skip(1).take_while(|c| matches!(c, '+' | '-' | '0'..='9'));
    is_block(style)
        && !text.ends_with('\n')
        && text.get(end..).is_some_and(|rest| rest.trim().is_empty())
        && !header().any(|c| c == '-')
}

/// An error of the parser beneath in our words, and its bytes.
pub(super) fn of_syntax(error: &ScanError, text: &str) -> (ParseError, Range<usize>) {
    let mut start = error.marker().byte_offset().unwrap_or(0).min(text.len());
    let error = ParseError::from_scan(error);
    if error == ParseError::Tab {
        // The parser is past it by then.
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

/// Where an indicator stands first in what comes between two tokens.
fn find_outside_comments(between: &str, is: impl Fn(char) -> bool) -> Option<usize> {
    let mut comment = false;
    let mut space = true;
    for (at, char) in between.char_indices() {
        match char {
            '\n' => comment = false,
            '#' if space => comment = true,
            _ if !comment && is(char) => return Some(at),
            _ => {}
        }
        space = char.is_whitespace();
    }
    None
}
