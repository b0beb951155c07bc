//! A gate that only talks.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "gate-dry-run",
    severity: Severity::Warning,
    what: "The gate says what it would do, and does not do it",
    why: "The server is never started; and one that was started by hand is never yielded or stopped.",
    mend: "`gate.dryRun: false` once what it says has been looked at.",
    source: "docs/gate.md",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    if !case.values.gate.dry_run {
        return Vec::new();
    }
    let words = Message::of("The gate scales nothing, neither up nor down");
    vec![Site::value(["gate", "dryRun"], words)]
}
