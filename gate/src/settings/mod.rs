//! Settings: from flags and environment to something that can be run.
//!
//! Two steps. [`Raw`] gathers texts, a flag before the environment; and
//! [`check`] makes them into [`Settings`], where nothing is left to doubt.
//! [`TABLE`] is the one list: flags, variables, defaults, help and the
//! documentation come from it.
//!
//! Files: `table` lists, `raw` gathers, `check` checks, `names` knows which
//! names and addresses are well formed, `help` prints.

mod check;
mod help;
mod names;
mod raw;
mod table;

pub use check::check;
pub use help::{help, markdown};
pub use raw::{Ask, Raw};
pub use table::{Key, Row, TABLE};

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::decision::{Action, Rules};
use crate::page::Query;

/// What a run of the gate is to do, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What the gate is run for.
    pub action: Action,
    /// How to look at the card; `None` for `down`, which does not look.
    pub look: Option<Look>,
    /// What to scale.
    pub target: Target,
    /// Say what would be done, and do not scale.
    pub dry_run: bool,
    /// The time the whole run may take, from its start.
    pub deadline: Duration,
    /// How to report.
    pub voice: Voice,
}

impl Settings {
    /// The part of the [deadline](Self::deadline) that looking may take: the
    /// rest is kept for one try to scale at least.
    #[must_use]
    pub fn time_to_look(&self) -> Duration {
        time_to_look(self.deadline)
    }
}

/// 15 s are kept for scaling, or a third of a deadline that is short.
fn time_to_look(deadline: Duration) -> Duration {
    deadline - Duration::from_secs(15).min(deadline / 3)
}

/// How to look at the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The exporter's page.
    pub url: String,
    /// The certificates an `https` page is held against (a PEM file).
    pub ca: PathBuf,
    /// What to look for.
    pub query: Query,
    /// What to decide by.
    pub rules: Rules,
    /// The time one try may take, from the name's resolution to the last byte.
    pub timeout: Duration,
    /// `up`: how many readings must pass. `guard` needs one.
    pub samples: u32,
    /// The pause between them.
    pub sample_interval: Duration,
    /// Guard: the time until it looks again at `unknown` bytes; 0: it does not.
    pub look_again: Duration,
}

impl Look {
    /// The pauses before the second and the third try to read a page.
    pub const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];

    /// The time that one reading takes at most: all of its tries fail.
    #[must_use]
    pub fn longest_reading(&self) -> Duration {
        Self::PAUSES.iter().map(|pause| *pause + self.timeout).sum::<Duration>() + self.timeout
    }
}

/// The Deployment, and the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The Deployment's namespace.
    pub namespace: String,
    /// The Deployment's name.
    pub deployment: String,
    /// The API server's address; `None` only in a dry run outside a cluster.
    pub host: Option<String>,
    /// Its port.
    pub port: u16,
    /// The folder of `token` and `ca.crt`.
    pub service_account: PathBuf,
    /// The time scaling may take, tries and pauses together.
    pub budget: Duration,
}

/// How the gate says what it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voice {
    /// The form of the line.
    pub format: LogFormat,
    /// The file of the termination message: opened, never created.
    pub termination_log: PathBuf,
}

/// The form of the report line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people: a sentence, then `name=value`.
    #[default]
    Text,
    /// For machines: one JSON object.
    Json,
}

/// A setting that is missing or can't be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// The setting's name in the environment, or the argument as it was given.
    pub setting: String,
    /// What is wrong with it.
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
