//! A guard that takes no reading for a good one.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};
use crate::values::OnScrapeFailure;

pub(super) const RULE: Rule = Rule {
    id: "scrape-failure-keeps",
    severity: Severity::Critical,
    what: "The guard leaves the server up when the page can't be read",
    why: "Without a reading nobody knows whether the others are safe, and the exporter tends to fail when the card is in trouble.",
    mend: "`gate.onScrapeFailure: yield`: a bake is best-effort, a neighbour is not.",
    source: "docs/gate.md; gate/src/decision.rs",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    if case.values.gate.on_scrape_failure != OnScrapeFailure::Keep {
        return Vec::new();
    }
    let words = Message::of("While the exporter is silent the guard yields to nobody");
    vec![Site::value(["gate", "onScrapeFailure"], words)]
}
