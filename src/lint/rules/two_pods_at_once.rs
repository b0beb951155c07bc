//! A rollout that needs the card twice.

use super::{Look, Rule};
use crate::lint::case::{Case, Site, path};
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "two-pods-at-once",
    severity: Severity::Warning,
    what: "A Deployment that the gate scales is not rolled by `Recreate`",
    why: "A rolling update starts the new Pod beside the old one: the model is loaded twice, and the gate has asked for room for one.",
    mend: "`spec.strategy.type: Recreate` in the template.",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#recreate-deployment",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let gated = case.gates.keys().filter_map(|id| case.objects.get(id));
    let rolling =
        gated.filter(|object| object.text(&["spec", "strategy", "type"]) != Some("Recreate"));
    rolling
        .map(|object| {
            let words = Message::of(
                "A change of the Pods' template starts a second server beside the first",
            );
            Site::field(object, path(&["spec", "strategy", "type"]), words)
        })
        .collect()
}
