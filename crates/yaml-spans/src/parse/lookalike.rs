//! Characters that look like YAML's own, as text copied from a web page or a word processor has them.

use std::ops::Range;

use super::error::ParseError;
use crate::truncate::truncate;

/// Typographic quotes, each with those that end what it begins.
const QUOTES: [(char, &[char]); 4] =
    [('“', &['”', '“']), ('„', &['“', '”']), ('”', &['”']), ('‘', &['’', '‘'])];

fn is_space(char: char) -> bool {
    matches!(char, '\u{a0}' | '\u{2000}'..='\u{200b}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// Returns the error of a plain scalar that begins or ends with such a character. Inside it, the character
/// is a part of an ordinary text.
pub(super) fn check_plain(text: &str) -> Result<(), ParseError> {
    let ends = [text.chars().next(), text.chars().next_back()];
    if let Some(space) = ends.into_iter().flatten().find(|char| is_space(*char)) {
        return Err(foreign_space(space));
    }
    let [Some(first), Some(last)] = ends else { return Ok(()) };
    let is_quoted = QUOTES.iter().any(|(open, close)| *open == first && close.contains(&last));
    if !is_quoted || text.chars().nth(1).is_none() {
        return Ok(());
    }
    let inner = truncate(text.trim_matches([first, last]));
    let message = format!("`{first}` and `{last}` don't quote a text: they are a part of it");
    let cure =
        format!("write `\"{inner}\"`; to keep them, quote the whole: `\"{first}{inner}{last}\"`");
    Err(ParseError::syntax(message, cure))
}

/// The first space of another kind in a line that can't be parsed.
pub(super) fn find_space(line: &str) -> Option<(ParseError, Range<usize>)> {
    let content = line.split(" #").next().unwrap_or(line);
    let (at, space) = content.char_indices().find(|(_, char)| is_space(*char))?;
    Some((foreign_space(space), at..at + space.len_utf8()))
}

fn foreign_space(space: char) -> ParseError {
    let message = format!(
        "the character U+{:04X} looks like a space, and is a part of the text",
        space as u32
    );
    ParseError::syntax(message, "replace it with a space; to keep it, quote the text")
}
