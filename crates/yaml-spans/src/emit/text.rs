//! The styles of a written string: plain, literal block or double-quoted.

use std::fmt::Write;

use crate::scalar::is_misread_plain;

/// The style of a written string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Unquoted: safe in block context, as a value and as a key.
    Plain,
    /// A literal block, after `|`.
    Literal,
    /// Double-quoted, with escapes.
    Quoted,
}

impl Shape {
    pub(super) fn of(text: &str) -> Shape {
        if is_plain(text) {
            Shape::Plain
        } else if is_literal(text) {
            Shape::Literal
        } else {
            Shape::Quoted
        }
    }
}

/// True for the bytes that are safe wherever they are in a plain text: most texts have no others.
static WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] =
            (byte as u8).is_ascii_graphic() && byte != b':' as usize && byte != b'#' as usize;
        byte += 1;
    }
    table
};

/// Returns true for text that is safe unquoted. Stricter than YAML's grammar: only text that starts
/// like a word, a path or a flag, so that it starts with no indicator of any version of YAML.
fn is_plain(text: &str) -> bool {
    let mut chars = text.chars();
    let Some(first) = chars.next() else {
        return false;
    };
    let second = chars.next();
    let starts = match first {
        '-' => match second {
            Some('-') => text[2..].starts_with(|c: char| c.is_ascii_alphabetic()),
            Some(second) => second.is_ascii_alphabetic(),
            None => false,
        },
        '.' => second.is_some_and(|second| second == '/' || second.is_ascii_alphabetic()),
        '/' | '_' | '$' | '(' => true,
        _ => first.is_alphanumeric(),
    };
    starts && has_plain_chars(text) && !is_misread_plain(text)
}

fn has_plain_chars(text: &str) -> bool {
    if text.bytes().all(|byte| WORD[byte as usize]) {
        return true;
    }
    let mut previous = b' ';
    for byte in text.bytes() {
        let fits = match byte {
            b'#' => previous != b' ',
            b' ' => previous != b':',
            _ => byte.is_ascii_graphic() || !byte.is_ascii(),
        };
        if !fits {
            return false;
        }
        previous = byte;
    }
    !matches!(previous, b':' | b' ')
        && (text.is_ascii() || text.chars().all(|char| char.is_ascii() || char.is_alphanumeric()))
}

/// Returns true for text of several lines that is safe as a literal block: the first line shows the
/// indentation to every reader, and there is no white space that an editor would strip or a reader
/// would take for indentation.
fn is_literal(text: &str) -> bool {
    let body = text.trim_end_matches('\n');
    text.contains('\n')
        && !body.is_empty()
        && !text.starts_with(['\n', ' ', '\t'])
        && body.split('\n').all(|line| !line.ends_with([' ', '\t']))
        && body.chars().all(|char| matches!(char, '\n' | '\t') || !is_escaped(char))
}

/// Writes a string in double quotes as in JSON, except for escaped characters above U+FFFF: they use
/// YAML's `\U`, since PyYAML and go-yaml do not join surrogates.
pub(super) fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ if !is_escaped(char) => out.push(char),
            _ => {
                let code = u32::from(char);
                // Writing to a string can't fail.
                let _ = match code {
                    0..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push('"');
}

/// Matches characters that are invisible, or that a reader may refuse or read as a line end:
/// controls, white space other than the space, format characters (Unicode's category Cf), private
/// use, noncharacters.
fn is_escaped(char: char) -> bool {
    if char.is_ascii() {
        return char.is_control();
    }
    char.is_control()
        || char.is_whitespace()
        || matches!(char,
            '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}' | '\u{891}' | '\u{8e2}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e000}'..='\u{f8ff}'
            | '\u{fdd0}'..='\u{fdef}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..)
        || u32::from(char) & 0xfffe == 0xfffe
}
