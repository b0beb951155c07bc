//! Messages for people. Text that was read from a file or an object is kept apart from the program's
//! own words, so that every output format can mark it as code.

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
