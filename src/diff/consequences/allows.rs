//! Comments that newly allow a risky setting.

use super::{Finding, Rule, RuleContext, Topic};
use crate::diff::Allow;
use crate::model::{Message, Severity};

pub(super) const ALLOWED: Rule = Rule {
    id: "lint-allowed",
    severity: Severity::Warning,
    topic: Topic::Lint,
    summary: "A comment newly allows a risky setting: `lint` no longer reports it",
    source: "docs/lint.md; src/lint/allow.rs",
};

pub(super) fn new_allows(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut known: Vec<&Allow> = context.allows_before.iter().collect();
    let mut findings = Vec::new();
    for allow in context.allows_after {
        // One comment stands for one place, so a second copy is new.
        if let Some(at) = known.iter().position(|old| *old == allow) {
            known.swap_remove(at);
            continue;
        }
        let message = Message::default()
            .code(&allow.file)
            .and(" newly allows ")
            .code(&allow.rule)
            .and(" with the reason ")
            .code(&allow.reason)
            .and(": `lint` no longer reports it");
        findings.push(Finding { rule: &ALLOWED, object: None, message, when: None });
    }
    findings
}
