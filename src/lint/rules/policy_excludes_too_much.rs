//! A policy that excludes more than it should.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "policy-excludes-too-much",
    severity: Severity::Warning,
    summary: "A policy other than the one under `kyverno` excludes the namespace, or a glob excludes other namespaces as well",
    rationale: "The namespace loses what that policy provides (limits, quotas, DNS settings), or other namespaces lose it without anybody's intent.",
    fix: "Remove the name from the other list with `tts-render policy edit FILE --exclude NAMESPACE --remove`, and write the name in place of the glob.",
    source: "docs/kyverno.md",
    check: Check::Stack(policy_excludes_too_much),
};

fn policy_excludes_too_much(context: &RuleContext<'_>) -> Vec<Violation> {
    let kyverno = &context.values.kyverno;
    let namespace = context.values.namespace.name.as_str();
    let mut violations = Vec::new();
    for file in &context.policies {
        let is_named = kyverno.policy.as_ref().is_some_and(|policy| policy.as_str() == file.name);
        for policy in &file.policies {
            for rule in &policy.rules {
                let Some(entry) = rule.entry_excluding(namespace) else { continue };
                let name = rule.name.as_deref().unwrap_or(&policy.name);
                let is_intended = is_named && (kyverno.rule.is_none() || kyverno.rule == rule.name);
                let message = match (is_intended, entry == namespace) {
                    (true, true) => continue,
                    (true, false) => Message::of("The glob ")
                        .code(entry)
                        .and(" of ")
                        .code(name)
                        .and(" excludes other namespaces, too"),
                    (false, _) => Message::of("The namespace is excluded from ")
                        .code(name)
                        .and(", too, in ")
                        .code(file.name),
                };
                violations.push(Violation::at_value(value_paths::NAMESPACE_NAME, message));
            }
        }
    }
    violations
}
