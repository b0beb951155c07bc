//! The gate's report.

use jiff::Timestamp;

/// The gate's report, from a Pod's termination message.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The outcome of the run: `scaled`.
    pub outcome: String,
    /// The decision: `start`, `stop` or `leave`; `None` if there is none.
    pub decision: Option<String>,
    /// The reason of the decision.
    pub reason: Option<String>,
    /// The whole report as a sentence.
    pub message: String,
    /// The replicas before.
    pub before: Option<i64>,
    /// The replicas after.
    pub after: Option<i64>,
    /// The memory counted against the floor, in bytes.
    pub used: Option<u64>,
    /// The rest of the GPU, in bytes; below 0 if more is in use than there is.
    pub free: Option<i64>,
    /// The floor in bytes.
    pub floor: Option<u64>,
    /// Everyone else's memory in bytes.
    pub others: Option<u64>,
    /// The tenant's memory in bytes.
    pub tenant: Option<u64>,
    /// The problem with the last scrape.
    pub scrape_error: Option<String>,
    /// The time in seconds for which a watch had the server up.
    pub served_seconds: Option<i64>,
    /// The number of a watch's starts.
    pub starts: Option<u64>,
    /// The latest of them, in seconds since 1970.
    #[serde(default)]
    pub opened: Vec<i64>,
    /// The number of a watch's yields.
    pub yield_count: Option<u64>,
    /// The latest of them.
    #[serde(default)]
    pub yields: Vec<Yield>,
    /// The problem with the demand, after an hour without a count of it.
    pub demand_error: Option<String>,
}

/// A yield of a watch.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub struct Yield {
    /// The time in seconds since 1970.
    pub at: i64,
    /// The reason of the decision.
    pub reason: String,
    /// The rest of the GPU, in bytes.
    pub free: Option<i64>,
    /// Everyone else's memory in bytes.
    pub others: Option<u64>,
    /// The tenant's memory in bytes.
    pub tenant: Option<u64>,
}

impl Report {
    /// The starts and yields inside a watch, in order, each as a report of its own.
    pub(super) fn changes(&self) -> Vec<(Timestamp, Report)> {
        let change = |decision: &str, reason: Option<&str>, replicas: (i64, i64)| Report {
            outcome: "scaled".to_owned(),
            decision: Some(decision.to_owned()),
            reason: reason.map(str::to_owned),
            message: format!("scaled from {} to {} inside the watch", replicas.0, replicas.1),
            before: Some(replicas.0),
            after: Some(replicas.1),
            used: None,
            free: None,
            floor: None,
            others: None,
            tenant: None,
            scrape_error: None,
            served_seconds: None,
            starts: None,
            opened: Vec::new(),
            yield_count: None,
            yields: Vec::new(),
            demand_error: None,
        };
        let starts = self.opened.iter().map(|at| (*at, change("start", None, (0, 1))));
        let yields = self.yields.iter().map(|found| {
            let (free, others, tenant) = (found.free, found.others, found.tenant);
            let stop = change("stop", Some(&found.reason), (1, 0));
            (found.at, Report { free, others, tenant, ..stop })
        });
        let mut changes: Vec<(Timestamp, Report)> = starts
            .chain(yields)
            .filter_map(|(at, report)| Some((Timestamp::from_second(at).ok()?, report)))
            .collect();
        changes.sort_by_key(|(at, _)| *at);
        changes
    }
}
