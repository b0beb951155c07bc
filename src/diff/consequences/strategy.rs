//! Update strategies that conflict with what the API server filled in.

use super::{Finding, Rule, RuleContext, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::object::Object;
use yaml_spans::Value;

pub(super) const REFUSED: Rule = Rule {
    id: "strategy-refused",
    severity: Severity::Critical,
    topic: Topic::Refusal,
    summary: "A server-side apply of the new strategy will be refused: the `rollingUpdate` that the API server filled in is still there",
    source: "ValidateDeploymentStrategy and ValidateStatefulSetSpec in pkg/apis/apps/validation; observed on a server in tests/e2e/immutable.rs",
};

/// A kind, the field of its strategy, and the type that forbids a `rollingUpdate`.
const STRATEGIES: [(&str, &str, &str); 2] =
    [("Deployment", "strategy", "Recreate"), ("StatefulSet", "updateStrategy", "OnDelete")];

pub(super) fn refused_strategies(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (change, before, after) in context.modified() {
        for (kind, field, wanted) in STRATEGIES.iter().filter(|row| before.is_kind("apps", row.0)) {
            let (old, new) =
                (before.text_at(&["spec", field, "type"]), after.text_at(&["spec", field, "type"]));
            if new == Some(wanted) && old != new && !writes_rolling_update(before, field) {
                let patch = format!(
                    r#"{{"spec": {{"{field}": {{"type": "{wanted}", "rollingUpdate": null}}}}}}"#
                );
                let message = Message::of("The API server filled in ")
                    .code(format!("spec.{field}.rollingUpdate"))
                    .and(", which a server-side apply (Flux) keeps beside ")
                    .code(format!("type: {wanted}"))
                    .and(" and therefore refuses; a client-side apply drops it. Before merging, patch the ")
                    .code((*kind).to_owned())
                    .and(" by hand: ")
                    .code(format!("--type=merge -p '{patch}'"));
                findings.push(Finding::new(&REFUSED, &change.id, message));
            }
        }
    }
    findings
}

/// Returns true if the manifest itself contains the `rollingUpdate`: an apply without it removes it.
fn writes_rolling_update(object: &Object, field: &str) -> bool {
    let node = object.node_at(&["spec", field, "rollingUpdate"]);
    node.is_some_and(|node| node.value != Value::Null)
}
