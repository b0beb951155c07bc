//! Words for a POSIX shell.

/// A command line that a POSIX shell splits into these words again.
pub(crate) fn shell_command(words: &[&str]) -> String {
    words.iter().map(|word| shell_quote(word)).collect::<Vec<_>>().join(" ")
}

/// A word with quotes for a POSIX shell, if it needs them.
pub(crate) fn shell_quote(word: &str) -> String {
    let mut characters = word.chars();
    if !word.is_empty() && characters.all(|c| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c))
    {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_only_if_a_shell_would_change_it() {
        for (word, quoted) in [
            ("tier-2_gpu@x.example/a:b=c,d%+", "tier-2_gpu@x.example/a:b=c,d%+"),
            ("", "''"),
            ("a b", "'a b'"),
            ("$(id)", "'$(id)'"),
            ("it's", "'it'\\''s'"),
            ("a\nb", "'a\nb'"),
            ("~", "'~'"),
        ] {
            assert_eq!(shell_quote(word), quoted);
        }
    }
}
