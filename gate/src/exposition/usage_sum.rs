//! The sum over the metric's series.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use super::value::{self, Number};
use super::{ExpositionFault, NAMESPACE_LABEL, Query, UNKNOWN, Usage};

/// The label that Prometheus keeps a metric's name in.
const NAME_LABEL: &[u8] = b"__name__";

/// The separator of labels in a series' identity; it never occurs in UTF-8.
const SEPARATOR: u8 = 0xff;

/// The sum so far, and the series being parsed.
pub(super) struct UsageSum<'a> {
    query: &'a Query,
    usage: Usage,
    /// The series so far, by [`Self::series_identity`].
    identities: HashSet<u64>,
    hash_keys: RandomState,
    is_counted: bool,
    labels: Vec<(&'a [u8], &'a str)>,
}

impl<'a> UsageSum<'a> {
    pub(super) fn new(query: &'a Query) -> Self {
        Self {
            query,
            usage: Usage::default(),
            identities: HashSet::new(),
            hash_keys: RandomState::new(),
            is_counted: false,
            labels: Vec::new(),
        }
    }

    /// Starts a series of this name.
    pub(super) fn start_series(&mut self, name: &[u8]) {
        self.is_counted = name == self.query.metric.as_bytes();
        self.labels.clear();
    }

    /// Returns true if the series is one that is read.
    pub(super) fn is_read(&self) -> bool {
        self.is_counted
    }

    /// Adds a label of the series, with the escapes in its value.
    pub(super) fn add_label(&mut self, name: &'a [u8], value: &'a str) {
        self.labels.push((name, value));
    }

    /// Ends the series with its value.
    pub(super) fn finish_series(&mut self, number: Number) -> Result<(), ExpositionFault> {
        // Sorted, so that a thousand labels do not cost a million comparisons.
        self.labels.sort_unstable_by_key(|(name, _)| *name);
        let has_duplicate = self.labels.windows(2).any(|pair| pair[0].0 == pair[1].0);
        if has_duplicate || self.labels.iter().any(|(name, _)| *name == NAME_LABEL) {
            return Err(ExpositionFault::LabelTwice);
        }
        if !self.is_counted {
            return Ok(());
        }
        let bytes = value::to_bytes(number, self.query.unit.bytes())?;
        if !self.identities.insert(self.series_identity()) {
            return Err(ExpositionFault::SeriesTwice);
        }
        self.usage.series += 1;
        let label = self.labels.iter().find(|(name, _)| *name == NAMESPACE_LABEL.as_bytes());
        let namespace = label.map(|(_, value)| unescape(value)).unwrap_or_default();
        let share = if namespace == UNKNOWN {
            &mut self.usage.unknown
        } else if namespace == self.query.namespace && !namespace.is_empty() {
            &mut self.usage.tenant
        } else {
            &mut self.usage.others
        };
        // Both are at most 2⁶³ − 1, so the sum fits a u64; the next line keeps it below that limit.
        *share += bytes;
        if *share <= value::MAX_BYTES { Ok(()) } else { Err(ExpositionFault::TooLarge) }
    }

    /// Returns the whole usage.
    pub(super) fn total_usage(&self) -> Result<Usage, ExpositionFault> {
        if self.usage.everyone() <= value::MAX_BYTES {
            Ok(self.usage)
        } else {
            Err(ExpositionFault::TooLarge)
        }
    }

    /// Returns a hash of the labels that is equal for equal series, however they are written. As in
    /// Prometheus, a label with an empty value does not count.
    ///
    /// A collision of two series (once in about 10¹³ scrapes of a thousand series) costs one attempt: the
    /// scrape is refused, and the next attempt has other hash keys. No series is lost.
    fn series_identity(&self) -> u64 {
        let mut hasher = self.hash_keys.build_hasher();
        for (name, value) in self.labels.iter().filter(|(_, value)| !value.is_empty()) {
            hasher.write(name);
            hasher.write_u8(SEPARATOR);
            hasher.write(unescape(value).as_bytes());
            hasher.write_u8(SEPARATOR);
        }
        hasher.finish()
    }
}

/// Replaces the escapes of a label's value: `\\`, `\"` and `\n`. Every other pair stays unchanged, as in
/// the scraper (`promparse.go`, `lvalReplacer`).
fn unescape(value: &str) -> std::borrow::Cow<'_, str> {
    if !value.contains('\\') {
        return value.into();
    }
    let mut text = String::with_capacity(value.len());
    let mut rest = value.chars();
    while let Some(char) = rest.next() {
        if char != '\\' {
            text.push(char);
            continue;
        }
        match rest.next() {
            Some('n') => text.push('\n'),
            Some(escaped @ ('\\' | '"')) => text.push(escaped),
            other => {
                text.push('\\');
                text.extend(other);
            }
        }
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_replaced_as_by_the_scraper() {
        for (raw, text) in [
            ("plain", "plain"),
            (r#"a\"b\\c\nd"#, "a\"b\\c\nd"),
            (r"\q\\n", r"\q\n"),
            (r"\é", r"\é"),
        ] {
            assert_eq!(unescape(raw), text);
        }
    }
}
