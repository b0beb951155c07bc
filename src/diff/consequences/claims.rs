//! Claims that a StatefulSet's controller makes for its Pods, and deletes with them.

use super::{Finding, Rule, RuleContext, Topic};
use crate::model::object::{Object, Objects, items_at, node_at};
use crate::model::workload::replicas;
use crate::model::{Message, Severity};
use yaml_spans::Node;

pub(super) const DELETED: Rule = Rule {
    id: "claims-deleted",
    severity: Severity::Critical,
    topic: Topic::Data,
    summary: "A StatefulSet deletes the claims of its Pods: it has fewer replicas with `whenScaled: Delete`, or begins to delete claims when it is scaled or deleted",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#persistentvolumeclaim-retention",
};

const RETENTION: &str = "persistentVolumeClaimRetentionPolicy";

/// Returns true if a StatefulSet deletes claims, `whenScaled` or `whenDeleted`.
fn deletes_claims(object: &Object, when: &str) -> bool {
    object.is_kind("apps", "StatefulSet")
        && !templates(object).is_empty()
        && object.text_at(&["spec", RETENTION, when]) == Some("Delete")
}

/// The templates of a StatefulSet's claims.
fn templates(set: &Object) -> &[Node] {
    items_at(&set.node, &["spec", "volumeClaimTemplates"])
}

/// Returns true if an object's claims are deleted with it.
pub(super) fn are_deleted_with(object: &Object) -> bool {
    deletes_claims(object, "whenDeleted")
}

/// Returns true if every class of a StatefulSet's claims is rendered and retains volumes.
pub(super) fn are_retained(set: &Object, objects: &Objects) -> bool {
    templates(set).iter().all(|claim| {
        let class = node_at(claim, &["spec", "storageClassName"]);
        let class = class.and_then(Node::as_str).unwrap_or_default();
        let class = objects.find("storage.k8s.io", "StorageClass", None, class);
        class.is_some_and(|class| class.text_at(&["reclaimPolicy"]) == Some("Retain"))
    })
}

pub(super) fn deleted_claims(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (change, before, after) in context.modified() {
        let (old, new) = (replicas(before), replicas(after));
        if deletes_claims(after, "whenScaled") && new < old {
            let message = Message::of(format!(
                "From {old} to {new} replicas: the claims of the Pods that go are deleted, since "
            ))
            .code(format!("{RETENTION}.whenScaled"))
            .and(" is `Delete`");
            findings.push(Finding::new(&DELETED, &change.id, message));
        }
        for (when, event) in
            [("whenDeleted", "it is deleted"), ("whenScaled", "it has fewer replicas")]
        {
            if deletes_claims(after, when) && !deletes_claims(before, when) {
                let message = Message::default().code(format!("{RETENTION}.{when}")).and(format!(
                    " becomes `Delete`: the claims of its Pods are deleted when {event}"
                ));
                findings.push(Finding::new(&DELETED, &change.id, message));
            }
        }
    }
    findings
}
