//! Plain text: messages with code in backticks, and hidden characters written out.

use std::borrow::Cow;

use crate::model::{Message, Piece};

/// A message as plain text, its code in backticks.
pub(crate) fn plain_text(message: &Message) -> String {
    let mut out = String::new();
    for piece in message.pieces() {
        match piece {
            Piece::Plain(text) => out.push_str(text),
            Piece::Code(text) => out.push_str(&format!("`{}`", visible(text))),
        }
    }
    out
}

/// A text with its hidden characters written out: controls, marks of direction and characters
/// without width, which a reader would not see or which change how the rest is seen. Line ends count
/// as controls: callers split lines first.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_hidden(c) => out.push_str(&format!("\\u{{{:x}}}", c as u32)),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
