//! Data that a controller may prune unasked.

use super::{Look, Rule};
use crate::lint::case::{Case, Site, path};
use crate::model::prune_protection::{self, Guard};
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "prune-guard-missing",
    severity: Severity::Critical,
    what: "A Namespace, a volume or a claim is not guarded against pruning",
    why: "One commit that no longer renders it deletes it, and with a Namespace everything in it.",
    mend: "The annotations `argocd.argoproj.io/sync-options: Prune=confirm,Delete=confirm` and `kustomize.toolkit.fluxcd.io/prune: disabled`.",
    source: "https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/#no-prune-resources and https://fluxcd.io/flux/components/kustomize/kustomizations/#prune",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let mut found = Vec::new();
    for object in case.objects.iter().filter(|object| prune_protection::holds_data(object)) {
        let guard = Guard::of(object);
        let missing: Vec<&str> = [("Argo CD", guard.argocd), ("Flux", guard.flux)]
            .into_iter()
            .filter(|(_, guarded)| !guarded)
            .map(|(who, _)| who)
            .collect();
        if !missing.is_empty() {
            let words = Message::of(format!(
                "{} may prune it as soon as it is not rendered",
                missing.join(" and ")
            ));
            found.push(Site::field(object, path(&["metadata", "annotations"]), words));
        }
    }
    found
}
