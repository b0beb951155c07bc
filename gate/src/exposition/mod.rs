//! A strict parser of an exporter's exposition.
//!
//! In: the bytes of a scrape in Prometheus' text format 0.0.4. Out: the memory in use, by user. The
//! grammar is that of Prometheus' own lexer (`model/textparse/promlex.l` and `promparse.go`) and of the
//! checks in its scrape loop. `gate/tests/expositions.rs` gives the reason for each case where this
//! parser is stricter.
//!
//! Invariant: one line that is not understood makes the whole exposition invalid, so a sum is never too
//! low because something was skipped.

use std::cmp::Reverse;

mod checks;
mod cursor;
mod error;
mod line;
mod query;
mod select;
mod usage_sum;
mod value;

pub use checks::{Checks, Freshness};
pub use error::{ExpositionError, ExpositionFault};
pub use query::{NAMESPACE_LABEL, Query, Series, UNKNOWN};
pub use select::Selection;
pub use usage_sum::UsageSum;

use checks::Progress;
use cursor::Cursor;

/// The unit that a metric counts memory in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum MetricUnit {
    /// Bytes.
    #[default]
    #[cfg_attr(feature = "serde", serde(rename = "bytes"))]
    Bytes,
    /// Mebibytes, as in NVIDIA's DCGM exporter.
    MiB,
}

impl MetricUnit {
    /// Every unit with its name in settings.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("bytes", Self::Bytes), ("MiB", Self::MiB)];

    /// The unit in bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        match self {
            Self::Bytes => 1,
            Self::MiB => 1 << 20,
        }
    }

    /// Converts an amount in this unit to whole bytes, rounded up so that the result is never too low.
    ///
    /// # Errors
    /// An amount that is not a finite amount of memory.
    pub fn to_bytes(self, amount: f64) -> Result<u64, ExpositionFault> {
        value::to_bytes(value::Number::Float(amount), self.bytes())
    }
}

/// The memory in use according to one scrape, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// By the tenant's namespace.
    pub tenant: u64,
    /// By processes labelled [`UNKNOWN`]: the host's, or a young container's.
    pub unknown: u64,
    /// By everyone else, series without a namespace and what no series attributes included.
    pub others: u64,
    /// The number of the series of memory in use that are read.
    pub series: usize,
    /// The device's memory; `None` if the query reads no metric of free memory or of the total.
    pub total: Option<u64>,
}

impl Usage {
    /// All memory in use.
    #[must_use]
    pub fn everyone(&self) -> u64 {
        self.residents().saturating_add(self.tenant)
    }

    /// Returns the reading in which more is in use or, if that is equal, the device has less memory: two
    /// expositions read one after the other are equal, unless one of them was cut off.
    #[must_use]
    pub fn larger(self, other: Self) -> Self {
        let total = |usage: &Self| Reverse(usage.total.unwrap_or(u64::MAX));
        let amounts = |usage: &Self| (usage.everyone(), usage.residents(), total(usage));
        if amounts(&other) > amounts(&self) { other } else { self }
    }

    /// The memory in use by all but the tenant.
    #[must_use]
    pub fn residents(&self) -> u64 {
        self.others.saturating_add(self.unknown)
    }
}

/// The content of a whole exposition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Page {
    /// The memory in use.
    pub usage: Usage,
    /// The smallest value of the metric of [`Checks::clock`]; `None` without one.
    pub clock: Option<f64>,
}

/// Parses a whole exposition.
///
/// # Errors
/// [`ExpositionError`] at the first fault for which Prometheus would refuse the scrape, or that makes the
/// sum unreliable: no bytes, no last newline, a zero byte, a value of the metric that is not a finite
/// amount of memory, a duplicate series of the metric, two devices.
pub fn parse(exposition: &[u8], query: &Query) -> Result<Usage, ExpositionError> {
    parse_with(exposition, query, Checks::default())
}

/// Parses a whole exposition, and checks that it is current and whole.
///
/// # Errors
/// As [`parse`], and if a check fails.
pub fn parse_with(
    exposition: &[u8],
    query: &Query,
    checks: Checks<'_>,
) -> Result<Usage, ExpositionError> {
    parse_page(exposition, query, checks).map(|page| page.usage)
}

/// Parses a whole exposition as [`parse_with`] does; also returns the value of its clock.
///
/// # Errors
/// As [`parse_with`], and if the clock has no finite value.
pub fn parse_page(
    exposition: &[u8],
    query: &Query,
    checks: Checks<'_>,
) -> Result<Page, ExpositionError> {
    let mut cursor = Cursor::new(exposition);
    match exposition.last() {
        None => return Err(cursor.error(ExpositionFault::Empty)),
        Some(b'\n') => {}
        // The exporter answers in HTTP/1.0 without a length. Only the last newline shows that nothing
        // was cut off on the way.
        Some(_) => return Err(Cursor::at_end(exposition).error(ExpositionFault::NoLastNewline)),
    }
    // Prometheus' lexer takes a zero byte between lines for the end and would drop the rest.
    if let Some(at) = exposition.iter().position(|byte| *byte == 0) {
        return Err(Cursor::at_end(&exposition[..at]).error(ExpositionFault::ZeroByte));
    }
    let mut sum = UsageSum::new(query);
    let mut progress = Progress::new(checks);
    while !cursor.is_done() {
        line::parse_line(&mut cursor, &mut sum, &mut progress)?;
    }
    let clock = progress.finish().map_err(|fault| cursor.error(fault))?;
    let usage = sum.total_usage().map_err(|fault| cursor.error(fault))?;
    Ok(Page { usage, clock })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_reading_has_more_in_use_or_of_less_memory() {
        let usage = |others, tenant, total| Usage { others, tenant, total, series: 1, unknown: 0 };
        for (smaller, larger) in [
            (usage(1, 0, Some(9)), usage(2, 0, Some(9))),
            (usage(1, 1, None), usage(2, 0, None)),
            (usage(2, 0, Some(9)), usage(2, 0, Some(8))),
            (usage(2, 0, None), usage(2, 0, Some(9))),
            (usage(1, 0, Some(8)), usage(2, 0, Some(9))),
        ] {
            assert_eq!(smaller.larger(larger), larger);
            assert_eq!(larger.larger(smaller), larger);
        }
    }
}
