//! A policy that changes the server's priority.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};
use crate::policy::Verdict;
use crate::values::KyvernoMode;

pub(super) const RULE: Rule = Rule {
    id: "policy-covers-tenant",
    severity: Severity::Critical,
    summary: "A policy of `policies/` changes the priority of the server's Pods",
    rationale: "The server then competes as an equal with the residents that it should yield to, or evicts them.",
    fix: "Name the policy under `kyverno` with `mode: edit`, or ask its owner to exclude the namespace.",
    source: "docs/kyverno.md",
    check: Check::Stack(policy_covers_tenant),
};

fn policy_covers_tenant(context: &RuleContext<'_>) -> Vec<Violation> {
    let kyverno = &context.values.kyverno;
    let mut violations = Vec::new();
    for file in &context.policies {
        let is_edited = kyverno.mode != KyvernoMode::None
            && kyverno.policy.as_ref().is_some_and(|policy| policy.as_str() == file.name);
        for policy in &file.policies {
            for rule in &policy.rules {
                let excludes_tenant =
                    is_edited && (kyverno.rule.is_none() || kyverno.rule == rule.name);
                if excludes_tenant || rule.verdict != Some(Verdict::Changes) {
                    continue;
                }
                let effect = rule.effect.as_deref().unwrap_or_default();
                let message = Message::of("The policy ")
                    .code(file.name)
                    .and(" gives the server's Pods ")
                    .code(effect);
                violations.push(Violation::at_value(value_paths::PRIORITY_CLASS_NAME, message));
            }
        }
    }
    violations
}
