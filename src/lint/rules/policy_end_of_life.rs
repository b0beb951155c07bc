//! A policy of a kind that Kyverno removes.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};
use crate::policy::Kind;
use crate::values::KyvernoMode;

pub(super) const RULE: Rule = Rule {
    id: "policy-end-of-life",
    severity: Severity::Info,
    summary: "The policy under `kyverno` is a ClusterPolicy",
    rationale: "ClusterPolicies are deprecated since Kyverno 1.17. Version 1.20 is to refuse changes to them and stop running them, and 1.21 to remove them.",
    fix: "Ask the policy's owner for a MutatingPolicy before the cluster moves to 1.20; `policy edit` supports both. `docs/kyverno.md` shows how they correspond.",
    source: "https://kyverno.io/docs/policy-types/mutating-policy/ and kyverno #17483, #17493",
    check: Check::Stack(policy_end_of_life),
};

fn policy_end_of_life(context: &RuleContext<'_>) -> Vec<Violation> {
    let kyverno = &context.values.kyverno;
    if kyverno.mode == KyvernoMode::None {
        return Vec::new();
    }
    context
        .policies
        .iter()
        .filter(|file| kyverno.policy.as_ref().is_some_and(|policy| policy.as_str() == file.name))
        .flat_map(|file| &file.policies)
        .filter(|policy| policy.kind == Kind::ClusterPolicy)
        .map(|policy| {
            let message = Message::of("The ClusterPolicy ")
                .code(policy.name.as_str())
                .and(" works up to Kyverno 1.19 only");
            Violation::at_value(value_paths::KYVERNO_POLICY, message)
        })
        .collect()
}
