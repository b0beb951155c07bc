//! A floor that the reserve makes useless.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "floor-within-reserve",
    severity: Severity::Critical,
    what: "`gate.floor` is no more than `gate.reserve`",
    why: "Admitted with just the floor free, the server can't take a byte without leaving less than the reserve: the guard yields the card on its first look, night after night.",
    mend: "The floor is the server's own peak and what others may take meanwhile: raise it, or lower the reserve.",
    source: "gate/src/decision.rs: up if `free ≥ floor`; the guard yields if less than the reserve is left",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let gate = &case.values.gate;
    if gate.floor > gate.reserve {
        return Vec::new();
    }
    let words = Message::of("A floor of ")
        .code(gate.floor.to_string())
        .and(" admits a server that the reserve of ")
        .code(gate.reserve.to_string())
        .and(" then leaves no room for");
    vec![Site::value(["gate", "floor"], words)]
}
