//! Plain text: messages with code in backticks.

use crate::model::{Message, Piece};
use yaml_spans::visible;

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
