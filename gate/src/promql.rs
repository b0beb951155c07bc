//! The PromQL that reads series together with the times of their samples.
//!
//! A range (`metric[1m]`) has times too, but it still has the samples of a Pod that ended, which an instant
//! vector has not: Prometheus marks the end of such a series, and an instant vector heeds the mark. An
//! instant vector's own time is always now, so `timestamp()` asks for that of the sample. Both are parts of
//! one query, so they are of one moment.

/// The label of the series with values, and of those with times. Its value is the metric's name, which
/// `timestamp()` drops.
pub const VALUE_LABEL: &str = "vram_gate_value";
/// See [`VALUE_LABEL`].
pub const TIME_LABEL: &str = "vram_gate_time";

/// Returns a query of a selector's series and of the times of their samples, as parts that `or` joins.
#[must_use]
pub fn with_times(metric: &str, selector: &str) -> String {
    let times = mark(&format!("timestamp({selector})"), TIME_LABEL, metric);
    format!("{} or {times}", with_values(metric, selector))
}

/// Returns a query of an expression's series alone.
#[must_use]
pub fn with_values(metric: &str, expression: &str) -> String {
    mark(expression, VALUE_LABEL, metric)
}

/// Adds a label to each series of a vector.
fn mark(vector: &str, label: &str, value: &str) -> String {
    format!("label_replace({vector}, \"{label}\", \"{value}\", \"\", \"\")")
}

/// Returns true for a selector of series: a metric's name, matchers in braces, or both. Only of a selector
/// does `timestamp()` return the time of the sample; of any other expression it is now.
#[must_use]
pub fn is_selector(text: &str) -> bool {
    let text = text.trim();
    let name = text.find(|char| !is_in_name(char)).unwrap_or(text.len());
    let (name, rest) = text.split_at(name);
    if name.starts_with(|char: char| char.is_ascii_digit()) {
        return false;
    }
    match rest.trim_start() {
        "" => !name.is_empty(),
        matchers => skip_matchers(matchers) == Some(""),
    }
}

/// Returns the metric that a selector selects; `None` for any other text, and without one name of a metric.
#[must_use]
pub fn selected_metric(text: &str) -> Option<&str> {
    let text = text.trim();
    if !is_selector(text) {
        return None;
    }
    let (name, matchers) = text.split_at(text.find('{').unwrap_or(text.len()));
    if !name.trim().is_empty() {
        return Some(name.trim());
    }
    let (_, rest) = matchers.split_once("__name__")?;
    let value = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\'' | '`'))?;
    value[1..].split_once(quote).map(|(name, _)| name)
}

fn is_in_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '_' | ':')
}

/// Skips matchers in braces; returns the text after them.
fn skip_matchers(text: &str) -> Option<&str> {
    let mut rest = text.strip_prefix('{')?.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Some(after);
        }
        let name = rest.find(|char: char| !char.is_ascii_alphanumeric() && char != '_')?;
        if name == 0 || rest.starts_with(|char: char| char.is_ascii_digit()) {
            return None;
        }
        rest = rest[name..].trim_start();
        rest = ["=~", "!~", "!=", "="].iter().find_map(|operator| rest.strip_prefix(operator))?;
        rest = skip_string(rest.trim_start())?.trim_start();
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None if rest.starts_with('}') => {}
            None => return None,
        }
    }
}

/// Skips a string in quotes; returns the text after it.
fn skip_string(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|char| matches!(char, '"' | '\'' | '`'))?;
    let mut is_escaped = false;
    for (at, char) in text.char_indices().skip(1) {
        if is_escaped {
            is_escaped = false;
        } else if char == quote {
            return Some(&text[at + 1..]);
        } else if char == '\n' && quote != '`' {
            return None;
        } else {
            is_escaped = char == '\\' && quote != '`';
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors() {
        for text in [
            "used",
            " a:b_1 ",
            "used{}",
            "used {gpu=\"0\"}",
            "used{gpu=\"0\",node!=\"a\" , pod=~'x.*',b!~`\\`,}",
            "used{a=\"}\\\"\"}",
            "{__name__=~\"used|free\"}",
        ] {
            assert!(is_selector(text), "{text}");
        }
        for text in [
            "",
            "1",
            "sum(used)",
            "used[1m]",
            "used offset 1m",
            "used @ 0",
            "used + used",
            "used or used",
            "used{gpu=\"0\"} or used",
            "used{gpu=\"0\"",
            "used{gpu=\"0}",
            "used{gpu=0}",
            "used{=\"0\"}",
            "used{1=\"0\"}",
            "used{gpu=\"0\" node=\"1\"}",
            "used{gpu==\"0\"}",
            "used{,}",
            "used{gpu=\"a\nb\"}",
            "größe",
            "timestamp(used)",
        ] {
            assert!(!is_selector(text), "{text}");
        }
    }

    #[test]
    fn the_query_has_the_values_and_the_times() {
        assert_eq!(
            with_times("used", "used{gpu=\"0\"}"),
            "label_replace(used{gpu=\"0\"}, \"vram_gate_value\", \"used\", \"\", \"\") or \
             label_replace(timestamp(used{gpu=\"0\"}), \"vram_gate_time\", \"used\", \"\", \"\")"
        );
    }

    #[test]
    fn a_selector_has_at_most_one_metric() {
        for (text, expected) in [
            ("used", Some("used")),
            (" used {gpu=\"0\"} ", Some("used")),
            ("{__name__=\"used\",gpu=\"0\"}", Some("used")),
            ("{gpu=\"0\", __name__ = 'used'}", Some("used")),
            ("{__name__=~\"used.*\"}", None),
            ("{gpu=\"0\"}", None),
            ("sum(used)", None),
            ("used * 1024", None),
        ] {
            assert_eq!(selected_metric(text), expected, "{text}");
        }
    }
}
