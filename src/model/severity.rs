//! The one scale of lint findings, consequences of a diff and alerts.

/// The severity of a finding or a consequence, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Data, the GPU's or the cluster's safety, or the roll-out itself is at risk.
    Critical,
    /// A reviewer should know before the change is merged.
    Warning,
    /// Useful to know.
    Info,
}

impl Severity {
    /// The severity's name: `critical`, `warning` or `info`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
            Severity::Info => "info",
        }
    }
}
