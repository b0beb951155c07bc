//! An admission that may wait for longer than a rollout may take.

use vram_gate::duration;
use vram_gate::settings::Key;

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::model::gate_jobs::admission;
use crate::model::{Message, Severity};
use yaml_spans::{Node, Path};

pub(super) const RULE: Rule = Rule {
    id: "admission-outlasts-progress",
    severity: Severity::Warning,
    summary: "The admission of a new Pod may wait for longer than the Deployment's `progressDeadlineSeconds`",
    rationale: "The Deployment counts as failed while its Pod waits for room as it should, and the controller shows the stack as degraded.",
    fix: "Set `spec.progressDeadlineSeconds` in the template to more than the admission's `DEADLINE` and the server's own start.",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#progress-deadline-seconds",
    check: Check::Stack(admission_outlasts_progress),
};

/// Kubernetes' default.
const DEFAULT_SECONDS: i64 = 600;

fn admission_outlasts_progress(context: &RuleContext<'_>) -> Vec<Violation> {
    let field = ["spec", "progressDeadlineSeconds"];
    let mut violations = Vec::new();
    let deployments = context.gated_objects().filter(|object| object.is_kind("apps", "Deployment"));
    for object in deployments {
        let wait = admission(object)
            .and_then(|settings| duration::parse(settings.get(Key::Deadline)?).ok());
        let progress = object.node_at(&field).and_then(Node::as_int);
        let progress = progress.unwrap_or(DEFAULT_SECONDS);
        if let Some(wait) = wait.map(|wait| wait.as_secs())
            && u64::try_from(progress).unwrap_or_default() <= wait
        {
            let message = Message::of(format!(
                "A Pod may wait {wait} s for admission, and the rollout counts as failed after {progress} s"
            ));
            violations.push(Violation::at_field(object, Path::of_keys(field), message));
        }
    }
    violations
}
