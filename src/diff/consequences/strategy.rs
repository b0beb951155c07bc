//! A strategy that the API server's own default stands in the way of.

use super::{Case, Finding, Rule, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::object::Object;
use yaml_spans::Value;

pub(super) const KEPT: Rule = Rule {
    id: "strategy-refused",
    severity: Severity::Critical,
    topic: Topic::Refusal,
    what: "A server-side apply will refuse another strategy: the `rollingUpdate` that the API server filled in stays beside it",
    source: "ValidateDeploymentStrategy and ValidateStatefulSetSpec in pkg/apis/apps/validation; seen of a server in tests/e2e/immutable.rs",
    detect: kept,
};

/// Kinds, where their strategy is, and the type that can't stand beside a `rollingUpdate`.
const STRATEGIES: [(&str, &str, &str); 2] =
    [("Deployment", "strategy", "Recreate"), ("StatefulSet", "updateStrategy", "OnDelete")];

fn kept(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (change, before, after) in case.both() {
        for (kind, field, wanted) in STRATEGIES.iter().filter(|row| before.is("apps", row.0)) {
            let is = |object: &Object| object.text(&["spec", field, "type"]) == Some(wanted);
            if is(after) && !is(before) && !says_how(before, field) {
                let patch = format!(
                    r#"{{"spec": {{"{field}": {{"type": "{wanted}", "rollingUpdate": null}}}}}}"#
                );
                let words = Message::of("The API server filled in ")
                    .code(format!("spec.{field}.rollingUpdate"))
                    .and(", which a server-side apply (Flux') leaves beside ")
                    .code(format!("type: {wanted}"))
                    .and(", and so refuses; a client-side one drops it. Before it is merged, patch the ")
                    .code((*kind).to_owned())
                    .and(" by hand: ")
                    .code(format!("--type=merge -p '{patch}'"));
                findings.push(Finding::new(&change.id, words));
            }
        }
    }
    findings
}

/// Whether the manifest says the `rollingUpdate` itself: then an apply without it takes it away.
fn says_how(object: &Object, field: &str) -> bool {
    let node = object.at(&["spec", field, "rollingUpdate"]);
    node.is_some_and(|node| node.value != Value::Null)
}
