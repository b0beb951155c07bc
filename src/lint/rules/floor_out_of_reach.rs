//! A floor that is next to the whole card.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};
use crate::values::Bytes;

pub(super) const RULE: Rule = Rule {
    id: "floor-out-of-reach",
    severity: Severity::Warning,
    what: "`gate.floor` leaves the others less than a sixteenth of the card",
    why: "The server starts only on a card that is next to empty: on one that is shared, never. A process that only holds a CUDA context takes hundreds of MiB already.",
    mend: "Lower the floor to what the server needs (docs/server.md says how it is measured), or give it a card of its own.",
    source: "gate/src/decision.rs: up if `total − used ≥ floor`",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let (floor, total) = (case.values.gate.floor, case.values.gpu.total);
    let left = total.get().saturating_sub(floor.get());
    if left >= total.get() / 16 {
        return Vec::new();
    }
    let words = Message::of("All others together may use ")
        .code(Bytes::new(left).to_string())
        .and(" of ")
        .code(total.to_string())
        .and(", or the server never starts");
    vec![Site::value(["gate", "floor"], words)]
}
