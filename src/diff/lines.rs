//! A line-by-line comparison of two texts.

use similar::{ChangeTag, TextDiff};

/// The difference that a line makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Both texts have it.
    Same,
    /// Only the old text has it.
    Removed,
    /// Only the new text has it.
    Added,
    /// So many equal lines are omitted.
    Omitted(usize),
}

/// The number of equal lines shown around a change.
const CONTEXT: usize = 2;
/// The most lines of both texts together that are compared, which takes quadratic time at worst;
/// longer texts are shown as replaced.
const MAX_LINES: usize = 20_000;

/// Returns the lines that differ, with a few equal lines around them.
pub fn compare<'a>(before: &'a str, after: &'a str) -> Vec<(Line, &'a str)> {
    let (old, new) = (before.split_inclusive('\n'), after.split_inclusive('\n'));
    if old.clone().count() + new.clone().count() > MAX_LINES {
        let removed = old.map(|line| (Line::Removed, without_newline(line)));
        let added = new.map(|line| (Line::Added, without_newline(line)));
        return removed.chain(added).collect();
    }
    let diff = TextDiff::from_lines(before, after);
    let all: Vec<(Line, &str)> = diff
        .iter_all_changes()
        .map(|change| {
            let line = match change.tag() {
                ChangeTag::Equal => Line::Same,
                ChangeTag::Delete => Line::Removed,
                ChangeTag::Insert => Line::Added,
            };
            (line, without_newline(change.value()))
        })
        .collect();
    omit_distant(&all)
}

/// Omits the lines that are far from any change.
fn omit_distant<'a>(all: &[(Line, &'a str)]) -> Vec<(Line, &'a str)> {
    let mut kept = Vec::new();
    let mut omitted = 0;
    for (at, &line) in all.iter().enumerate() {
        let nearby = at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(all.len());
        if all[nearby].iter().any(|(line, _)| *line != Line::Same) {
            if omitted > 0 {
                kept.push((Line::Omitted(omitted), ""));
                omitted = 0;
            }
            kept.push(line);
        } else {
            omitted += 1;
        }
    }
    if omitted > 0 {
        kept.push((Line::Omitted(omitted), ""));
    }
    kept
}

fn without_newline(line: &str) -> &str {
    line.strip_suffix('\n').unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_line_is_shown_with_its_neighbours_only() {
        let before = "a\nb\nc\nd\ne\nf\ng\nh\n";
        let after = "a\nb\nc\nd\nE\nf\ng\nh\n";
        let expected = vec![
            (Line::Omitted(2), ""),
            (Line::Same, "c"),
            (Line::Same, "d"),
            (Line::Removed, "e"),
            (Line::Added, "E"),
            (Line::Same, "f"),
            (Line::Same, "g"),
            (Line::Omitted(1), ""),
        ];
        assert_eq!(compare(before, after), expected);
    }

    #[test]
    fn a_missing_newline_at_the_end_is_a_difference() {
        assert!(compare("a\nb\n", "a\nb").iter().any(|(line, _)| *line != Line::Same));
    }

    #[test]
    fn a_text_too_long_to_compare_is_shown_as_replaced() {
        let before = "x\n".repeat(MAX_LINES);
        let lines = compare(&before, "y\n");
        assert_eq!(lines.len(), MAX_LINES + 1);
        assert_eq!(lines.last(), Some(&(Line::Added, "y")));
    }
}
