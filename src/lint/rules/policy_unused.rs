//! A policy file that nobody asks for.

use std::collections::BTreeSet;

use super::{Look, Rule};
use crate::lint::case::Policies;
use crate::model::{Message, Severity};
use crate::project::load::LoadedStack;

pub(super) const RULE: Rule = Rule {
    id: "policy-unused",
    severity: Severity::Info,
    what: "A file of `policies/` is named by no stack",
    why: "It looks as if it were edited and rendered, and is not; a copy that nobody compares with the owner's goes stale.",
    mend: "Name it under `kyverno.policy`, or delete it.",
    source: "docs/kyverno.md",
    look: Look::Policies(look),
};

fn look(stacks: &[LoadedStack], policies: &Policies) -> Vec<(usize, Message)> {
    let named: BTreeSet<&str> = stacks
        .iter()
        .filter_map(|stack| stack.loaded.values.kyverno.policy.as_ref())
        .map(|policy| policy.as_str())
        .collect();
    let unused = policies.files().filter(|(_, file)| !named.contains(file));
    unused.map(|(at, _)| (at, Message::of("No stack names this policy"))).collect()
}
