//! The recorded GPU as a gate reads it.
//!
//! Every sum is made by the gate's own library, so an amount means here what it means in the cluster.

use std::collections::{BTreeMap, BTreeSet};

use vram_gate::decision::{Attribution, Reading, Rules};
use vram_gate::exposition::{ExpositionFault, Query, Usage, UsageSum};

use crate::window::history::{History, HistoryError};

/// A history with the query of a gate.
#[derive(Debug, Clone)]
pub(crate) struct Recorded<'a> {
    history: &'a History,
    query: Query,
}

/// A span of time in which the reading is the same: from a sample, or the moment at which one is too old, to
/// the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Segment {
    /// Its first instant, in milliseconds since 1970.
    pub start: i64,
    /// The usage as recorded; `None` without a reading.
    pub usage: Option<Usage>,
}

impl<'a> Recorded<'a> {
    /// # Errors
    /// The history is of another metric or unit.
    pub fn new(history: &'a History, query: &Query) -> Result<Self, HistoryError> {
        history.check(query)?;
        Ok(Recorded { history, query: query.clone() })
    }

    /// The history.
    pub fn history(&self) -> &'a History {
        self.history
    }

    /// The gate's query.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// Returns the usage at an instant; `None` if no series has a sample that counts then.
    ///
    /// # Errors
    /// The fault for which the gate would refuse a scrape with these series.
    pub fn usage(&self, at: i64) -> Result<Option<Usage>, ExpositionFault> {
        let mut sum = UsageSum::new(&self.query);
        let mut is_recorded = false;
        for series in self.history.series() {
            if let Some(sample) = series.latest(at, self.history.max_age()) {
                is_recorded = true;
                sum.add_sample(series.metric(&self.query), series.labels(), sample.value)?;
            }
        }
        let usage = sum.total_usage()?;
        Ok((is_recorded && usage.series > 0).then_some(usage))
    }

    /// The segments from `from` to `until`. Without a reading that the gate would accept there is none.
    pub fn segments(&self, from: i64, until: i64) -> Vec<Segment> {
        let mut starts = BTreeSet::from([from]);
        let age = self.history.max_age();
        for series in self.history.series() {
            let samples = series.samples_between(from.saturating_sub(age + 1), until);
            for (index, sample) in samples.iter().enumerate() {
                let outdated = sample.time.saturating_add(age + 1);
                let next = samples.get(index + 1);
                starts.insert(sample.time);
                starts.extend(next.is_none_or(|next| next.time > outdated).then_some(outdated));
            }
        }
        let starts = starts.range(from..=until);
        starts
            .map(|start| Segment { start: *start, usage: self.usage(*start).ok().flatten() })
            .collect()
    }

    /// Returns true if a series has a sample from `from` (included) to `until` (excluded).
    pub fn has_samples(&self, from: i64, until: i64) -> bool {
        let mut series = self.history.series().iter();
        series.any(|series| !series.samples_between(from - 1, until - 1).is_empty())
    }

    /// The memory of each user at an instant, by namespace.
    pub fn users(&self, at: i64) -> BTreeMap<&'a str, u64> {
        let mut users = BTreeMap::new();
        for series in self.history.series() {
            let sample = series.latest(at, self.history.max_age());
            let (Some(sample), Some(user)) = (sample, series.user(&self.query)) else { continue };
            let bytes = self.query.unit.to_bytes(sample.value).unwrap_or(u64::MAX);
            let sum: &mut u64 = users.entry(user).or_default();
            *sum = sum.saturating_add(bytes);
        }
        users
    }

    /// The residents that grew most between two instants, at most three, the largest growth first.
    pub fn grown(&self, from: i64, until: i64) -> Vec<Growth> {
        let before = self.users(from);
        let mut grown: Vec<Growth> = self
            .users(until)
            .into_iter()
            .filter(|(user, _)| *user != self.query.namespace)
            .filter_map(|(user, bytes)| {
                let grown = bytes.checked_sub(before.get(user).copied().unwrap_or(0))?;
                (grown > 0).then(|| Growth { user: user.to_owned(), bytes: grown })
            })
            .collect();
        grown.sort_by(|a, b| (b.bytes, &a.user).cmp(&(a.bytes, &b.user)));
        grown.truncate(MAX_GROWN);
        grown
    }

    /// The tenant's memory at each of its own samples: milliseconds since 1970, and bytes.
    pub fn tenant_samples(&self) -> Vec<(i64, u64)> {
        let query = &self.query;
        let of_tenant: Vec<_> = (self.history.series().iter())
            .filter(|series| series.user(query) == Some(query.namespace.as_str()))
            .collect();
        let times: BTreeSet<i64> = of_tenant
            .iter()
            .flat_map(|series| series.samples_between(i64::MIN, i64::MAX))
            .map(|sample| sample.time)
            .collect();
        let bytes_at = |at: i64| {
            let samples = of_tenant.iter().filter_map(|it| it.latest(at, self.history.max_age()));
            samples.fold(0_u64, |sum, sample| {
                sum.saturating_add(query.unit.to_bytes(sample.value).unwrap_or(u64::MAX))
            })
        };
        times.into_iter().map(|at| (at, bytes_at(at))).collect()
    }
}

/// The most users that are named for one event.
const MAX_GROWN: usize = 3;

/// The growth of one user's memory.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Growth {
    /// The namespace, or a name for memory without one.
    pub user: String,
    /// The bytes that it grew by.
    pub bytes: u64,
}

/// The usage with another amount of the tenant's memory than was recorded: the replay decides when it
/// runs. If nothing attributes memory, its own counts as everybody's.
pub(crate) fn with_tenant(usage: Usage, rules: &Rules, tenant: u64) -> Usage {
    match rules.attribution {
        Attribution::Namespaces => Usage { tenant, ..usage },
        Attribution::None => Usage { others: usage.others.saturating_add(tenant), ..usage },
    }
}

/// The reading of a usage.
pub(crate) fn reading(usage: Option<Usage>, rules: &Rules, tenant: u64) -> Reading {
    match usage {
        Some(usage) => Reading::Scraped(with_tenant(usage, rules, tenant)),
        // The history does not say whether a scrape failed or had no series.
        None => Reading::Failed,
    }
}
