//! The grammar of a line: blank, comment, metadata or series.
//!
//! Follows `promlex.l` state by state. It is as lax as the scraper where that is lax: no comma between
//! labels, no space before the value.

use std::str::from_utf8;

use super::checks::Progress;
use super::cursor::Cursor;
use super::usage_sum::UsageSum;
use super::{ExpositionError, ExpositionFault, value};

/// The types of the text format (`promparse.go`, the switch over `tType`).
const TYPES: &[&[u8]] = &[b"counter", b"gauge", b"histogram", b"summary", b"untyped"];

/// Parses one line, with its newline, into the sum.
pub(super) fn parse_line<'a>(
    cursor: &mut Cursor<'a>,
    sum: &mut UsageSum<'a>,
    progress: &mut Progress<'_>,
) -> Result<(), ExpositionError> {
    let indented = matches!(cursor.peek(), Some(b' ' | b'\t'));
    cursor.skip_blanks();
    match cursor.peek() {
        Some(b'\n') | None => {}
        Some(b'#') => parse_comment(cursor)?,
        // The scraper reads the white space as part of the name, and refuses that name.
        Some(byte) if starts_name(byte) && indented => {
            return Err(cursor.error(ExpositionFault::Indented));
        }
        Some(byte) if starts_name(byte) => parse_series(cursor, sum, progress)?,
        Some(_) => return Err(cursor.error(ExpositionFault::Start)),
    }
    cursor.skip_byte(b'\n');
    Ok(())
}

fn parse_comment(cursor: &mut Cursor<'_>) -> Result<(), ExpositionError> {
    cursor.skip_byte(b'#');
    let text = cursor.take_while(|byte| byte != b'\n');
    let words = trim_blanks(text);
    if words.len() == text.len() {
        return Ok(()); // `#HELP` without a space is a comment.
    }
    let (keyword, rest) = words.split_at_checked(4).unwrap_or((words, b""));
    let rest_trimmed = trim_blanks(rest);
    if rest_trimmed.len() == rest.len() {
        return Ok(()); // No text or no space after the keyword.
    }
    let name = rest_trimmed.iter().position(|byte| !is_in_name(*byte));
    let (name, text) = rest_trimmed.split_at(name.unwrap_or(rest_trimmed.len()));
    // Any one byte separates the name from the text.
    let text = text.get(1..).unwrap_or_default();
    let fault = match keyword {
        b"HELP" | b"TYPE" if !name.first().is_some_and(|byte| starts_name(*byte)) => {
            ExpositionFault::MetadataName
        }
        b"HELP" if from_utf8(text).is_err() => ExpositionFault::HelpText,
        b"TYPE" if !TYPES.contains(&text) => ExpositionFault::Type,
        _ => return Ok(()),
    };
    Err(cursor.error(fault))
}

fn parse_series<'a>(
    cursor: &mut Cursor<'a>,
    sum: &mut UsageSum<'a>,
    progress: &mut Progress<'_>,
) -> Result<(), ExpositionError> {
    let name = cursor.take_while(is_in_name);
    sum.start_series(name);
    cursor.skip_blanks();
    if cursor.skip_byte(b'{') {
        parse_labels(cursor, sum)?;
        cursor.skip_blanks();
    }
    let number = cursor.take_while(|byte| !matches!(byte, b'{' | b' ' | b'\t' | b'\n'));
    if number.is_empty() {
        return Err(cursor.error(ExpositionFault::NoValue));
    }
    let number =
        value::parse_number(number).ok_or_else(|| cursor.error(ExpositionFault::Number))?;
    cursor.skip_blanks();
    let timestamp = parse_timestamp(cursor)?;
    if sum.finish_series(number).map_err(|fault| cursor.error(fault))? {
        progress.note_read(timestamp).map_err(|fault| cursor.error(fault))?;
    } else {
        progress.note_other(name, number);
    }
    Ok(())
}

fn parse_labels<'a>(
    cursor: &mut Cursor<'a>,
    sum: &mut UsageSum<'a>,
) -> Result<(), ExpositionError> {
    loop {
        cursor.skip_blanks();
        if cursor.skip_byte(b'}') {
            return Ok(());
        }
        let (name, text) = take_label(cursor).map_err(|fault| cursor.error(fault))?;
        sum.add_label(name, text);
        cursor.skip_blanks();
        cursor.skip_byte(b',');
    }
}

/// Takes a label's name and its value, escapes unchanged.
#[inline]
pub(super) fn take_label<'a>(
    cursor: &mut Cursor<'a>,
) -> Result<(&'a [u8], &'a str), ExpositionFault> {
    let name = cursor.take_while(|byte| byte != b':' && is_in_name(byte));
    if !name.first().is_some_and(|byte| starts_name(*byte)) {
        return Err(ExpositionFault::LabelName);
    }
    cursor.skip_blanks();
    if !cursor.skip_byte(b'=') {
        return Err(ExpositionFault::LabelEquals);
    }
    cursor.skip_blanks();
    let text = cursor.take_quoted().ok_or(ExpositionFault::LabelValue)?;
    Ok((name, from_utf8(text).map_err(|_| ExpositionFault::LabelText)?))
}

/// Parses the timestamp, if there is one: milliseconds since 1970, without a sign.
fn parse_timestamp(cursor: &mut Cursor<'_>) -> Result<Option<i64>, ExpositionError> {
    let digits = cursor.take_while(|byte| byte.is_ascii_digit());
    if digits.is_empty() {
        return match cursor.peek() {
            Some(b'\n') => Ok(None),
            _ => Err(cursor.error(ExpositionFault::Timestamp)),
        };
    }
    let Some(timestamp) = from_utf8(digits).ok().and_then(|digits| digits.parse().ok()) else {
        return Err(cursor.error(ExpositionFault::Timestamp));
    };
    cursor.skip_blanks();
    match cursor.peek() {
        Some(b'\n') => Ok(Some(timestamp)),
        _ => Err(cursor.error(ExpositionFault::Trailing)),
    }
}

fn starts_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte == b':'
}

fn is_in_name(byte: u8) -> bool {
    starts_name(byte) || byte.is_ascii_digit()
}

fn trim_blanks(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !matches!(byte, b' ' | b'\t'));
    &text[start.unwrap_or(text.len())..]
}
