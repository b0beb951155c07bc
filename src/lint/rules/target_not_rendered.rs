//! A target that nothing here renders.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "target-not-rendered",
    severity: Severity::Warning,
    summary: "The stack does not render the object that the gate scales",
    rationale: "If nobody else creates it, there is no server: `up` and `down` fail with 404. If somebody else does, its replicas at creation and its update strategy are not checked here.",
    fix: "Correct `target`, or add a template that renders the object. If another repository renders it, allow this finding with a comment that says so.",
    source: "docs/targets.md",
    check: Check::Stack(target_not_rendered),
};

fn target_not_rendered(context: &RuleContext<'_>) -> Vec<Violation> {
    context
        .gates
        .keys()
        .filter(|id| context.objects.get(id).is_none())
        .map(|id| {
            let message = Message::of("The gate scales ")
                .code(id.to_string())
                .and(", which no template of this repository renders");
            Violation::at_value(value_paths::TARGET, message)
        })
        .collect()
}
