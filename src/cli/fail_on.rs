//! `--fail-on`: the lowest severity for which a command exits with 1.

use clap::ValueEnum;
use tts_render::model::Severity;

/// The lowest severity that fails a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Data, the GPU's or the cluster's safety, or the roll-out is at risk.
    Critical,
    /// A reviewer should know.
    Warning,
    /// Anything at all.
    Info,
}

impl FailOn {
    /// The severity.
    pub(crate) fn severity(self) -> Severity {
        match self {
            FailOn::Critical => Severity::Critical,
            FailOn::Warning => Severity::Warning,
            FailOn::Info => Severity::Info,
        }
    }
}
