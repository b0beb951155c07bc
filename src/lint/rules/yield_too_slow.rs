//! A yield that takes longer than the guard's next look.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};

pub(super) const RULE: Rule = Rule {
    id: "yield-too-slow",
    severity: Severity::Warning,
    what: "`server.terminationGracePeriodSeconds` is more than a minute",
    why: "A yield is over only when the Pod has stopped: until then the memory is taken, and the neighbour that woke fails.",
    mend: "Kubernetes' own 30 seconds, or less: a bake that is cut off is made again at the next window.",
    source: "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
    look: Look::Stack(look),
};

const LONGEST: i64 = 60;

fn look(case: &Case<'_>) -> Vec<Site> {
    let seconds = case.values.server.termination_grace_period_seconds.map(|seconds| seconds.get());
    let Some(seconds) = seconds.filter(|seconds| *seconds > LONGEST) else { return Vec::new() };
    let words =
        Message::of(format!("A yield may take {seconds} s, and the card is not free before"));
    vec![Site::value(["server", "terminationGracePeriodSeconds"], words)]
}
