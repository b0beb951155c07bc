//! Text for people with its hidden characters written out.
//!
//! In: names and values that anyone may have written. Out: one line that shows every character it holds,
//! and that neither a terminal nor a CI system takes for a command.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;

/// A text with its hidden characters written out: controls, marks of direction and characters without
/// width, which a reader would not see or which change how the rest is seen. Line ends count as controls:
/// callers split lines first. `##[`, with which a workflow command of GitHub's older syntax starts
/// anywhere in a line, is broken.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) && !text.contains(OLD_COMMAND) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    text.chars().for_each(|c| push_visible(&mut out, c));
    Cow::Owned(out)
}

/// A whole line of output: [`visible`], and without `::` at its start, after blanks, where a workflow
/// command begins
/// (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>).
pub fn visible_line(text: &str) -> Cow<'_, str> {
    let line = visible(text);
    let blanks = line.len() - line.trim_start().len();
    match line[blanks..].strip_prefix("::") {
        Some(rest) => Cow::Owned(format!("{}\\u{{3a}}:{rest}", &line[..blanks])),
        None => line,
    }
}

/// An excerpt of a source as [`visible`], except for tabs; and the bytes of a range that is given in
/// characters.
pub fn visible_excerpt(text: &str, marked: Range<usize>) -> (String, Range<usize>) {
    let mut out = String::with_capacity(text.len());
    let mut span = None;
    for (index, c) in text.chars().enumerate() {
        if index == marked.start {
            span = Some(out.len()..out.len());
        }
        match c {
            '\t' => out.push(c),
            c => push_visible(&mut out, c),
        }
        if let Some(span) = &mut span
            && index < marked.end
        {
            span.end = out.len();
        }
    }
    let span = span.unwrap_or(out.len()..out.len());
    (out, span)
}

/// Returns true for a character that [`visible`] writes out.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

const OLD_COMMAND: &str = "##[";

fn push_visible(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '[' if out.ends_with("##") => out.push_str("\\u{5b}"),
        c if is_hidden(c) => {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
        c => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_written_out() {
        for (text, expected) in [
            ("gate.floor", "gate.floor"),
            ("a\n::warning::b", "a\\n::warning::b"),
            ("\u{1b}[31m\u{7}", "\\u{1b}[31m\\u{7}"),
            ("\u{9b}31m\u{85}\u{7f}", "\\u{9b}31m\\u{85}\\u{7f}"),
            ("\u{202e}\u{2028}\u{2029}\u{200b}", "\\u{202e}\\u{2028}\\u{2029}\\u{200b}"),
            ("x ##[warning]y", "x ##\\u{5b}warning]y"),
            ("größer → ✓", "größer → ✓"),
        ] {
            assert_eq!(visible(text), expected);
        }
    }

    #[test]
    fn a_line_starts_no_workflow_command() {
        for (text, expected) in [
            ("::warning::x", "\\u{3a}:warning::x"),
            ("  ::warning::x", "  \\u{3a}:warning::x"),
            ("\t::warning::x", "\\t::warning::x"),
            ("address ::1", "address ::1"),
        ] {
            assert_eq!(visible_line(text), expected);
        }
    }

    #[test]
    fn a_marked_range_follows_the_text_that_is_written_out() {
        let (text, span) = visible_excerpt("\u{9b}a: b\tc", 4..5);
        assert_eq!((text.as_str(), &text[span]), ("\\u{9b}a: b\tc", "b"));
        let (text, span) = visible_excerpt("ab", 5..6);
        assert_eq!((text.as_str(), span), ("ab", 2..2));
        let (text, span) = visible_excerpt("a\u{1b}b", 1..3);
        assert_eq!(&text[span], "\\u{1b}b");
    }
}
