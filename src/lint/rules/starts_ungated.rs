//! A server that starts without having been admitted.

use super::{Look, Rule};
use crate::lint::case::{Case, Site, path};
use crate::model::{Message, Severity, workload};

pub(super) const RULE: Rule = Rule {
    id: "starts-ungated",
    severity: Severity::Critical,
    what: "A Deployment that the gate scales is rendered with replicas",
    why: "The first sync starts the server at once, whoever has the card; and a sync that does not leave the field alone starts it again.",
    mend: "`spec.replicas: 0` in the template: left out, the API's default is 1.",
    source: "docs/argocd.md, docs/flux.md: `replicas: 0` serves at creation, from then on the gate's value is kept",
    look: Look::Stack(look),
};

fn look(case: &Case<'_>) -> Vec<Site> {
    let gated = case.gates.keys().filter_map(|id| case.objects.get(id));
    gated
        .filter(|object| workload::replicas(object) != 0)
        .map(|object| {
            let replicas = workload::replicas(object).to_string();
            let words = Message::of("It is created with ")
                .code(format!("replicas: {replicas}"))
                .and(", before the gate has looked");
            Site::field(object, path(&["spec", "replicas"]), words)
        })
        .collect()
}
