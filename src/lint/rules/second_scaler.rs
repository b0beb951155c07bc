//! An autoscaler beside the gate.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::model::{Message, Severity, workload};
use yaml_spans::Path;

pub(super) const RULE: Rule = Rule {
    id: "second-scaler",
    severity: Severity::Critical,
    summary: "An autoscaler changes the object that the gate scales",
    rationale: "It starts the server whoever uses the GPU, also by day, and again after the guard stopped it: at least one replica is its default. Two programs write the same field.",
    fix: "Remove the autoscaler. With `offPeak.mode: watch` the gate starts the server again by itself once the GPU is calm.",
    source: "https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/; https://keda.sh/docs/latest/concepts/scaling-deployments/",
    check: Check::Stack(second_scaler),
};

fn second_scaler(context: &RuleContext<'_>) -> Vec<Violation> {
    let scalers = context.objects.iter().filter_map(|object| {
        let target = workload::scaled_target(object)?;
        context.gates.contains_key(&target).then_some((object, target))
    });
    scalers
        .map(|(object, target)| {
            let message = Message::of(format!("The {} changes ", object.id.kind))
                .code(target.to_string())
                .and(", which the gate scales");
            Violation::at_field(object, Path::of_keys(["spec"]), message)
        })
        .collect()
}
