//! Kyverno's globs: `*` is any text, `?` one character; nothing else is special
//! (`ext/wildcard` of kyverno 1.19, which is go-wildcard 1.0.3).

/// Whether a name fits a pattern.
pub fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // Where the last `*` stands, and what of the name it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&c) if c == '?' || c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, taken)) = star else {
                    return false;
                };
                star = Some((at, taken + 1));
                p = at + 1;
                n = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

/// Whether a pattern is more than a name.
pub(super) fn is_glob(pattern: &str) -> bool {
    pattern.contains(['*', '?'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_kyverno_has_them() {
        for (pattern, name, fits) in [
            ("tts", "tts", true),
            ("tts", "tts2", false),
            ("t*", "tts", true),
            ("*", "tts", true),
            ("*s", "tts", true),
            ("*t*s*", "tts", true),
            ("t?s", "tts", true),
            ("tt?", "tt", false),
            ("?", "", false),
            ("*", "", true),
            ("", "", true),
            ("", "tts", false),
            ("*-system", "kube-system-2", false),
            ("*a*b*c", "xaxbxcxbc", true),
            ("[t]ts", "tts", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }
}
