//! Links of reports: to the sources that rules name, and to this project's documentation.
//!
//! The documentation's address is known to a release alone: `.ci/release` sets `TTS_RENDER_DOCS` when it
//! compiles, to the folder `docs` of the released version. Without it, only sources are linked.

/// The URL of the folder `docs` of this version.
const DOCS: Option<&str> = option_env!("TTS_RENDER_DOCS");

/// The page of `docs` that describes this program's rules for changes.
pub(crate) const DIFF_PAGE: &str = "docs/diff.md#consequences";
/// The page of `docs` that describes the rules of lint.
pub(crate) const LINT_PAGE: &str = "docs/lint.md#rules";

/// The URL of a page of the documentation (`docs/gate.md`), if the documentation's address is known.
pub(crate) fn page_url(page: &str) -> Option<String> {
    page_below(DOCS, page)
}

fn page_below(docs: Option<&str>, page: &str) -> Option<String> {
    let page = page.strip_prefix("docs/")?;
    let is_page = page.split('#').next().is_some_and(|name| name.ends_with(".md"));
    docs.filter(|_| is_page).map(|docs| format!("{}/{page}", docs.trim_end_matches('/')))
}

/// The page with information about this version, as an absolute URI even if no address is known.
pub(crate) fn home() -> String {
    page_url("docs/lint.md").unwrap_or_else(|| "urn:tts-render".to_owned())
}

/// The page with information about a rule of lint: this project's, or else the first of its sources, as an
/// absolute URI in any case.
pub(crate) fn rule_uri(id: &str, source: &str) -> String {
    page_url(LINT_PAGE)
        .or_else(|| parts(source).into_iter().find_map(|part| part.url))
        .unwrap_or_else(|| format!("urn:tts-render:lint:{id}"))
}

/// A part of a rule's source.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    /// Its text.
    pub text: &'a str,
    /// The address that it leads to, if it is one or is a page whose address is known.
    pub url: Option<String>,
}

/// Splits a rule's source into its addresses and the words between them; the parts' texts together are
/// the whole text.
pub(crate) fn parts(source: &str) -> Vec<Part<'_>> {
    parts_below(DOCS, source)
}

fn parts_below<'a>(docs: Option<&str>, source: &'a str) -> Vec<Part<'a>> {
    let mut parts: Vec<Part<'a>> = Vec::new();
    let mut start = 0;
    for word in source.split_inclusive(' ') {
        let at = word.as_ptr() as usize - source.as_ptr() as usize;
        let text = word.trim_end_matches([' ', ',', ';', ':', '.', ')']);
        let url = match text.starts_with("https://") {
            true => Some(text.to_owned()),
            false => page_below(docs, text),
        };
        if url.is_some() {
            if start < at {
                parts.push(Part { text: &source[start..at], url: None });
            }
            parts.push(Part { text, url });
            start = at + text.len();
        }
    }
    if start < source.len() {
        parts.push(Part { text: &source[start..], url: None });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_between_words() {
        let source = "docs/gate.md: why; https://a.example/b#c; gate/src/decision.rs";
        let shown = |docs: Option<&str>| -> Vec<(String, Option<String>)> {
            let parts = parts_below(docs, source);
            let together: String = parts.iter().map(|part| part.text).collect();
            assert_eq!(together, source);
            parts.into_iter().map(|part| (part.text.to_owned(), part.url)).collect()
        };
        let link = |text: &str, url: &str| (text.to_owned(), Some(url.to_owned()));
        let plain = |text: &str| (text.to_owned(), None);
        let address = link("https://a.example/b#c", "https://a.example/b#c");
        assert_eq!(
            shown(None),
            [plain("docs/gate.md: why; "), address.clone(), plain("; gate/src/decision.rs")]
        );
        assert_eq!(
            shown(Some("https://git.example/me/x/docs/")),
            [
                link("docs/gate.md", "https://git.example/me/x/docs/gate.md"),
                plain(": why; "),
                address,
                plain("; gate/src/decision.rs")
            ]
        );
    }

    #[test]
    fn every_rule_has_an_absolute_uri() {
        assert_eq!(
            page_below(Some("https://x/docs"), "docs/lint.md#rules").unwrap(),
            "https://x/docs/lint.md#rules"
        );
        assert_eq!(page_below(Some("https://x/docs"), "src/lint/mod.rs"), None);
        for rule in crate::lint::RULES {
            let uri = rule_uri(rule.id, rule.source);
            assert!(
                uri.starts_with("https://") || uri == format!("urn:tts-render:lint:{}", rule.id)
            );
        }
    }
}
