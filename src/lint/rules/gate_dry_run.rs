//! A gate that only reports.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "gate-dry-run",
    severity: Severity::Warning,
    summary: "The gate reports what it would do, and scales nothing",
    rationale: "The server is never started. A server that was started by hand is never stopped, even while a resident needs the GPU.",
    fix: "Set `gate.dryRun: false` once its reports are as expected.",
    source: "docs/gate.md",
    check: Check::Stack(gate_dry_run),
};

fn gate_dry_run(context: &RuleContext<'_>) -> Vec<Violation> {
    if !context.values.gate.dry_run {
        return Vec::new();
    }
    let message = Message::of("The gate scales nothing, neither up nor down");
    vec![Violation::at_value(value_paths::GATE_DRY_RUN, message)]
}
