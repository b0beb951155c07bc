//! A yield that takes longer than the guard's next run.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "yield-too-slow",
    severity: Severity::Warning,
    summary: "`server.terminationGracePeriodSeconds` is more than a minute",
    rationale: "A yield is complete only when the Pod has stopped. Until then the memory is in use, and the resident that needs it fails.",
    fix: "Use 30 seconds, Kubernetes' default, or less: work that is cut off is repeated in the next window.",
    source: "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
    check: Check::Stack(yield_too_slow),
};

const MAX_SECONDS: i64 = 60;

fn yield_too_slow(context: &RuleContext<'_>) -> Vec<Violation> {
    let seconds =
        context.values.server.termination_grace_period_seconds.map(|seconds| seconds.get());
    let Some(seconds) = seconds.filter(|seconds| *seconds > MAX_SECONDS) else { return Vec::new() };
    let message = Message::of(format!(
        "A yield may take {seconds} s, and the GPU's memory is in use until then"
    ));
    vec![Violation::at_value(value_paths::TERMINATION_GRACE_PERIOD, message)]
}
