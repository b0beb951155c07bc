//! Lays one YAML text over another and keeps the comments of both.
//!
//! In: two texts in the layout of this project's values files (block maps, two spaces a level). Out: the
//! first text with the second's entries: a map's entries are merged, any other entry is replaced with its
//! comments, `null` removes. The result has the data of the two trees merged; tests check that.

/// One entry of a block map.
struct Entry<'t> {
    /// The blank and comment lines directly above.
    above: Vec<&'t str>,
    key: &'t str,
    /// The line of the key.
    line: &'t str,
    /// The deeper lines below.
    below: Vec<&'t str>,
}

/// A block map: its entries, and the comments after the last one.
struct Block<'t> {
    entries: Vec<Entry<'t>>,
    rest: Vec<&'t str>,
}

/// The base with the overlay's entries. Maps up to `merged_levels` deep are merged, deeper ones replaced.
pub(super) fn lay_over(base: &str, overlay: &str, merged_levels: usize) -> String {
    let overlay = Block::parse(&overlay.lines().collect::<Vec<_>>(), 0);
    let mut merged = Block::parse(&base.lines().collect::<Vec<_>>(), 0);
    merged.merge(&overlay, 0, merged_levels);
    let mut text = merged.lines().join("\n");
    text.push('\n');
    text
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

fn is_key_line(line: &str, indent: usize) -> bool {
    !line.trim().is_empty() && !is_comment(line) && indentation(line) == indent
}

impl<'t> Block<'t> {
    fn parse(lines: &[&'t str], indent: usize) -> Self {
        let mut block = Block { entries: Vec::new(), rest: Vec::new() };
        let mut at = 0;
        while at < lines.len() {
            let above = take_while(lines, &mut at, |line| !is_key_line(line, indent));
            let Some(line) = lines.get(at).copied() else {
                block.rest = above;
                break;
            };
            at += 1;
            let mut below = take_while(lines, &mut at, |line| !is_key_line(line, indent));
            // Blank lines, and comments that are not indented deeper, belong to the next entry.
            let own = below
                .iter()
                .rposition(|line| !line.trim().is_empty() && indentation(line) > indent)
                .map_or(0, |last| last + 1);
            at -= below.len() - own;
            below.truncate(own);
            let key = line.trim_start().split(':').next().unwrap_or_default();
            block.entries.push(Entry { above, key, line, below });
        }
        block
    }

    fn merge(&mut self, overlay: &Block<'t>, level: usize, merged_levels: usize) {
        let mut next = None;
        for new in &overlay.entries {
            let position = self.entries.iter().position(|entry| entry.key == new.key);
            match position {
                Some(index) if new.is_null() => {
                    self.entries.remove(index);
                    next = Some(index);
                }
                Some(index) => {
                    self.entries[index].replace(new, level, merged_levels);
                    next = Some(index + 1);
                }
                None if new.is_null() => {}
                None => next = Some(self.insert(new, next, level) + 1),
            }
        }
    }

    /// Inserts a new entry: in place of the comment that shows it, else at a position, else at the end.
    /// Returns its position.
    fn insert(&mut self, new: &Entry<'t>, at: Option<usize>, level: usize) -> usize {
        let shown = format!("# {}:", new.key);
        for index in 0..=self.entries.len() {
            let comments = match self.entries.get_mut(index) {
                Some(entry) => &mut entry.above,
                None => &mut self.rest,
            };
            let Some(line) = comments.iter().position(|line| line.trim_start().starts_with(&shown))
            else {
                continue;
            };
            let examples = comments[line + 1..]
                .iter()
                .take_while(|line| line.trim_start().starts_with("#   "))
                .count();
            let mut above: Vec<&str> = comments.drain(..=line + examples).collect();
            above.truncate(line);
            self.entries.insert(index, new.with_comments(above));
            return index;
        }
        let index = at.unwrap_or(self.entries.len()).min(self.entries.len());
        let mut new = new.with_comments(Vec::new());
        let is_apart = new.above.first().is_some_and(|line| line.trim().is_empty());
        if level == 0 && index > 0 && !is_apart {
            new.above.insert(0, "");
        }
        self.entries.insert(index, new);
        index
    }

    fn lines(&self) -> Vec<&'t str> {
        let mut lines = Vec::new();
        for entry in &self.entries {
            lines.extend(&entry.above);
            lines.push(entry.line);
            lines.extend(&entry.below);
        }
        lines.extend(&self.rest);
        lines
    }
}

impl<'t> Entry<'t> {
    fn value(&self) -> &'t str {
        let value = self.line.split_once(':').map_or("", |(_, value)| value);
        value.split(" #").next().unwrap_or_default().trim()
    }

    fn is_null(&self) -> bool {
        self.value() == "null"
    }

    /// The indentation of the map below; none for any other value.
    fn map_indent(&self) -> Option<usize> {
        let first = self.below.iter().find(|line| !line.trim().is_empty() && !is_comment(line))?;
        let is_map = self.value().is_empty() && !first.trim_start().starts_with("- ");
        is_map.then(|| indentation(first))
    }

    /// Takes the value of another entry, and its comments if it has any.
    fn replace(&mut self, new: &Entry<'t>, level: usize, merged_levels: usize) {
        if new.above.iter().any(|line| is_comment(line)) {
            let blanks = self.above.iter().take_while(|line| line.trim().is_empty()).count();
            self.above.truncate(blanks);
            self.above.extend(new.above.iter().filter(|line| !line.trim().is_empty()));
        }
        match (self.map_indent(), new.map_indent()) {
            (Some(indent), Some(new_indent)) if level < merged_levels => {
                let mut block = Block::parse(&self.below, indent);
                block.merge(&Block::parse(&new.below, new_indent), level + 1, merged_levels);
                self.below = block.lines();
            }
            _ => {
                self.line = new.line;
                self.below.clone_from(&new.below);
            }
        }
    }

    /// The entry with its own comments, or else with others.
    fn with_comments(&self, others: Vec<&'t str>) -> Entry<'t> {
        let has_own = self.above.iter().any(|line| is_comment(line));
        let above = if has_own { self.above.clone() } else { others };
        Entry { above, key: self.key, line: self.line, below: self.below.clone() }
    }
}

/// The lines from a position up to the first that a condition does not hold for.
fn take_while<'t>(
    lines: &[&'t str],
    at: &mut usize,
    condition: impl Fn(&str) -> bool,
) -> Vec<&'t str> {
    let taken: Vec<&str> =
        lines[*at..].iter().copied().take_while(|line| condition(line)).collect();
    *at += taken.len();
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "# The head.\n\na: 1 # one\n\n# About b.\nb:\n  # About c.\n  c: 2\n  list:\n    - x\n\
                        \n  # d: 4\n  # An example:\n  # e:\n  #   f: 1\n  g: 7\n  # The end of b.\nh: {i: 8}\n";

    fn data(text: &str) -> serde_json::Value {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn an_empty_layer_changes_nothing() {
        assert_eq!(lay_over(BASE, "", 9), BASE);
    }

    #[test]
    fn entries_are_replaced_inserted_and_removed_with_their_comments() {
        let overlay = "a: 5\nb:\n  c: null\n  # New items.\n  list: [y]\n  j:\n    k: 1\n  d: 6\n  e: 9\nh: {l: 1}\n";
        let merged = lay_over(BASE, overlay, 9);
        assert_eq!(
            merged,
            "# The head.\n\na: 5\n\n# About b.\nb:\n  # New items.\n  list: [y]\n  j:\n    k: 1\n\n  d: 6\n  # An example:\n  \
             e: 9\n  g: 7\n  # The end of b.\nh: {l: 1}\n"
        );
        assert_eq!(
            data(&merged),
            serde_json::json!({"a": 5, "b": {"list": ["y"], "j": {"k": 1}, "d": 6, "e": 9, "g": 7}, "h": {"l": 1}})
        );
    }

    #[test]
    fn a_new_section_is_apart_from_the_others() {
        assert_eq!(lay_over("a: 1\n\nb: 2\n", "a: 3\nc: 4\n", 9), "a: 3\n\nc: 4\n\nb: 2\n");
    }

    #[test]
    fn deeper_maps_are_replaced() {
        let base = "gate:\n  image:\n    repository: a\n    tag: b\n  floor: 1\n";
        let overlay = "gate:\n  image:\n    repository: c\n    digest: d\n";
        let expected = "gate:\n  image:\n    repository: c\n    digest: d\n  floor: 1\n";
        assert_eq!(lay_over(base, overlay, 1), expected);
    }
}
