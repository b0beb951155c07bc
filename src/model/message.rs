//! Sentences for people, with what was read from elsewhere told apart from our own words, so that
//! every format can fence it in.

/// A sentence in pieces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Message(Vec<Piece>);

/// A piece of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Piece {
    /// Our own words.
    Plain(String),
    /// What stands in an object or a file: whatever it holds, it is shown and not obeyed.
    Code(String),
}

impl Message {
    /// A sentence that starts so.
    pub fn of(text: impl Into<String>) -> Self {
        Message::default().and(text)
    }

    /// With more of our own words.
    pub fn and(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Plain(text.into()));
        self
    }

    /// With something quoted.
    pub fn code(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Code(text.into()));
        self
    }

    /// With a list of quoted things, commas between; at most `most`, the rest counted.
    pub fn codes<T: Into<String>>(
        mut self,
        texts: impl IntoIterator<Item = T>,
        most: usize,
    ) -> Self {
        let mut texts = texts.into_iter();
        for (at, text) in texts.by_ref().take(most).enumerate() {
            if at > 0 {
                self = self.and(", ");
            }
            self = self.code(text);
        }
        match texts.count() {
            0 => self,
            more => self.and(format!(" and {more} more")),
        }
    }

    /// With another sentence's pieces.
    pub fn then(mut self, other: Message) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The pieces.
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// As one text, quoted pieces in backticks.
    pub fn text(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Plain(text) => text.clone(),
            Piece::Code(text) => format!("`{text}`"),
        };
        self.0.iter().map(piece).collect()
    }
}
