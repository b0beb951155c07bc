//! The search for characters that must not be in a text unescaped, in one pass over the bytes.

use super::Dialect;
use super::error::ParseError;
use crate::limits::MAX_ERRORS;

/// The bytes that are searched at once. The compiler makes vector instructions of it.
const CHUNK: usize = 64;

/// Finds the first byte that a refused character can begin with.
pub(super) fn find_suspicious(bytes: &[u8]) -> Option<usize> {
    let has_none =
        |chunk: &&[u8]| !chunk.iter().fold(false, |any, byte| any | is_suspicious(*byte));
    let start = bytes.chunks(CHUNK).take_while(has_none).count() * CHUNK;
    let step = bytes.get(start..)?.iter().position(|byte| is_suspicious(*byte))?;
    Some(start + step)
}

/// Returns true if a refused character can begin with a byte. There is no branch in it, for [`find_suspicious`].
fn is_suspicious(byte: u8) -> bool {
    let is_control = (byte < 32) & (byte != b'\t') & (byte != b'\n');
    is_control | (byte == 0x7f) | (byte == 0xc2) | (byte == 0xe2) | (byte == 0xef)
}

/// Reports every character outside YAML's `c-printable`
/// (<https://yaml.org/spec/1.2.2/#51-character-set>; PyYAML and go-yaml refuse them), and those that
/// end a line in YAML 1.1 but not in 1.2: U+0085, U+2028, U+2029. [`Dialect::Strict`] also refuses a
/// byte order mark after the first character, and a carriage return without a newline.
pub(super) fn check_chars(
    text: &str,
    dialect: Dialect,
    mut refuse: impl FnMut(ParseError, usize, usize),
) {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut errors = 0;
    while let Some(step) = find_suspicious(&bytes[at..]) {
        at += step;
        let Some(char) = text[at..].chars().next() else {
            break;
        };
        let end = at + char.len_utf8();
        let is_strict = dialect == Dialect::Strict;
        let is_refused = match char {
            '\r' => is_strict && bytes.get(end) != Some(&b'\n'),
            '\u{feff}' => is_strict && at > 0,
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
            '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}' => true,
            _ => false,
        };
        if is_refused {
            refuse(ParseError::Character(char), at, end);
            errors += 1;
        }
        if errors == MAX_ERRORS {
            break;
        }
        at = end;
    }
}
