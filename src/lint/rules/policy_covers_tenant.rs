//! A policy that overwrites the server's priority.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};
use crate::policy::Verdict;
use crate::values::KyvernoMode;

pub(super) const RULE: Rule = Rule {
    id: "policy-covers-tenant",
    severity: Severity::Critical,
    what: "A policy of `policies/` changes the priority of the server's Pods",
    why: "The server then competes as an equal with the neighbours that it should make way for, or evicts them.",
    mend: "Name the policy under `kyverno` with `mode: edit`, or have its owner leave the namespace out.",
    source: "docs/kyverno.md",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let Some(tenant) = case.tenant() else { return Vec::new() };
    let kyverno = &case.values.kyverno;
    let mut found = Vec::new();
    for (at, file) in case.policies.files() {
        let handled = kyverno.mode != KyvernoMode::None
            && kyverno.policy.as_ref().is_some_and(|policy| policy.as_str() == file);
        for policy in case.policies.shown(at, Some(&tenant)) {
            for rule in policy.rules {
                let ours = handled && (kyverno.rule.is_none() || kyverno.rule == rule.name);
                if ours || rule.verdict != Some(Verdict::Changes) {
                    continue;
                }
                let effect = rule.effect.unwrap_or_default();
                let words =
                    Message::of("The server's Pods get ").code(effect).and(", in ").code(file);
                found.push(Site::value(["server", "priorityClassName"], words));
            }
        }
    }
    found
}
