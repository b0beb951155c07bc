//! A run that is replaced by the next before it can decide.

use vram_gate::decision::Action;

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::gate_jobs::STOPPING;
use crate::model::window::POD_START;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "guard-replaced-early",
    severity: Severity::Critical,
    summary: "A run of `guard` or `down` is replaced by the next before it can decide",
    rationale: "With `concurrencyPolicy: Replace` the next run deletes the Job of the one before. When the exporter or the registry is slow, every run is deleted before it scales, and the server keeps the GPU.",
    fix: "Let the job run less often, or lower `offPeak.activeDeadlineSeconds`: the time between two runs has to be the deadline and 60 s for the Pod's start.",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#concurrency-policy; docs/gate.md, Time",
    check: Check::Stack(guard_replaced_early),
};

fn guard_replaced_early(context: &RuleContext<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for gate in context.gates.values() {
        for (action, name) in STOPPING {
            let Some(job) = gate.job(action).and_then(|job| context.objects.get(&job.id)) else {
                continue;
            };
            let deadline = job.whole_at(&["spec", "jobTemplate", "spec", "activeDeadlineSeconds"]);
            let (Some(deadline), Some("Replace")) =
                (deadline, job.text_at(&["spec", "concurrencyPolicy"]))
            else {
                continue;
            };
            let (shortest, path) = match action {
                Action::Guard => {
                    (context.times.shortest_guard_interval(), value_paths::GUARD_SCHEDULE)
                }
                _ => (context.times.shortest_down_interval(), value_paths::DOWN_SCHEDULE),
            };
            let needed = deadline.saturating_add(POD_START.as_secs());
            let shortest = shortest.map(|shortest| shortest.as_secs());
            let Some(shortest) = shortest.filter(|shortest| *shortest < needed) else { continue };
            let message = Message::of("Two runs of ").code(name).and(format!(
                " are {shortest} s apart, and one may take {needed} s: its deadline of {deadline} s, and {} s for the Pod's start",
                POD_START.as_secs()
            ));
            violations.push(Violation::at_value(path, message));
        }
    }
    violations
}
