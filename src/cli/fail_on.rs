//! The severity from which on a command's exit code says that something is wrong.

use clap::ValueEnum;
use tts_render::model::Severity;

/// The least severity that fails a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Data, the card's or the cluster's safety, or the roll-out is at stake.
    Critical,
    /// Somebody should know.
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
