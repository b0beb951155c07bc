//! The name that was meant.

/// The longest text, in bytes, that can be meant for a name; comparing longer ones takes its time.
const LONGEST: usize = 128;

/// The allowed name nearest to a wrong one, if one is near: the same but for case and separators
/// (`min_ready_seconds`), or a few letters off.
pub fn near_name<'a>(wrong: &str, allowed: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if wrong.len() > LONGEST {
        return None;
    }
    let bare = bare(wrong);
    let most = (wrong.chars().count() / 3).clamp(1, 3);
    let distance = |name: &str| match self::bare(name) == bare {
        true => 0,
        // So many letters more can't be a slip, and comparing them would take long.
        false if wrong.len().abs_diff(name.len()) > 16 => usize::MAX,
        false => strsim::osa_distance(wrong, name).max(1),
    };
    let near = allowed.into_iter().map(|name| (distance(name), name));
    near.filter(|&(distance, _)| distance <= most)
        .min_by_key(|&(distance, _)| distance)
        .map(|n| n.1)
}

fn bare(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What to say about a wrong name: the near one, or a few of the allowed.
pub fn name_hint(wrong: &str, allowed: &[&str]) -> Option<String> {
    const MOST: usize = 8;
    if let Some(name) = near_name(wrong, allowed.iter().copied()) {
        return Some(format!("did you mean `{name}`?"));
    }
    let named: Vec<String> = allowed.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    let rest = allowed.len().saturating_sub(MOST);
    match (named.len(), rest) {
        (0, _) => None,
        (1, _) => Some(format!("allowed is {}", named[0])),
        (_, 0) => Some(format!("allowed are {}", named.join(", "))),
        _ => Some(format!("allowed are {} and {rest} more", named.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_near_name_is_found_whatever_its_case() {
        let allowed = ["containers", "minReadySeconds", "hostIP", "initContainers"];
        for (wrong, right) in [
            ("continers", Some("containers")),
            ("min_ready_seconds", Some("minReadySeconds")),
            ("minreadyseconds", Some("minReadySeconds")),
            ("hostIp", Some("hostIP")),
            ("init-containers", Some("initContainers")),
            ("volumes", None),
            ("x", None),
            (&format!("containers{}", "s".repeat(1 << 20)), None),
        ] {
            assert_eq!(near_name(wrong, allowed), right, "{wrong}");
        }
    }

    #[test]
    fn without_a_near_name_a_few_are_listed() {
        let hint = |names: &[&str]| name_hint("zzzzzz", names);
        assert_eq!(hint(&[]), None);
        assert_eq!(hint(&["a"]).as_deref(), Some("allowed is `a`"));
        assert_eq!(hint(&["a", "b"]).as_deref(), Some("allowed are `a`, `b`"));
        let many = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        let listed = "allowed are `a`, `b`, `c`, `d`, `e`, `f`, `g`, `h` and 2 more";
        assert_eq!(hint(&many).as_deref(), Some(listed));
    }
}
