//! The page of an exporter, read as Prometheus' scraper reads it or not at all.
//!
//! In: the bytes of a page in Prometheus' text format 0.0.4. Out: the memory
//! in use, by whom. The grammar is that of Prometheus' own lexer
//! (`model/textparse/promlex.l` and `promparse.go`) and of the checks its
//! scrape loop adds; where this reader is stricter, `gate/tests/pages.rs` says
//! why. A line that is not understood makes the page unreadable: a sum never
//! comes out lower because something was skipped.
//!
//! Files: `cursor` walks the bytes, `line` knows the grammar, `series` adds
//! up, `value` reads numbers, `error` says what was wrong and where.

mod cursor;
mod error;
mod line;
mod series;
mod value;

pub use error::{PageError, PageFault};

use cursor::Cursor;
use series::Sum;

/// The label that says whose memory a series counts.
pub const NAMESPACE_LABEL: &str = "namespace";

/// What the exporter writes for a process whose container it does not know.
pub const UNKNOWN: &str = "unknown";

/// What to look for on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The metric's name; one series of it is one amount of memory in use.
    pub metric: String,
    /// What the metric counts in.
    pub unit: Unit,
    /// The tenant's namespace, as the label [`NAMESPACE_LABEL`] names it.
    pub namespace: String,
}

/// The unit of a metric's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// Bytes.
    #[default]
    Bytes,
    /// 2²⁰ bytes, as NVIDIA's DCGM exporter counts.
    MiB,
}

impl Unit {
    /// How many bytes one is.
    #[must_use]
    pub fn bytes(self) -> u64 {
        match self {
            Self::Bytes => 1,
            Self::MiB => 1 << 20,
        }
    }
}

/// The memory in use according to one page, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// By the tenant's namespace.
    pub tenant: u64,
    /// By processes labelled [`UNKNOWN`]: the host's, or a young container's.
    pub unknown: u64,
    /// By everybody else, series without a namespace included.
    pub others: u64,
    /// How many series of the metric the page had.
    pub series: usize,
}

impl Usage {
    /// All memory in use.
    #[must_use]
    pub fn everyone(&self) -> u64 {
        self.residents().saturating_add(self.tenant)
    }

    /// The memory in use by all but the tenant.
    #[must_use]
    pub fn residents(&self) -> u64 {
        self.others.saturating_add(self.unknown)
    }
}

/// Reads a whole page.
///
/// # Errors
/// [`PageError`] at the first thing Prometheus would refuse the scrape for, or
/// that makes the sum doubtful: a page that is empty or lacks its last
/// newline, a zero byte, a value of the metric that is not a finite amount of
/// memory, one series of the metric twice.
pub fn parse(page: &[u8], query: &Query) -> Result<Usage, PageError> {
    let mut cursor = Cursor::new(page);
    match page.last() {
        None => return Err(cursor.error(PageFault::Empty)),
        Some(b'\n') => {}
        // The exporter's HTTP can't tell a page that was cut on the way: the
        // last newline is all there is.
        Some(_) => return Err(Cursor::at_end(page).error(PageFault::NoLastNewline)),
    }
    // Prometheus' lexer takes a zero byte between lines for the end of the
    // page, and would leave out the rest.
    if let Some(at) = page.iter().position(|byte| *byte == 0) {
        return Err(Cursor::at_end(&page[..at]).error(PageFault::ZeroByte));
    }
    let mut sum = Sum::new(query);
    while !cursor.is_done() {
        line::read(&mut cursor, &mut sum)?;
    }
    sum.usage().map_err(|fault| cursor.error(fault))
}
