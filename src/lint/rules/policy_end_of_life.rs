//! A policy of a kind that goes.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};
use crate::policy::Kind;
use crate::values::KyvernoMode;

pub(super) const RULE: Rule = Rule {
    id: "policy-end-of-life",
    severity: Severity::Info,
    what: "The policy under `kyverno` is a ClusterPolicy",
    why: "Deprecated since Kyverno 1.17; 1.20 is to refuse changes of one and no longer to run it, and 1.21 to remove it.",
    mend: "Ask its owner for a MutatingPolicy before the cluster goes to 1.20: the edit takes both. docs/kyverno.md says how they correspond.",
    source: "https://kyverno.io/docs/policy-types/mutating-policy/ and kyverno #17483, #17493",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let kyverno = &case.values.kyverno;
    if kyverno.mode == KyvernoMode::None {
        return Vec::new();
    }
    let files = case.policies.files();
    let ours =
        files.filter(|(_, file)| kyverno.policy.as_ref().is_some_and(|p| p.as_str() == *file));
    ours.flat_map(|(at, _)| case.policies.shown(at, None))
        .filter(|policy| policy.kind == Kind::ClusterPolicy)
        .map(|policy| {
            let words = Message::of("The ClusterPolicy ")
                .code(policy.name)
                .and(" serves up to Kyverno 1.19 only");
            Site::value(["kyverno", "policy"], words)
        })
        .collect()
}
