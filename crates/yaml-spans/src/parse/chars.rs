//! The search for characters that must not be in a text unescaped, in one pass over the bytes.

use super::Dialect;
use super::error::ParseError;
use crate::limits::MAX_ERRORS;

/// True for each byte that a refused character can begin with.
static SUSPICIOUS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(byte, 0..=8 | 11..=31 | 0x7f | 0xc2 | 0xe2 | 0xef);
        byte += 1;
    }
    table
};

/// Returns true if a refused character can begin with a byte.
pub(super) fn is_suspicious(byte: u8) -> bool {
    SUSPICIOUS[byte as usize]
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
    while let Some(step) = bytes[at..].iter().position(|byte| SUSPICIOUS[*byte as usize]) {
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
