//! Foreign text inside messages: one line of bounded length, without control characters that a
//! terminal would obey.

/// Returns a text's first 100 characters with control characters escaped, for use in a message.
pub fn truncate(text: &str) -> String {
    truncate_to(text, 100)
}

/// Returns a text's first `max` characters with control characters escaped; `…` marks a cut.
pub(crate) fn truncate_to(text: &str, max: usize) -> String {
    let mut shown = String::new();
    for char in text.chars().take(max) {
        if char.is_control() {
            shown.extend(char.escape_default());
        } else {
            shown.push(char);
        }
    }
    if text.chars().nth(max).is_some() {
        shown.push('…');
    }
    shown
}
