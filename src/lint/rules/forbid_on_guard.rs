//! A guard, or an end of the window, that waits for a Job that never ends.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::model::gate_jobs::STOPPING;
use crate::model::{Message, Severity};
use yaml_spans::Path;

pub(super) const RULE: Rule = Rule {
    id: "forbid-on-guard",
    severity: Severity::Critical,
    summary: "`guard` or `down` does not start while the Job of its last run is still there",
    rationale: "A Job is there as long as its Pod, and a Pod on a node that is away stays until the node is back. With `concurrencyPolicy: Forbid` no run starts until then: the server runs unguarded, or is not stopped for days.",
    fix: "Set `offPeak.concurrencyPolicy` of `guard` and `down` to `Replace`. Both do the same however often they run.",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#concurrency-policy; https://kubernetes.io/docs/concepts/workloads/controllers/job/#job-termination-and-cleanup",
    check: Check::Stack(forbid_on_guard),
};

fn forbid_on_guard(context: &RuleContext<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for gate in context.gates.values() {
        for (action, name) in STOPPING {
            let Some(job) = gate.job(action).and_then(|job| context.objects.get(&job.id)) else {
                continue;
            };
            if job.text_at(&["spec", "concurrencyPolicy"]) != Some("Forbid") {
                continue;
            }
            let message = Message::of("While the Pod of its last run is on a node that is away, ")
                .code(name)
                .and(" does not start");
            violations.push(Violation::at_field(
                job,
                Path::of_keys(["spec", "concurrencyPolicy"]),
                message,
            ));
        }
    }
    violations
}
