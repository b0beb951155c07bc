//! A gate that starts the server and does not guard or stop it.

use vram_gate::decision::Action;

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::model::gate_jobs::InactiveReason;
use crate::model::{Message, Severity};
use yaml_spans::Path;

pub(super) const RULE: Rule = Rule {
    id: "guard-suspended",
    severity: Severity::Critical,
    summary: "The job that starts the server runs, and the job that yields or the job that stops it is suspended, never due, or missing",
    rationale: "The server then runs unguarded, or is never stopped.",
    fix: "Use `offPeak.suspend`, which suspends the job that starts the server and no other. If no value is the cause, check the template.",
    source: "docs/gate.md; https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-suspension",
    check: Check::Stack(guard_suspended),
};

fn guard_suspended(context: &RuleContext<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for gate in context.gates.values() {
        let Some(up) = gate.active_job(Action::Up) else { continue };
        for (action, name) in [(Action::Guard, "guard"), (Action::Down, "down")] {
            if gate.active_job(action).is_some() {
                continue;
            }
            let (id, field, reason) = match gate.job(action).map(|job| (job, job.inactive)) {
                Some((job, Some(reason))) => {
                    let field = match reason {
                        InactiveReason::Suspended => "suspend",
                        InactiveReason::NeverRuns => "schedule",
                        InactiveReason::DryRun => "jobTemplate",
                    };
                    (&job.id, Path::of_keys(["spec", field]), reason.text())
                }
                _ => (&up.id, Path::of_keys(["metadata", "name"]), "is missing"),
            };
            let Some(object) = context.objects.get(id) else { continue };
            let message = Message::of("The job for ")
                .code(name)
                .and(format!(" {reason}, and the job that starts the server is active"));
            violations.push(Violation::at_field(object, field, message));
        }
    }
    violations
}
