//! The grammar of a line: blank, comment, metadata or series.
//!
//! Follows `promlex.l` state by state. What looks lax here (no comma between
//! labels, no space before the value) is what the scraper takes.

use std::str::from_utf8;

use super::cursor::Cursor;
use super::series::Sum;
use super::{PageError, PageFault, value};

/// The types of the text format (`promparse.go`, the switch over `tType`).
const TYPES: &[&[u8]] = &[b"counter", b"gauge", b"histogram", b"summary", b"untyped"];

/// Reads one line, its newline included, into the sum.
pub(super) fn read<'a>(cursor: &mut Cursor<'a>, sum: &mut Sum<'a>) -> Result<(), PageError> {
    let indented = matches!(cursor.peek(), Some(b' ' | b'\t'));
    cursor.skip_blanks();
    match cursor.peek() {
        Some(b'\n') | None => {}
        Some(b'#') => comment(cursor)?,
        // The scraper takes the white space into the name, and refuses that.
        Some(byte) if starts_name(byte) && indented => {
            return Err(cursor.error(PageFault::Indented));
        }
        Some(byte) if starts_name(byte) => series(cursor, sum)?,
        Some(_) => return Err(cursor.error(PageFault::Start)),
    }
    cursor.eat(b'\n');
    Ok(())
}

fn comment(cursor: &mut Cursor<'_>) -> Result<(), PageError> {
    cursor.eat(b'#');
    let text = cursor.take_while(|byte| byte != b'\n');
    let words = trim_blanks(text);
    if words.len() == text.len() {
        return Ok(()); // `#HELP` without a space is a comment.
    }
    let (keyword, rest) = words.split_at_checked(4).unwrap_or((words, b""));
    let rest_trimmed = trim_blanks(rest);
    if rest_trimmed.len() == rest.len() {
        return Ok(()); // Nothing, or no space, after the keyword.
    }
    let name = rest_trimmed.iter().position(|byte| !in_name(*byte));
    let (name, text) = rest_trimmed.split_at(name.unwrap_or(rest_trimmed.len()));
    // One byte separates the name from the text, whatever it is.
    let text = text.get(1..).unwrap_or_default();
    let fault = match keyword {
        b"HELP" | b"TYPE" if !name.first().is_some_and(|byte| starts_name(*byte)) => {
            PageFault::MetadataName
        }
        b"HELP" if from_utf8(text).is_err() => PageFault::HelpText,
        b"TYPE" if !TYPES.contains(&text) => PageFault::Type,
        _ => return Ok(()),
    };
    Err(cursor.error(fault))
}

fn series<'a>(cursor: &mut Cursor<'a>, sum: &mut Sum<'a>) -> Result<(), PageError> {
    sum.start(cursor.take_while(in_name));
    cursor.skip_blanks();
    if cursor.eat(b'{') {
        labels(cursor, sum)?;
        cursor.skip_blanks();
    }
    let number = cursor.take_while(|byte| !matches!(byte, b'{' | b' ' | b'\t' | b'\n'));
    if number.is_empty() {
        return Err(cursor.error(PageFault::NoValue));
    }
    let number = value::read(number).ok_or_else(|| cursor.error(PageFault::Number))?;
    cursor.skip_blanks();
    timestamp(cursor)?;
    sum.finish(number).map_err(|fault| cursor.error(fault))
}

fn labels<'a>(cursor: &mut Cursor<'a>, sum: &mut Sum<'a>) -> Result<(), PageError> {
    loop {
        cursor.skip_blanks();
        if cursor.eat(b'}') {
            return Ok(());
        }
        let name = cursor.take_while(|byte| byte != b':' && in_name(byte));
        if !name.first().is_some_and(|byte| starts_name(*byte)) {
            return Err(cursor.error(PageFault::LabelName));
        }
        cursor.skip_blanks();
        if !cursor.eat(b'=') {
            return Err(cursor.error(PageFault::LabelEquals));
        }
        cursor.skip_blanks();
        let Some(text) = cursor.take_quoted() else {
            return Err(cursor.error(PageFault::LabelValue));
        };
        let text = from_utf8(text).map_err(|_| cursor.error(PageFault::LabelText))?;
        sum.label(name, text);
        cursor.skip_blanks();
        cursor.eat(b',');
    }
}

/// Milliseconds since 1970, without a sign; read to be refused, never used.
fn timestamp(cursor: &mut Cursor<'_>) -> Result<(), PageError> {
    let digits = cursor.take_while(|byte| byte.is_ascii_digit());
    if digits.is_empty() {
        return match cursor.peek() {
            Some(b'\n') => Ok(()),
            _ => Err(cursor.error(PageFault::Timestamp)),
        };
    }
    let known = from_utf8(digits).is_ok_and(|digits| digits.parse::<i64>().is_ok());
    if !known {
        return Err(cursor.error(PageFault::Timestamp));
    }
    cursor.skip_blanks();
    match cursor.peek() {
        Some(b'\n') => Ok(()),
        _ => Err(cursor.error(PageFault::Trailing)),
    }
}

fn starts_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte == b':'
}

fn in_name(byte: u8) -> bool {
    starts_name(byte) || byte.is_ascii_digit()
}

fn trim_blanks(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !matches!(byte, b' ' | b'\t'));
    &text[start.unwrap_or(text.len())..]
}
