//! Characters that no text may hold as they are, looked for in one pass over the bytes.

use super::super::limits::MAX_ERRORS;
use super::Dialect;
use super::error::ParseError;

/// The bytes that a refused character begins with.
static SUSPICIOUS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(byte, 0..=8 | 11..=31 | 0x7f | 0xc2 | 0xe2 | 0xef);
        byte += 1;
    }
    table
};

/// Reports every character that YAML's `c-printable` leaves out
/// (<https://yaml.org/spec/1.2.2/#51-character-set>; PyYAML and go-yaml refuse them), and those that
/// end a line in YAML 1.1 but not in 1.2: U+0085, U+2028, U+2029. [`Dialect::Strict`] also refuses
/// a byte order mark after the first character and a carriage return that ends a line alone.
pub(super) fn check(
    text: &str,
    dialect: Dialect,
    mut refuse: impl FnMut(ParseError, usize, usize),
) {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut found = 0;
    while let Some(step) = bytes[at..].iter().position(|byte| SUSPICIOUS[*byte as usize]) {
        at += step;
        let Some(char) = text[at..].chars().next() else {
            break;
        };
        let end = at + char.len_utf8();
        let strictly = dialect == Dialect::Strict;
        let refused = match char {
            '\r' => strictly && bytes.get(end) != Some(&b'\n'),
            '\u{feff}' => strictly && at > 0,
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
            '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}' => true,
            _ => false,
        };
        if refused {
            refuse(ParseError::Character(char), at, end);
            found += 1;
        }
        if found == MAX_ERRORS {
            break;
        }
        at = end;
    }
}
