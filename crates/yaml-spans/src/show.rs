//! Texts of others within our messages: one line, not long, no control that a terminal would obey.

/// The text as a message shows it between backticks.
pub fn shorten(text: &str) -> String {
    one_line(text, 100)
}

/// The first `most` characters, controls escaped.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let mut shown = String::new();
    for char in text.chars().take(most) {
        if char.is_control() {
            shown.extend(char.escape_default());
        } else {
            shown.push(char);
        }
    }
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}
