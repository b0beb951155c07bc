//! Suggestions for a misspelt name.

use std::fmt;

use crate::diagnostic::Hint;

/// The longest misspelt name, in bytes, that is compared: comparing longer ones is slow.
const MAX_NAME_BYTES: usize = 128;

/// The most that two names may differ in length, in bytes, and still be compared.
const MAX_LENGTH_DIFFERENCE: usize = 16;

/// The most names that a hint lists.
const MAX_LISTED_NAMES: usize = 8;

/// Returns the allowed name that was probably meant: one that differs in case and separators only
/// (`min_ready_seconds`), else the nearest that is a few letters off.
pub fn suggest<'a>(name: &str, allowed: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > MAX_NAME_BYTES {
        return None;
    }
    let normalized = normalize(name);
    let max_distance = (name.chars().count() / 3).clamp(1, 3);
    allowed
        .into_iter()
        .map(|candidate| (edit_distance(name, &normalized, candidate), candidate))
        .filter(|&(distance, _)| distance <= max_distance)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// The number of edits between two names; 0 if they differ in case and separators only.
fn edit_distance(name: &str, normalized: &str, candidate: &str) -> usize {
    if normalize(candidate) == normalized {
        0
    } else if name.len().abs_diff(candidate.len()) > MAX_LENGTH_DIFFERENCE {
        usize::MAX
    } else {
        strsim::osa_distance(name, candidate).max(1)
    }
}

/// Returns a name's letters and digits in lower case.
fn normalize(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Returns the hint for a name that is not allowed: the name that was probably meant, else a list
/// of those that are allowed.
pub fn suggestion(name: &str, allowed: &[&str]) -> Option<Hint> {
    if let Some(near) = suggest(name, allowed.iter().copied()) {
        return Some(Hint::Suggestion(near.into()));
    }
    match allowed.len() {
        0 => None,
        1..=MAX_LISTED_NAMES => Some(format!("expected {}", one_of(allowed)).into()),
        _ => Some(format!("expected one of {}", list_names(allowed)).into()),
    }
}

/// Joins names for a sentence: `` `a`, `b` or `c` ``.
pub fn one_of(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, head)) => format!("{} or {last}", head.join(", ")),
        None => String::new(),
    }
}

/// Lists the first few names, and counts the others: `` `a`, `b` and 2 more ``.
pub fn list_names<T: fmt::Display>(names: &[T]) -> String {
    let listed: Vec<String> =
        names.iter().take(MAX_LISTED_NAMES).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(MAX_LISTED_NAMES) {
        0 => listed.join(", "),
        more => format!("{} and {more} more", listed.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_in_any_case() {
        let allowed = ["containers", "minReadySeconds", "hostIP", "initContainers"];
        for (name, suggested) in [
            ("continers", Some("containers")),
            ("min_ready_seconds", Some("minReadySeconds")),
            ("minreadyseconds", Some("minReadySeconds")),
            ("hostIp", Some("hostIP")),
            ("init-containers", Some("initContainers")),
            ("volumes", None),
            ("x", None),
            (&format!("containers{}", "s".repeat(1 << 20)), None),
        ] {
            assert_eq!(suggest(name, allowed), suggested, "{name}");
        }
    }

    #[test]
    fn a_few_allowed_names_are_listed_if_none_is_near() {
        for (allowed, hint) in [
            (&["a"][..], "expected `a`"),
            (&["a", "b", "c"], "expected `a`, `b` or `c`"),
            (
                &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"],
                "expected one of `a`, `b`, `c`, `d`, `e`, `f`, `g`, `h` and 2 more",
            ),
        ] {
            assert_eq!(suggestion("zzzzzz", allowed), Some(Hint::from(hint)));
        }
        assert_eq!(suggestion("zzzzzz", &[]), None);
    }
}
