//! The checks of a scrape beyond its grammar: that it is current, and that it is whole.

use std::time::Duration;

use super::ExpositionFault;
use super::value::Number;

/// The checks of a scrape beyond its grammar. The default is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checks<'a> {
    /// A metric that must follow the last series that is read: proof that the exposition was not cut off
    /// between two lines.
    pub sentinel: Option<&'a str>,
    /// The age that a series may have; `None`: its timestamp is not used.
    pub freshness: Option<Freshness>,
    /// A metric that grows with each update of the exporter; its smallest value is returned.
    pub clock: Option<&'a str>,
}

/// The age that a series may have, by its timestamp. A series without one is current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// The current time, in milliseconds since 1970.
    pub now: i64,
    /// The most that a timestamp may differ from it, in either direction.
    pub max_age: Duration,
}

impl Freshness {
    /// Checks a timestamp in milliseconds since 1970.
    ///
    /// # Errors
    /// The fault of a series with that timestamp.
    pub fn check(&self, timestamp: i64) -> Result<(), ExpositionFault> {
        if u128::from(self.now.abs_diff(timestamp)) <= self.max_age.as_millis() {
            Ok(())
        } else if timestamp < self.now {
            Err(ExpositionFault::Stale)
        } else {
            Err(ExpositionFault::Future)
        }
    }
}

/// The checks while an exposition is parsed.
pub(super) struct Progress<'a> {
    checks: Checks<'a>,
    /// The sentinel was found, and nothing that is read since.
    is_sentinel_last: bool,
    /// The smallest value of the clock so far.
    clock: Option<f64>,
}

impl<'a> Progress<'a> {
    pub(super) fn new(checks: Checks<'a>) -> Self {
        Self { checks, is_sentinel_last: false, clock: None }
    }

    /// Notes a series that is read, with its timestamp.
    pub(super) fn note_read(&mut self, timestamp: Option<i64>) -> Result<(), ExpositionFault> {
        self.is_sentinel_last = false;
        match (self.checks.freshness, timestamp) {
            (Some(freshness), Some(timestamp)) => freshness.check(timestamp),
            _ => Ok(()),
        }
    }

    /// Notes a series of another metric.
    pub(super) fn note_other(&mut self, name: &[u8], number: Number) {
        let is_named = |it: Option<&str>| it.is_some_and(|it| it.as_bytes() == name);
        self.is_sentinel_last |= is_named(self.checks.sentinel);
        if is_named(self.checks.clock) {
            // One value that is not a number makes the clock useless, whatever the others are.
            let value = Some(number.to_float()).filter(|value| value.is_finite());
            let value = value.unwrap_or(f64::NEG_INFINITY);
            self.clock = Some(self.clock.unwrap_or(f64::INFINITY).min(value));
        }
    }

    /// Checks the end of the exposition; returns the clock's value, if one is asked for.
    pub(super) fn finish(&self) -> Result<Option<f64>, ExpositionFault> {
        if self.checks.sentinel.is_some() && !self.is_sentinel_last {
            return Err(ExpositionFault::NoSentinel);
        }
        match self.clock.filter(|clock| clock.is_finite()) {
            None if self.checks.clock.is_some() => Err(ExpositionFault::NoFreshness),
            clock => Ok(clock),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::{Query, Selection, parse_page, parse_with};

    fn verdict(exposition: &str, checks: Checks<'_>) -> Result<u64, ExpositionFault> {
        let query = Query { metric: "used".into(), namespace: "speech".into(), ..Query::default() };
        parse_with(exposition.as_bytes(), &query, checks)
            .map(|usage| usage.everyone())
            .map_err(|error| error.fault)
    }

    #[test]
    fn the_sentinel_follows_the_last_series() {
        let checks = Checks { sentinel: Some("done"), ..Checks::default() };
        for (exposition, expected) in [
            ("used{a=\"1\"} 1\nused{a=\"2\"} 2\ndone 1\n", Ok(3)),
            ("used 1\ndone{code=\"0\"} 0\nother 1\n# done\n", Ok(1)),
            ("done 1\nused 1\ndone 1\n", Ok(1)),
            ("done 1\n", Ok(0)),
            ("used 1\n", Err(ExpositionFault::NoSentinel)),
            ("done 1\nused 1\n", Err(ExpositionFault::NoSentinel)),
            ("used 1\n# done 1\n", Err(ExpositionFault::NoSentinel)),
            ("used 1\ndone_ 1\ndon 1\n", Err(ExpositionFault::NoSentinel)),
            ("# nothing\n", Err(ExpositionFault::NoSentinel)),
        ] {
            assert_eq!(verdict(exposition, checks), expected, "{exposition}");
        }
    }

    #[test]
    fn a_series_that_is_not_selected_has_neither_age_nor_place() {
        let select = Selection::parse("gpu=\"0\"").unwrap();
        let query = Query { metric: "used".into(), select, ..Query::default() };
        let freshness = Freshness { now: 1_700_000_000_000, max_age: Duration::from_secs(60) };
        let checks = Checks { sentinel: Some("done"), freshness: Some(freshness), clock: None };
        for (exposition, expected) in [
            ("used{gpu=\"0\"} 1\nused{gpu=\"1\"} 2 0\ndone 1\n", Ok(1)),
            ("used{gpu=\"0\"} 1\ndone 1\nused{gpu=\"1\"} 2\n", Ok(1)),
            ("used{gpu=\"1\"} 2\ndone 1\nused{gpu=\"0\"} 1\n", Err(ExpositionFault::NoSentinel)),
            ("used{gpu=\"1\"} 2\nused{gpu=\"0\"} 1 0\ndone 1\n", Err(ExpositionFault::Stale)),
        ] {
            let usage = parse_with(exposition.as_bytes(), &query, checks);
            let found = usage.map(|usage| usage.everyone()).map_err(|error| error.fault);
            assert_eq!(found, expected, "{exposition}");
        }
    }

    #[test]
    fn the_clock_is_the_smallest_value_of_its_metric() {
        let query = Query { metric: "used".into(), namespace: "speech".into(), ..Query::default() };
        let checks = Checks { clock: Some("probes_total"), ..Checks::default() };
        for (exposition, expected) in [
            ("probes_total 7\nused 1\n", Ok(Some(7.0))),
            ("used 1\nprobes_total{gpu=\"0\"} 9\nprobes_total{gpu=\"1\"} 8.5\n", Ok(Some(8.5))),
            ("used 1\n", Err(ExpositionFault::NoFreshness)),
            ("used 1\n# probes_total 7\nprobes 7\n", Err(ExpositionFault::NoFreshness)),
            ("used 1\nprobes_total NaN\n", Err(ExpositionFault::NoFreshness)),
            (
                "used 1\nprobes_total{a=\"1\"} NaN\nprobes_total 1\n",
                Err(ExpositionFault::NoFreshness),
            ),
            (
                "used 1\nprobes_total{a=\"1\"} 1\nprobes_total NaN\n",
                Err(ExpositionFault::NoFreshness),
            ),
            ("used 1\nprobes_total +Inf\n", Err(ExpositionFault::NoFreshness)),
        ] {
            let page = parse_page(exposition.as_bytes(), &query, checks);
            let found = page.map(|page| page.clock).map_err(|error| error.fault);
            assert_eq!(found, expected, "{exposition}");
        }
        let page = parse_page(b"probes_total 7\nused 1\n", &query, Checks::default());
        assert_eq!(page.map(|page| page.clock), Ok(None));
    }

    #[test]
    fn a_timestamp_is_at_most_the_age_away() {
        let max_age = Duration::from_secs(60);
        let checks = Checks {
            freshness: Some(Freshness { now: 1_700_000_000_000, max_age }),
            ..Checks::default()
        };
        for (exposition, expected) in [
            ("used 1\n", Ok(1)),
            ("used 1 1700000000000\n", Ok(1)),
            ("used 1 1699999940000\n", Ok(1)),
            ("used 1 1700000060000\n", Ok(1)),
            ("used 1 1699999939999\n", Err(ExpositionFault::Stale)),
            ("used{a=\"b\"} 1\nused 1 0\n", Err(ExpositionFault::Stale)),
            ("used 1 1700000060001\n", Err(ExpositionFault::Future)),
            ("used 1 9223372036854775807\n", Err(ExpositionFault::Future)),
            ("used 1\nother 1 0\n", Ok(1)),
        ] {
            assert_eq!(verdict(exposition, checks), expected, "{exposition}");
        }
        assert_eq!(verdict("used 1 0\n", Checks::default()), Ok(1));
    }
}
