//! A cursor over the bytes of an exposition.

use super::{ExpositionError, ExpositionFault};

/// Walks the bytes once and counts lines.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, line: 1 }
    }

    /// Returns a cursor after the last byte, for errors about the end.
    pub(super) fn at_end(bytes: &'a [u8]) -> Self {
        let line = 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
        Self { bytes, at: bytes.len(), line }
    }

    pub(super) fn is_done(&self) -> bool {
        self.at == self.bytes.len()
    }

    pub(super) fn error(&self, fault: ExpositionFault) -> ExpositionError {
        ExpositionError { line: self.line, fault }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Skips `byte` if it comes next; returns true if it did.
    pub(super) fn skip_byte(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
            self.line += usize::from(byte == b'\n');
        }
        found
    }

    /// Takes the next bytes as long as they are wanted. It does not count lines, so a newline must not
    /// be wanted.
    pub(super) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| !wanted(*byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Skips spaces and tabs, the only white space of the format.
    pub(super) fn skip_blanks(&mut self) {
        self.take_while(|byte| byte == b' ' || byte == b'\t');
    }

    /// Takes a text in double quotes; returns it without them, escapes unchanged, or `None` if a quote is
    /// missing.
    ///
    /// As in the scraper's lexer (`\"(\\.|[^\\"])*\"`), it may contain a raw newline but not an escaped
    /// one.
    pub(super) fn take_quoted(&mut self) -> Option<&'a [u8]> {
        if !self.skip_byte(b'"') {
            return None;
        }
        let rest = &self.bytes[self.at..];
        let mut escaped = false;
        let length = rest.iter().position(|byte| {
            let ends = !escaped && *byte == b'"' || escaped && *byte == b'\n';
            escaped = !escaped && *byte == b'\\';
            ends
        })?;
        if rest[length] != b'"' {
            return None;
        }
        let text = &rest[..length];
        self.at += length + 1;
        self.line += text.iter().filter(|byte| **byte == b'\n').count();
        Some(text)
    }
}
