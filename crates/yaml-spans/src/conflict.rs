//! The markers that Git leaves in a file where it can't merge two versions.
//!
//! <https://git-scm.com/docs/git-merge#_how_conflicts_are_presented>

use std::ops::Range;

/// Each marker is its character seven times, at the start of a line; all but the middle one may be
/// followed by a blank and a label.
const MARKER_LENGTH: usize = 7;

/// A merge conflict that nobody has resolved: its markers, each the bytes of a line. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeConflict {
    /// The markers, in the order of the text.
    pub markers: Vec<Range<usize>>,
    /// Their lines, counted from 1.
    pub lines: Vec<usize>,
}

impl MergeConflict {
    /// The bytes of the first marker.
    pub fn first(&self) -> Range<usize> {
        self.markers.first().cloned().unwrap_or_default()
    }

    /// Advice on how to resolve it.
    pub fn fix(&self) -> String {
        let lines: Vec<String> = self.lines.iter().map(usize::to_string).collect();
        match lines.split_last() {
            Some((last, others)) if !others.is_empty() => format!(
                "keep one of the versions, and delete the lines {} and {last}",
                others.join(", ")
            ),
            _ => format!("delete line {}, once one version is left", lines.concat()),
        }
    }
}

/// Finds the merge conflicts of a text. A marker without the others is a conflict too: somebody deleted
/// the rest of it.
pub fn find_conflicts(text: &str) -> Vec<MergeConflict> {
    let mut conflicts: Vec<MergeConflict> = Vec::new();
    let mut is_open = false;
    let mut offset = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let start = offset;
        offset += line.len();
        let line = line.trim_end_matches(['\n', '\r']);
        let Some(marker) = marker_of(line) else { continue };
        let range = start..start + line.len();
        match conflicts.last_mut() {
            Some(conflict) if is_open && marker != '<' => {
                conflict.markers.push(range);
                conflict.lines.push(index + 1);
            }
            _ => conflicts.push(MergeConflict { markers: vec![range], lines: vec![index + 1] }),
        }
        is_open = marker != '>';
    }
    conflicts
}

/// The character of a line's marker.
fn marker_of(line: &str) -> Option<char> {
    let marker = line.chars().next().filter(|char| "<|=>".contains(*char))?;
    let rest = line.trim_start_matches(marker);
    let is_marker = line.len() - rest.len() == MARKER_LENGTH
        && (rest.is_empty() || (marker != '=' && rest.starts_with(' ')));
    is_marker.then_some(marker)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn markers(text: &str) -> Vec<Vec<&str>> {
        let slices = |conflict: MergeConflict| {
            conflict.markers.into_iter().map(|range| &text[range]).collect()
        };
        find_conflicts(text).into_iter().map(slices).collect()
    }

    #[test]
    fn conflicts_are_found_with_their_markers() {
        let text = "a: 1\n<<<<<<< HEAD\nb: 1\n||||||| 1a2b3c4\nb: 0\n=======\nb: 2\n>>>>>>> other\n\
                    <<<<<<< HEAD\r\n=======\r\n>>>>>>> other\r\n=======\n>>>>>>>";
        assert_eq!(
            markers(text),
            [
                vec!["<<<<<<< HEAD", "||||||| 1a2b3c4", "=======", ">>>>>>> other"],
                vec!["<<<<<<< HEAD", "=======", ">>>>>>> other"],
                vec!["=======", ">>>>>>>"],
            ]
        );
    }

    #[test]
    fn other_lines_are_not_markers() {
        let text = "<<<<<< HEAD\n<<<<<<<< HEAD\n<<<<<<<HEAD\n  =======\n======= x\n# >>>>>>> x\n";
        assert!(markers(text).is_empty());
    }
}
