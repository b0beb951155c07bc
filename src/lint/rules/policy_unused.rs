//! A policy file that no stack uses.

use std::collections::BTreeSet;

use super::{Check, PolicyViolations, Rule};
use crate::lint::context::Policies;
use crate::model::{Message, Severity};
use crate::project::load::LoadedStack;

pub(super) const RULE: Rule = Rule {
    id: "policy-unused",
    severity: Severity::Info,
    summary: "A file of `policies/` is named by no stack",
    rationale: "The file looks as if it were edited and rendered, and is not. A copy that nobody compares with the original becomes outdated.",
    fix: "Name the file under `kyverno.policy`, or delete it.",
    source: "docs/kyverno.md",
    check: Check::Policies(policy_unused),
};

fn policy_unused(stacks: &[LoadedStack], policies: &Policies) -> PolicyViolations {
    let named: BTreeSet<&str> = stacks
        .iter()
        .filter_map(|stack| stack.loaded.values.kyverno.policy.as_ref())
        .map(|policy| policy.as_str())
        .collect();
    policies
        .files()
        .filter(|(_, file)| !named.contains(file))
        .map(|(source, _)| (source, Message::of("No stack uses this policy")))
        .collect()
}
