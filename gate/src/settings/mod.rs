//! Settings: from flags and environment variables to checked values.
//!
//! [`Raw`] collects the texts, where a flag overrides a variable; [`check`] turns them into
//! [`Settings`] or returns every error. [`TABLE`] is the one list of settings behind flags, variables,
//! defaults, help and documentation.

mod check;
mod help;
mod names;
mod raw;
mod table;

pub use check::{Alive, Runnable, check, check_alive, check_for_run};
pub use help::{help, markdown};
pub use kube_formats::name::resource_of_kind;
pub use names::{is_api_version, is_kind};
pub use raw::{Invocation, Raw};
pub use table::{Choice, DefaultValue, Effect, Key, Kind, Role, Row, TABLE};

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::decision::{Action, Rules};
use crate::demand::DemandPlan;
use crate::exposition::{Query, Selection};
use crate::watch::Plan;

/// The checked settings of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The action to run.
    pub action: Action,
    /// The sampling of the GPU; `None` for `down`, which takes no reading.
    pub sampling: Option<Sampling>,
    /// The loop of a `watch`; `None` for the other actions.
    pub watching: Option<Watching>,
    /// The object to scale.
    pub target: Target,
    /// Report what would be done, without scaling.
    pub dry_run: bool,
    /// The limit of the whole run, from its start.
    pub deadline: Duration,
    /// The report's format and place.
    pub output: Output,
}

impl Settings {
    /// The part of the [deadline](Self::deadline) that sampling may take. The rest is kept for at least
    /// one attempt to scale, except for `admit`.
    #[must_use]
    pub fn sampling_time(&self) -> Duration {
        sampling_time(self.action, self.deadline)
    }
}

/// Keeps 15 s for scaling, or a third of a deadline that is short; `admit` does not scale.
fn sampling_time(action: Action, deadline: Duration) -> Duration {
    match action {
        Action::Admit => deadline,
        _ => deadline - Duration::from_secs(15).min(deadline / 3),
    }
}

/// The loop of a `watch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watching {
    /// The time from one look to the next.
    pub interval: Duration,
    /// The numbers that it follows.
    pub plan: Plan,
    /// The file that is written at each look.
    pub heartbeat: Option<PathBuf>,
    /// The demand by which the tenant starts and stops; `None`: it starts whenever there is room.
    pub demand: Option<Demanding>,
}

impl Watching {
    /// The most time that a look takes to read the replicas.
    pub const MAX_SCALE_TIME: Duration = Duration::from_secs(3);

    /// Returns the longest time from one reading to the next while each look succeeds: one that succeeds at
    /// once, and the next one in the last instant.
    #[must_use]
    pub fn max_reading_gap(&self, sampling: &Sampling) -> Duration {
        self.interval + Self::MAX_SCALE_TIME + sampling.pace().attempt
    }
}

/// The source of the demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demanding {
    /// The URL of the number.
    pub url: String,
    /// The number in the answer.
    pub number: DemandNumber,
    /// The time from one request to the next.
    pub interval: Duration,
    /// The times that the watch follows.
    pub plan: DemandPlan,
}

/// The number in an answer about demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DemandNumber {
    /// The number at a pointer into a JSON document (RFC 6901).
    Json(String),
    /// The one series of an exposition that this query reads.
    Metric(Query),
}

impl DemandNumber {
    /// Parses a JSON pointer, or a metric with its labels.
    ///
    /// # Errors
    /// The expected form.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with('/') {
            let is_escaped = |part: &str| part.starts_with(['0', '1']);
            return match text.split('~').skip(1).all(is_escaped) {
                true => Ok(Self::Json(text.to_owned())),
                false => Err("expected a JSON pointer, in which `~` is `~0`".to_owned()),
            };
        }
        let expected = || "expected a JSON pointer such as `/queued`, or a metric".to_owned();
        let (metric, labels) = match text.split_once('{') {
            None => (text, None),
            Some((metric, rest)) => (metric, Some(rest.strip_suffix('}').ok_or_else(expected)?)),
        };
        if !names::is_metric_name(metric) {
            return Err(expected());
        }
        let select = match labels.map(str::trim).filter(|labels| !labels.is_empty()) {
            Some(labels) => Selection::parse(labels)?,
            None => Selection::default(),
        };
        Ok(Self::Metric(Query { metric: metric.to_owned(), select, ..Query::default() }))
    }
}

/// The sampling of the GPU's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sampling {
    /// The URL of the exporter's metrics, or of Prometheus.
    pub url: String,
    /// The PEM file of the CA certificates to trust for an `https` URL.
    pub ca: PathBuf,
    /// The series to add up.
    pub query: Query,
    /// The kind of answer that the URL gives.
    pub source: Source,
    /// The most that a series' timestamp may differ from the time of the reading.
    pub max_age: Duration,
    /// The rules of the decision.
    pub rules: Rules,
    /// The limit of one request, from name resolution to the last byte.
    pub timeout: Duration,
    /// `up`, `admit`: the number of readings that must pass. `guard` takes one.
    pub samples: u32,
    /// The pause between them.
    pub sample_interval: Duration,
    /// `guard`: the pause before a second reading of `unknown` bytes; 0: no second reading.
    pub recheck_delay: Duration,
}

impl Sampling {
    /// The limit of one request, unless it is set.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

    /// The pauses before the second and the third attempt of one reading.
    pub const RETRY_PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];

    /// The times that decide how long sampling takes.
    #[must_use]
    pub fn pace(&self) -> Pace {
        Pace {
            attempt: self.timeout * self.source.requests(),
            samples: self.samples,
            sample_interval: self.source.longest_pause(self.sample_interval, self.max_age),
            recheck_delay: self.recheck_delay,
        }
    }
}

/// The kind of answer that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An exporter's exposition.
    Exposition {
        /// The metric that must follow the last series that is read.
        sentinel: Option<String>,
        /// The metric that grows with each update; only a `watch` reads it.
        freshness: Option<String>,
    },
    /// Prometheus' answer to an instant query.
    Prometheus {
        /// The query of the memory in use; `None`: the metric with its selection.
        query: Option<String>,
        /// The query of the times of the samples; `None`: each sample's own.
        age_query: Option<String>,
    },
}

impl Source {
    /// The requests of one attempt. An exposition that is cut off between two lines is valid, so it is read
    /// twice, unless a sentinel proves that it is whole.
    #[must_use]
    pub fn requests(&self) -> u32 {
        match self {
            Self::Exposition { sentinel: None, .. } => 2,
            Self::Exposition { sentinel: Some(_), .. } => 1,
            Self::Prometheus { age_query: None, .. } => 1,
            Self::Prometheus { age_query: Some(_), .. } => 2,
        }
    }

    /// The longest pause between two readings. Two readings of one sample are one, so the second waits for
    /// a newer sample: at most for the age beyond which there is no reading.
    #[must_use]
    pub fn longest_pause(&self, interval: Duration, max_age: Duration) -> Duration {
        match self {
            Self::Exposition { .. } => interval,
            Self::Prometheus { .. } => interval.max(max_age),
        }
    }

    /// The metric that grows with each update of the exporter.
    #[must_use]
    pub fn freshness(&self) -> Option<&str> {
        match self {
            Self::Exposition { freshness, .. } => freshness.as_deref(),
            Self::Prometheus { .. } => None,
        }
    }

    /// Returns true if the answer is Prometheus'.
    #[must_use]
    pub fn is_prometheus(&self) -> bool {
        matches!(self, Self::Prometheus { .. })
    }
}

/// The times that decide how long sampling takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The limit of one attempt, with all its requests.
    pub attempt: Duration,
    /// `up`: the number of readings that must pass.
    pub samples: u32,
    /// The pause between them.
    pub sample_interval: Duration,
    /// `guard`: the pause before a second reading; 0: no second reading.
    pub recheck_delay: Duration,
}

impl Pace {
    /// The longest time that one reading takes: every attempt fails at its limit.
    #[must_use]
    pub fn max_reading_time(&self) -> Duration {
        let retries = Sampling::RETRY_PAUSES.iter().map(|pause| *pause + self.attempt);
        retries.sum::<Duration>() + self.attempt
    }

    /// The longest time that the sampling of an action takes: all attempts of the first reading, or one
    /// attempt of each. A second reading follows one that succeeded, usually at its first attempt.
    #[must_use]
    pub fn max_sampling_time(&self, action: Action) -> Duration {
        let more_readings = match action {
            Action::Up | Action::Admit => {
                (self.sample_interval + self.attempt) * self.samples.saturating_sub(1)
            }
            Action::Guard if !self.recheck_delay.is_zero() => self.recheck_delay + self.attempt,
            // A `watch` has no deadline.
            Action::Guard | Action::Down | Action::Watch => Duration::ZERO,
        };
        self.max_reading_time().max(self.attempt + more_readings)
    }

    /// The shortest deadline of a run in which that time is left for sampling.
    #[must_use]
    pub fn min_deadline(&self, action: Action) -> Duration {
        let sampling = self.max_sampling_time(action);
        // The larger of the two that `sampling_time` keeps for scaling is the one of a long deadline.
        sampling + Duration::from_secs(15).min(sampling / 2)
    }
}

/// The object to scale, and its API server. The object is of any kind with a scale subresource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The API group and version: `apps/v1`; only a version for the core group.
    pub api_version: String,
    /// The kind: `Deployment`.
    pub kind: String,
    /// The kind's name in the API's paths: `deployments`.
    pub resource: String,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The API server's address; `None` only for `admit`, and in a dry run outside a cluster.
    pub host: Option<String>,
    /// The API server's port.
    pub port: u16,
    /// The folder of `token` and `ca.crt`.
    pub service_account: PathBuf,
    /// The limit for scaling, with all attempts and pauses.
    pub budget: Duration,
}

/// The report's format and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The format of the report line.
    pub format: LogFormat,
    /// The file of the termination message. It is opened, never created.
    pub termination_log: PathBuf,
}

/// The format of the gate's report line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase"))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum LogFormat {
    /// One line for people: a sentence, then `name=value`.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

impl LogFormat {
    /// Every format with its name in settings.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("text", Self::Text), ("json", Self::Json)];
}

/// A missing or invalid setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// The setting's name in the environment, or the argument as it was given.
    pub setting: String,
    /// The problem with it.
    pub problem: String,
}

impl SettingError {
    pub(crate) fn new(key: Key, problem: impl Into<String>) -> Self {
        Self { setting: key.row().env.to_owned(), problem: problem.into() }
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.problem)
    }
}

impl std::error::Error for SettingError {}

/// Returns the errors as one text.
#[must_use]
pub fn describe_errors(errors: &[SettingError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
