//! A guard that ignores a failed scrape.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};
use crate::values::OnScrapeFailure;

pub(super) const RULE: Rule = Rule {
    id: "scrape-failure-keeps",
    severity: Severity::Critical,
    summary: "The guard keeps the server running when the scrape fails",
    rationale: "Without a reading nobody knows if the residents have enough memory, and exporters tend to fail when the GPU is in trouble.",
    fix: "Set `gate.onScrapeFailure: yield`. The server's work can wait, a resident's can't.",
    source: "docs/gate.md; gate/src/decision.rs",
    check: Check::Stack(scrape_failure_keeps),
};

fn scrape_failure_keeps(context: &RuleContext<'_>) -> Vec<Violation> {
    if context.values.gate.on_scrape_failure != OnScrapeFailure::Keep {
        return Vec::new();
    }
    let message = Message::of("While the exporter does not answer, the guard never yields");
    vec![Violation::at_value(value_paths::GATE_ON_SCRAPE_FAILURE, message)]
}
