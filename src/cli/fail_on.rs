//! The severity from which on a command's exit code says that something is wrong.

use clap::ValueEnum;
use tts_render::review::Severity;

/// The least severity that fails a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Data, the card's or the cluster's safety, or the roll-out is at stake.
    Danger,
    /// Somebody should know.
    Attention,
    /// Anything at all.
    Note,
}

impl FailOn {
    /// The severity.
    pub(crate) fn severity(self) -> Severity {
        match self {
            FailOn::Danger => Severity::Danger,
            FailOn::Attention => Severity::Attention,
            FailOn::Note => Severity::Note,
        }
    }
}
