//! Texts of several lines, compared line by line.

use similar::{ChangeTag, TextDiff};

/// What happened to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// It is in both.
    Same,
    /// It is gone.
    Removed,
    /// It is new.
    Added,
    /// So many lines of both are left out.
    Left(usize),
}

/// Unchanged lines shown around a change.
const CONTEXT: usize = 2;
/// Above this many lines in both texts together, all are shown as replaced: comparing could take
/// the square of it.
const MOST: usize = 20_000;

/// The lines that differ, with some around them.
pub fn compare<'a>(before: &'a str, after: &'a str) -> Vec<(Line, &'a str)> {
    let lines = |text: &'a str| text.split_inclusive('\n');
    if lines(before).count() + lines(after).count() > MOST {
        let removed = lines(before).map(|line| (Line::Removed, bare(line)));
        let added = lines(after).map(|line| (Line::Added, bare(line)));
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
            (line, bare(change.value()))
        })
        .collect();
    fold(&all)
}

/// Leaves out what is far from any change.
fn fold<'a>(all: &[(Line, &'a str)]) -> Vec<(Line, &'a str)> {
    let near = |at: usize| {
        let (from, to) = (at.saturating_sub(CONTEXT), (at + CONTEXT + 1).min(all.len()));
        all[from..to].iter().any(|(line, _)| *line != Line::Same)
    };
    let mut kept = Vec::new();
    let mut left = 0;
    for (at, &line) in all.iter().enumerate() {
        if near(at) {
            if left > 0 {
                kept.push((Line::Left(left), ""));
                left = 0;
            }
            kept.push(line);
        } else {
            left += 1;
        }
    }
    if left > 0 {
        kept.push((Line::Left(left), ""));
    }
    kept
}

fn bare(line: &str) -> &str {
    line.strip_suffix('\n').unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_line_is_shown_with_its_neighbours_alone() {
        let before = "a\nb\nc\nd\ne\nf\ng\nh\n";
        let after = "a\nb\nc\nd\nE\nf\ng\nh\n";
        let expected = vec![
            (Line::Left(2), ""),
            (Line::Same, "c"),
            (Line::Same, "d"),
            (Line::Removed, "e"),
            (Line::Added, "E"),
            (Line::Same, "f"),
            (Line::Same, "g"),
            (Line::Left(1), ""),
        ];
        assert_eq!(compare(before, after), expected);
    }

    #[test]
    fn a_lost_line_end_at_the_end_is_seen() {
        assert!(compare("a\nb\n", "a\nb").iter().any(|(line, _)| *line != Line::Same));
    }

    #[test]
    fn a_text_too_long_to_compare_is_replaced() {
        let before = "x\n".repeat(MOST);
        let lines = compare(&before, "y\n");
        assert_eq!(lines.len(), MOST + 1);
        assert_eq!(lines.last(), Some(&(Line::Added, "y")));
    }
}
