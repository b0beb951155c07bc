//! Data that a controller may prune.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::model::prune_protection::{self, PruneProtection};
use crate::model::{Message, Severity};
use yaml_spans::Path;

pub(super) const RULE: Rule = Rule {
    id: "prune-guard-missing",
    severity: Severity::Critical,
    summary: "A Namespace, a definition, a volume or a claim is not protected against pruning",
    rationale: "One commit that no longer renders it deletes it, and a Namespace takes everything in it along, a definition all objects of its kind.",
    fix: "Add the annotations `argocd.argoproj.io/sync-options: Prune=confirm,Delete=confirm` and `kustomize.toolkit.fluxcd.io/prune: disabled`.",
    source: "https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/#no-prune-resources and https://fluxcd.io/flux/components/kustomize/kustomizations/#prune",
    check: Check::Stack(prune_guard_missing),
};

fn prune_guard_missing(context: &RuleContext<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for object in context.objects.iter().filter(|object| prune_protection::holds_data(object)) {
        let protection = PruneProtection::read(object);
        let missing: Vec<&str> = [("Argo CD", protection.argocd), ("Flux", protection.flux)]
            .into_iter()
            .filter(|(_, protects)| !protects)
            .map(|(controller, _)| controller)
            .collect();
        if !missing.is_empty() {
            let message = Message::of(format!(
                "{} may delete it as soon as it is no longer rendered",
                missing.join(" and ")
            ));
            violations.push(Violation::at_field(
                object,
                Path::of_keys(["metadata", "annotations"]),
                message,
            ));
        }
    }
    violations
}
