//! A start on one reading.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "single-sample",
    severity: Severity::Info,
    what: "The server is started on a single reading of the page",
    why: "A page that is cut between two lines looks whole and says too little, and a neighbour that is just loading shows only a part yet.",
    mend: "`gate.samples: 2` or more.",
    source: "docs/gate.md; gate/src/run.rs",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    if case.values.gate.samples.get() != 1 {
        return Vec::new();
    }
    let words = Message::of("One reading is enough to start: a page that was cut short would do");
    vec![Site::value(["gate", "samples"], words)]
}
