//! A stack without any job that stops the server.

use vram_gate::decision::Action;

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::model::gate_jobs::{GateJob, InactiveReason, STOPPING};
use crate::model::{Message, Severity};
use yaml_spans::Path;

pub(super) const RULE: Rule = Rule {
    id: "all-suspended",
    severity: Severity::Critical,
    summary: "All jobs of the gate are suspended: a server that runs keeps the GPU",
    rationale: "Suspending stops no server. One that was started before, or that somebody scales by hand, is neither guarded nor stopped.",
    fix: "Use `offPeak.suspend`: `up` starts nothing, and `guard` and `down` run on. Set `offPeak.suspendAll` only once no replica is left.",
    source: "docs/gate.md; gate/src/decision.rs: only `guard` and `down` scale to 0",
    check: Check::Stack(all_suspended),
};

fn all_suspended(context: &RuleContext<'_>) -> Vec<Violation> {
    let is_suspended = |job: &GateJob| job.inactive == Some(InactiveReason::Suspended);
    let mut violations = Vec::new();
    for gate in context.gates.values() {
        let stopping: Vec<&GateJob> =
            STOPPING.iter().filter_map(|(action, _)| gate.job(*action)).collect();
        // With an active `up` it is the finding of `guard-suspended`.
        let starts = gate.active_job(Action::Up).is_some();
        let Some(first) = stopping.first().filter(|_| !starts) else { continue };
        if !stopping.iter().all(|job| is_suspended(job)) {
            continue;
        }
        let Some(object) = context.objects.get(&first.id) else { continue };
        let message = Message::of("Nothing guards or stops a server that runs: ")
            .codes(STOPPING.map(|(_, name)| name), STOPPING.len())
            .and(" are suspended with the job that starts it");
        violations.push(Violation::at_field(object, Path::of_keys(["spec", "suspend"]), message));
    }
    violations
}
