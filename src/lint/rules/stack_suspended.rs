//! A stack whose window never opens because it is suspended.

use vram_gate::decision::Action;

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::model::gate_jobs::InactiveReason;
use crate::model::{Message, Severity};
use yaml_spans::Path;

pub(super) const RULE: Rule = Rule {
    id: "stack-suspended",
    severity: Severity::Info,
    summary: "The job that starts the server is suspended",
    rationale: "The window never opens, and nothing else reports that: the jobs that guard and stop run on and find nothing to do.",
    fix: "Set `offPeak.suspend: false` once `gate.floor` is measured, or allow this finding with the reason for the pause.",
    source: "docs/gate.md; https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-suspension",
    check: Check::Stack(stack_suspended),
};

fn stack_suspended(context: &RuleContext<'_>) -> Vec<Violation> {
    // All jobs suspended is the finding of `all-suspended`.
    if context.values.off_peak.suspend_all {
        return Vec::new();
    }
    let ups = context.gates.values().filter_map(|gate| gate.job(Action::Up));
    ups.filter(|job| job.inactive == Some(InactiveReason::Suspended))
        .filter_map(|job| {
            let object = context.objects.get(&job.id)?;
            let message = Message::of("")
                .code(job.target.to_string())
                .and(" is never started: its window stays closed");
            Some(Violation::at_field(object, Path::of_keys(["spec", "suspend"]), message))
        })
        .collect()
}
