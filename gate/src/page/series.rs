//! Adding up the series of the metric.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use super::value::{self, Number};
use super::{NAMESPACE_LABEL, PageFault, Query, UNKNOWN, Usage};

/// The label Prometheus keeps a metric's name in.
const NAME_LABEL: &[u8] = b"__name__";

/// Parts a series' labels in its identity: no byte of UTF-8.
const SEPARATOR: u8 = 0xff;

/// The sum so far, and the series being read.
pub(super) struct Sum<'a> {
    query: &'a Query,
    usage: Usage,
    /// The series so far, by [`Self::identity`].
    seen: HashSet<u64>,
    keys: RandomState,
    counted: bool,
    labels: Vec<(&'a [u8], &'a str)>,
}

impl<'a> Sum<'a> {
    pub(super) fn new(query: &'a Query) -> Self {
        Self {
            query,
            usage: Usage::default(),
            seen: HashSet::new(),
            keys: RandomState::new(),
            counted: false,
            labels: Vec::new(),
        }
    }

    /// A series of this name begins.
    pub(super) fn start(&mut self, name: &[u8]) {
        self.counted = name == self.query.metric.as_bytes();
        self.labels.clear();
    }

    /// It has this label; the value's escapes are as the page has them.
    pub(super) fn label(&mut self, name: &'a [u8], value: &'a str) {
        self.labels.push((name, value));
    }

    /// It ends, with this value.
    pub(super) fn finish(&mut self, number: Number) -> Result<(), PageFault> {
        // Sorted, so that a thousand labels cost no million comparisons.
        self.labels.sort_unstable_by_key(|(name, _)| *name);
        let twice = self.labels.windows(2).any(|pair| pair[0].0 == pair[1].0);
        if twice || self.labels.iter().any(|(name, _)| *name == NAME_LABEL) {
            return Err(PageFault::LabelTwice);
        }
        if !self.counted {
            return Ok(());
        }
        let bytes = value::to_bytes(number, self.query.unit.bytes())?;
        if !self.seen.insert(self.identity()) {
            return Err(PageFault::SeriesTwice);
        }
        self.usage.series += 1;
        let namespace = self.labels.iter().find(|(name, _)| *name == NAMESPACE_LABEL.as_bytes());
        let namespace = namespace.map(|(_, value)| unescape(value)).unwrap_or_default();
        let share = if namespace == UNKNOWN {
            &mut self.usage.unknown
        } else if namespace == self.query.namespace && !namespace.is_empty() {
            &mut self.usage.tenant
        } else {
            &mut self.usage.others
        };
        // Both are at most 2⁶³ − 1, so the sum fits; it is held to that below.
        *share += bytes;
        if *share <= value::MOST { Ok(()) } else { Err(PageFault::TooLarge) }
    }

    /// What the page says in all.
    pub(super) fn usage(&self) -> Result<Usage, PageFault> {
        if self.usage.everyone() <= value::MOST { Ok(self.usage) } else { Err(PageFault::TooLarge) }
    }

    /// The labels as one number: the same for the same series however written.
    /// A label without a value is, to Prometheus, no label.
    ///
    /// Two series that share a number by chance (once in some 10¹³ pages of a
    /// thousand series) cost a try: the page is refused, and the next try has
    /// other keys. No series is lost by it.
    fn identity(&self) -> u64 {
        let mut hasher = self.keys.build_hasher();
        for (name, value) in self.labels.iter().filter(|(_, value)| !value.is_empty()) {
            hasher.write(name);
            hasher.write_u8(SEPARATOR);
            hasher.write(unescape(value).as_bytes());
            hasher.write_u8(SEPARATOR);
        }
        hasher.finish()
    }
}

/// A label's value without its escapes: `\\`, `\"` and `\n`. Any other pair
/// stays as it is, as in the scraper (`promparse.go`, `lvalReplacer`).
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
    fn escapes_are_read_as_the_scraper_reads_them() {
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
