//! The mark of a line that the user must look at: `init` writes it, and `lint` reports it.

/// The mark, a word of the comment beside a value.
pub(crate) const MARK: &str = "<-";

/// The part before the comment of a line with a value and the mark; `None` for any other line.
pub(crate) fn marked_value(line: &str) -> Option<&str> {
    let mut comments = line.match_indices(" #").map(|(at, _)| &line[at + 2..]);
    let is_marked = !line.trim_start().starts_with('#')
        && comments.any(|comment| comment.split_whitespace().any(|word| word == MARK));
    let (value, _) = line.split_once(" #")?;
    is_marked.then_some(value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_comment_beside_a_value_is_a_mark() {
        for line in ["  port: 8000 # <-", "  port: 8000 # <- the server's", "  port: 8000 # a # <-"]
        {
            assert_eq!(marked_value(line), Some("port: 8000"), "{line}");
        }
        for line in [
            "# Replace the values marked <- .",
            "  # port: 8000 # <-",
            "  arrow: \"a <- b\"",
            "  port: 8000 # the server's",
            "  port: 8000",
        ] {
            assert_eq!(marked_value(line), None, "{line}");
        }
    }
}
