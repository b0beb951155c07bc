//! Kyverno's globs: `*` matches any text, `?` one character; nothing else is special
//! (`ext/wildcard` of kyverno 1.19, which is go-wildcard 1.0.3).

/// Returns true if a name matches a pattern.
pub fn glob_matches(pattern: &str, name: &str) -> bool {
    if !is_glob(pattern) {
        return pattern == name;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // The position of the last `*`, and the length of the name up to the end of its match.
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

/// Returns true if a pattern is more than a name.
pub(super) fn is_glob(pattern: &str) -> bool {
    pattern.bytes().any(|byte| matches!(byte, b'*' | b'?'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_in_kyverno() {
        for (pattern, name, expected) in [
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
            assert_eq!(glob_matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
