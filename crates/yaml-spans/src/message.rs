//! Messages for people: of errors, findings and reports alike. Text that was read from a file or an object
//! is kept apart from the program's own words, so that every output format can mark it as code.

use std::fmt;

use crate::visible;

/// A message in pieces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Message(Vec<Piece>);

/// A piece of a message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Piece {
    /// The program's own words.
    Plain(String),
    /// Text of an object or a file. Output shows it as code and never interprets it.
    Code(String),
}

impl Message {
    /// A message that starts with the program's own words.
    pub fn of(text: impl Into<String>) -> Self {
        Message::default().and(text)
    }

    /// Appends the program's own words.
    pub fn and(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Plain(text.into()));
        self
    }

    /// Appends code.
    pub fn code(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Code(text.into()));
        self
    }

    /// Appends a list of code, separated by commas: the first `max` items and the count of the rest.
    pub fn codes<T: Into<String>>(
        mut self,
        texts: impl IntoIterator<Item = T>,
        max: usize,
    ) -> Self {
        let mut texts = texts.into_iter();
        for (index, text) in texts.by_ref().take(max).enumerate() {
            if index > 0 {
                self = self.and(", ");
            }
            self = self.code(text);
        }
        match texts.count() {
            0 => self,
            more => self.and(format!(" and {more} more")),
        }
    }

    /// Appends another message.
    pub fn then(mut self, other: Message) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The pieces, in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }
}

/// Splits a text at its backticks: what is between two of them is code.
impl From<&str> for Message {
    fn from(text: &str) -> Self {
        let mut message = Message::default();
        let mut rest = text;
        while let Some((plain, (code, after))) =
            rest.split_once('`').and_then(|(plain, rest)| Some((plain, rest.split_once('`')?)))
        {
            if !plain.is_empty() {
                message = message.and(plain);
            }
            message = message.code(code);
            rest = after;
        }
        if rest.is_empty() { message } else { message.and(rest) }
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Message::from(text.as_str())
    }
}

/// Plain text: code in backticks, with hidden characters written out.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Plain(text) => f.write_str(text)?,
                Piece::Code(text) => write!(f, "`{}`", visible(text))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_in_a_text_mark_code() {
        let message = Message::from("invalid `kind` `a b`: expected a name");
        let expected =
            Message::of("invalid ").code("kind").and(" ").code("a b").and(": expected a name");
        assert_eq!(message, expected);
        assert_eq!(Message::from("`a`"), Message::default().code("a"));
    }

    #[test]
    fn a_text_is_displayed_as_it_was() {
        for text in ["", "plain", "`code`", "a `b` c", "an odd ` backtick", "``", "`a``b`"] {
            assert_eq!(Message::from(text).to_string(), text);
        }
    }
}
