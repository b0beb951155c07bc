//! Changes of immutable fields that the API server takes.

use std::collections::BTreeSet;

use super::coverage::{any_leaf, leads_to};
use crate::diff::fields::FieldChange;
use crate::model::object::{Object, items_at, scalar_text, strings_at};
use kube_formats::quantity::Quantity;
use yaml_spans::{Node, Value};

/// Returns true for a Service whose load balancer asks each node whether it has a Pod.
pub(super) fn needs_health_check(service: &Object) -> bool {
    service.text_at(&["spec", "type"]) == Some("LoadBalancer")
        && service.text_at(&["spec", "externalTrafficPolicy"]) == Some("Local")
}

/// Below the template of a suspended Job, what may still change: where its Pods run, and their
/// resources (`validatePodTemplateUpdate` in `pkg/apis/batch/validation`).
const SUSPENDED_JOB: [&[&str]; 8] = [
    &["metadata", "labels"],
    &["metadata", "annotations"],
    &["spec", "nodeSelector"],
    &["spec", "tolerations"],
    &["spec", "schedulingGates"],
    &["spec", "affinity", "nodeAffinity"],
    &["spec", "containers", "resources"],
    &["spec", "initContainers", "resources"],
];

pub(super) fn changes_suspended_job(before: &Object, _: &Object, change: &FieldChange) -> bool {
    before.node_at(&["spec", "suspend"]).is_some_and(|node| node.value == Value::Bool(true))
        && !any_leaf(change, |leaf| {
            let below = leaf.get(2..).unwrap_or_default();
            !SUSPENDED_JOB.iter().any(|keys| leads_to(keys, below))
        })
}

fn default_completions(job: &Object) -> Option<i64> {
    let completions = job.whole_at(&["spec", "completions"]);
    let alone = job.node_at(&["spec", "parallelism"]).is_none();
    completions.or(alone.then_some(1))
}

/// A Job's completions, which are 1 if it has neither them nor a parallelism (`SetDefaults_Job`), may only
/// change if it is Indexed, together with its parallelism (`validateCompletions`).
pub(super) fn keeps_or_resizes_completions(
    before: &Object,
    after: &Object,
    _: &FieldChange,
) -> bool {
    let completions = after.whole_at(&["spec", "completions"]);
    default_completions(before) == default_completions(after)
        || (after.text_at(&["spec", "completionMode"]) == Some("Indexed")
            && completions.is_some()
            && completions == Some(after.whole_at(&["spec", "parallelism"]).unwrap_or(1)))
}

/// Whole tolerations are added, and none is changed.
pub(super) fn adds_tolerations(_: &Object, _: &Object, change: &FieldChange) -> bool {
    change.change.before().is_none() && change.path.segments().len() <= 3
}

/// The port is omitted, or nothing needs it.
pub(super) fn keeps_health_check_port(before: &Object, after: &Object, _: &FieldChange) -> bool {
    after.whole_at(&["spec", "healthCheckNodePort"]) == Some(0)
        || !(needs_health_check(before) && needs_health_check(after))
}

/// The same scopes, in another order or twice.
pub(super) fn keeps_scopes(before: &Object, after: &Object, _: &FieldChange) -> bool {
    scopes(before) == scopes(after)
}

fn scopes(quota: &Object) -> BTreeSet<&str> {
    strings_at(&quota.node, &["spec", "scopes"]).into_iter().collect()
}

fn parse_amount(node: &Node) -> Option<Quantity> {
    Quantity::parse(&scalar_text(node))
}

/// An amount that is spelled otherwise, or an empty map of amounts.
pub(super) fn keeps_amounts(_: &Object, _: &Object, change: &FieldChange) -> bool {
    let before = change.change.before().and_then(parse_amount);
    let after = change.change.after().and_then(parse_amount);
    let is_equal = matches!((before, after), (Some(old), Some(new)) if old.compare(&new).is_eq());
    is_equal || !any_leaf(change, |leaf| leaf.len() > 3)
}

/// The parts of the sources that a claim has.
fn data_sources(claim: &Object) -> Vec<[String; 4]> {
    let written = ["dataSource", "dataSourceRef"].into_iter();
    let written = written.filter_map(|key| claim.node_at(&["spec", key]));
    written
        .map(|source| ["apiGroup", "kind", "name", "namespace"].map(|key| text_of(source, key)))
        .collect()
}

fn text_of(node: &Node, key: &str) -> String {
    node.get(key).map(scalar_text).unwrap_or_default()
}

/// The API server copies `dataSource` and `dataSourceRef` from each other (`NormalizeDataSources`), so removing the
/// only one that is written changes nothing.
pub(super) fn keeps_data_source(before: &Object, after: &Object, _: &FieldChange) -> bool {
    let (old, new) = (data_sources(before), data_sources(after));
    match (old.first(), new.first()) {
        (Some(_), None) => old.len() == 1,
        (old, new) => old == new,
    }
}

/// Drivers may come and go, and say another number of volumes.
pub(super) fn keeps_csi_drivers(before: &Object, after: &Object, _: &FieldChange) -> bool {
    const DRIVERS: [&str; 2] = ["spec", "drivers"];
    items_at(&before.node, &DRIVERS).iter().all(|old| {
        let mut same = items_at(&after.node, &DRIVERS)
            .iter()
            .filter(|new| text_of(new, "name") == text_of(old, "name"));
        same.all(|new| {
            text_of(new, "nodeID") == text_of(old, "nodeID")
                && strings_at(new, &["topologyKeys"]) == strings_at(old, &["topologyKeys"])
        })
    })
}

pub(super) fn shortens_deadline(_: &Object, _: &Object, change: &FieldChange) -> bool {
    let before = change.change.before().and_then(Node::as_int);
    match (before, change.change.after().and_then(Node::as_int)) {
        (None, after) => after.is_some(),
        (Some(before), after) => after.is_some_and(|after| after <= before),
    }
}

/// Returns true for a Pod that is not scheduled yet, because of a gate.
pub(super) fn is_gated(pod: &Object) -> bool {
    !items_at(&pod.node, &["spec", "schedulingGates"]).is_empty()
}

/// A gated Pod may get a node affinity, and other preferences.
pub(super) fn sets_gated_affinity(before: &Object, _: &Object, change: &FieldChange) -> bool {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    let has_required = before.node_at(&["spec", "affinity", "nodeAffinity", REQUIRED]).is_some();
    is_gated(before)
        && !any_leaf(change, |leaf| {
            !leads_to(&["spec", "affinity", "nodeAffinity"], leaf)
                || (has_required && leaf.get(3).is_some_and(|key| key == REQUIRED))
        })
}

/// `[Persistent]` is the default.
pub(super) fn writes_default_modes(before: &Object, after: &Object, _: &FieldChange) -> bool {
    lifecycle_modes(before) == lifecycle_modes(after)
}

fn lifecycle_modes(driver: &Object) -> Vec<&str> {
    let modes = strings_at(&driver.node, &["spec", "volumeLifecycleModes"]);
    if modes.is_empty() { vec!["Persistent"] } else { modes }
}
