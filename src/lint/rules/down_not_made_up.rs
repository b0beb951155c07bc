//! An end of the window that is lost when it is missed.

use vram_gate::decision::Action;

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::model::{Message, Severity};
use yaml_spans::Path;

pub(super) const RULE: Rule = Rule {
    id: "down-not-made-up",
    severity: Severity::Warning,
    summary: "A run of `down` that is missed by half an hour is not made up for",
    rationale: "While the API server or the controllers are away, no Job starts. Kubernetes starts a missed run afterwards only within `startingDeadlineSeconds`: later than that, the server keeps the GPU until the next run, and no event says so.",
    fix: "Leave `offPeak.downStartingDeadlineSeconds` out: rendering then uses the longest time that does not reach the next window. If that is too short, let the last `down` run longer before `up`.",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#starting-deadline; tests/e2e/jobs tries it on the controller",
    check: Check::Stack(down_not_made_up),
};

/// An upgrade of a control plane with one node takes some minutes.
const MIN_SECONDS: i64 = 30 * 60;

fn down_not_made_up(context: &RuleContext<'_>) -> Vec<Violation> {
    let field = ["spec", "startingDeadlineSeconds"];
    let jobs = context.gates.values().filter_map(|gate| gate.job(Action::Down));
    jobs.filter_map(|job| {
        let object = context.objects.get(&job.id)?;
        let deadline = object.whole_at(&field).filter(|deadline| *deadline < MIN_SECONDS)?;
        let message = Message::of(format!(
            "A run that is missed by more than {deadline} s is lost: the server keeps the GPU until the next run of "
        ))
        .code("down");
        Some(Violation::at_field(object, Path::of_keys(field), message))
    })
    .collect()
}
