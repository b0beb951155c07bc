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

pub use check::{Runnable, check, check_for_run};
pub use help::{help, markdown};
pub use names::{is_api_version, is_kind, resource_of_kind};
pub use raw::{Invocation, Raw};
pub use table::{Choice, DefaultValue, Effect, Key, Kind, Role, Row, TABLE};

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::decision::{Action, Rules};
use crate::exposition::Query;

/// The checked settings of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The action to run.
    pub action: Action,
    /// The sampling of the GPU; `None` for `down`, which takes no reading.
    pub sampling: Option<Sampling>,
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
    /// one attempt to scale.
    #[must_use]
    pub fn sampling_time(&self) -> Duration {
        sampling_time(self.deadline)
    }
}

/// Keeps 15 s for scaling, or a third of a deadline that is short.
fn sampling_time(deadline: Duration) -> Duration {
    deadline - Duration::from_secs(15).min(deadline / 3)
}

/// The sampling of the GPU's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sampling {
    /// The URL of the exporter's metrics.
    pub url: String,
    /// The PEM file of the CA certificates to trust for an `https` URL.
    pub ca: PathBuf,
    /// The series to add up.
    pub query: Query,
    /// The rules of the decision.
    pub rules: Rules,
    /// The limit of one attempt, from name resolution to the last byte.
    pub timeout: Duration,
    /// `up`: the number of readings that must pass. `guard` takes one.
    pub samples: u32,
    /// The pause between them.
    pub sample_interval: Duration,
    /// `guard`: the pause before a second reading of `unknown` bytes; 0: no second reading.
    pub recheck_delay: Duration,
}

impl Sampling {
    /// The pauses before the second and the third attempt of one reading.
    pub const RETRY_PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];

    /// The longest time that one reading takes: every attempt fails.
    #[must_use]
    pub fn max_reading_time(&self) -> Duration {
        let retries = Self::RETRY_PAUSES.iter().map(|pause| *pause + self.timeout);
        retries.sum::<Duration>() + self.timeout
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
    /// The API server's address; `None` only in a dry run outside a cluster.
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
