//! A place on a page.

use super::{PageError, PageFault};

/// Walks the bytes of a page once, counting lines.
pub(super) struct Cursor<'a> {
    page: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(page: &'a [u8]) -> Self {
        Self { page, at: 0, line: 1 }
    }

    /// Behind the last byte, for errors about the end.
    pub(super) fn at_end(page: &'a [u8]) -> Self {
        let line = 1 + page.iter().filter(|byte| **byte == b'\n').count();
        Self { page, at: page.len(), line }
    }

    pub(super) fn is_done(&self) -> bool {
        self.at == self.page.len()
    }

    pub(super) fn error(&self, fault: PageFault) -> PageError {
        PageError { line: self.line, fault }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.page.get(self.at).copied()
    }

    /// Steps over `byte` if it comes next.
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
            self.line += usize::from(byte == b'\n');
        }
        found
    }

    /// Steps over the bytes that are wanted, and gives them. Not for newlines,
    /// unless [`Self::count_lines`] is told.
    pub(super) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = &self.page[self.at..];
        let length = rest.iter().position(|byte| !wanted(*byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Steps over spaces and tabs, the only white space of the format.
    pub(super) fn skip_blanks(&mut self) {
        self.take_while(|byte| byte == b' ' || byte == b'\t');
    }

    /// A text in double quotes, without them and with its escapes as they are.
    ///
    /// As in the scraper's lexer (`\"(\\.|[^\\"])*\"`), a raw newline may be
    /// inside, an escaped one may not. `None` when it does not start or end.
    pub(super) fn take_quoted(&mut self) -> Option<&'a [u8]> {
        if !self.eat(b'"') {
            return None;
        }
        let rest = &self.page[self.at..];
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
