//! Comments that newly allow a risky setting.

use std::collections::BTreeMap;

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
    // One comment stands for one place, so a second copy is new.
    let mut known: BTreeMap<&Allow, usize> = BTreeMap::new();
    for allow in context.allows_before {
        *known.entry(allow).or_default() += 1;
    }
    let mut findings = Vec::new();
    for allow in context.allows_after {
        if let Some(copies @ 1..) = known.get_mut(allow) {
            *copies -= 1;
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
