//! A guard that the server's own memory trips.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};
use crate::values::Count;

pub(super) const RULE: Rule = Rule {
    id: "own-memory-counted",
    severity: Severity::Warning,
    what: "The guard counts the server's own memory against the floor",
    why: "With a model of 4 GiB and a floor of 6 GiB, any start that saw less than 10 GiB free ends in a yield, night after night.",
    mend: "`gate.count: residents`; `gate.reserve` keeps the server's own growth in sight.",
    source: "docs/gate.md; gate/src/decision.rs",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    if case.values.gate.count != Count::Everyone {
        return Vec::new();
    }
    let words =
        Message::of("The server's own model can trip the guard minutes after it was admitted");
    vec![Site::value(["gate", "count"], words)]
}
