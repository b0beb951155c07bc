//! A policy file that nobody asks for.

use super::{Look, Rule};
use crate::lint::case::{Case, Policies};
use crate::review::{Severity, Words};

pub(super) const RULE: Rule = Rule {
    id: "policy-unused",
    severity: Severity::Note,
    what: "A file of `policies/` is named by no stack",
    why: "It looks as if it were edited and rendered, and is not; a copy that nobody compares with the owner's goes stale.",
    mend: "Name it under `kyverno.policy`, or delete it.",
    source: "docs/kyverno.md",
    look: Look::Policies(look),
};

fn look(cases: &[Case<'_>], policies: &Policies) -> Vec<(usize, Words)> {
    let named = |file: &str| {
        let policy =
            |case: &Case<'_>| case.values.kyverno.policy.as_ref().map(|p| p.as_str().to_owned());
        cases.iter().filter_map(policy).any(|policy| policy == file)
    };
    let unused = policies.files().filter(|(_, file)| !named(file));
    unused.map(|(at, _)| (at, Words::of("No stack names this policy"))).collect()
}
