//! A page of a broken exporter that is read as an idle card.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};
use crate::values::NoSeries;

pub(super) const RULE: Rule = Rule {
    id: "no-series-idle",
    severity: Severity::Critical,
    what: "A page without a series of the metric is read as an idle card",
    why: "An exporter whose nvidia-smi fails serves the very same page: the server is then started on a card that may be full.",
    mend: "`gate.noSeries: unknown`.",
    source: "docs/gate.md; gate/src/decision.rs",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    if case.values.gate.no_series != NoSeries::Idle {
        return Vec::new();
    }
    let words =
        Message::of("An exporter that fails looks like an idle card, and the server starts");
    vec![Site::value(["gate", "noSeries"], words)]
}
