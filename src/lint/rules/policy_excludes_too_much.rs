//! A namespace that is left out of more than was meant.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};
use crate::policy;

pub(super) const RULE: Rule = Rule {
    id: "policy-excludes-too-much",
    severity: Severity::Warning,
    what: "A policy other than the one under `kyverno` leaves the namespace out, or a glob leaves out more than it",
    why: "The namespace loses what that policy gives it (limits, quotas, DNS settings), or namespaces that nobody thought of lose theirs.",
    mend: "Take the name out of the other list: `tts-render policy edit FILE --exclude NS --remove`; write the name in place of the glob.",
    source: "docs/kyverno.md",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let kyverno = &case.values.kyverno;
    let namespace = case.values.namespace.name.as_str();
    let mut found = Vec::new();
    for (at, file) in case.policies.files() {
        let chosen = kyverno.policy.as_ref().is_some_and(|policy| policy.as_str() == file);
        for policy in case.policies.shown(at, None) {
            for rule in policy.rules {
                let by = rule.excluded.iter().find(|glob| policy::glob_matches(glob, namespace));
                let Some(by) = by else { continue };
                let name = rule.name.as_deref().unwrap_or(&policy.name);
                let ours = chosen && (kyverno.rule.is_none() || kyverno.rule == rule.name);
                let words = match (ours, by == namespace) {
                    (true, true) => continue,
                    (true, false) => Message::of("The glob ")
                        .code(by)
                        .and(" of ")
                        .code(name)
                        .and(" leaves out other namespaces too"),
                    (false, _) => Message::of("The namespace is left out of ")
                        .code(name)
                        .and(" too, in ")
                        .code(file),
                };
                found.push(Site::value(["namespace", "name"], words));
            }
        }
    }
    found
}
