//! A server that starts without the gate.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::model::{Message, Severity, workload};
use yaml_spans::Path;

pub(super) const RULE: Rule = Rule {
    id: "starts-ungated",
    severity: Severity::Critical,
    summary: "The object that the gate scales is rendered with replicas",
    rationale: "The first sync starts the server at once, whoever uses the GPU. A later sync that does not ignore the field starts it again.",
    fix: "Set `spec.replicas: 0` in the template. If it is omitted, the API server sets 1.",
    source: "docs/argocd.md, docs/flux.md: `replicas: 0` applies at creation, later the gate's value is kept",
    check: Check::Stack(starts_ungated),
};

fn starts_ungated(context: &RuleContext<'_>) -> Vec<Violation> {
    context
        .gated_objects()
        .filter(|object| workload::replicas(object) != 0)
        .map(|object| {
            let replicas = workload::replicas(object).to_string();
            let message = Message::of(format!("The {} is created with ", object.id.kind))
                .code(format!("replicas: {replicas}"))
                .and(", before the gate has sampled the GPU");
            Violation::at_field(object, Path::of_keys(["spec", "replicas"]), message)
        })
        .collect()
}
