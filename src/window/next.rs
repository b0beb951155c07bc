//! The coming windows of stacks.
//!
//! In: a rendered project and a span of time. Out: a [`Calendar`]. The module reads no clock: the span
//! is the caller's.

use jiff::Timestamp;

/// A span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first instant.
    pub from: Timestamp,
    /// The instant after its last.
    pub until: Timestamp,
}
