//! The rules that Kyverno makes from a rule on Pods for the controllers of Pods
//! (`pkg/autogen/v1/autogen.go` of kyverno 1.19).

use super::model::{Filter, Policy, Rule, kind_selector, string_at, string_items};
use yaml_spans::Node;

/// A kind whose objects have a template of Pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Controller {
    pub kind: &'static str,
    pub group: &'static str,
    /// The name in resource rules.
    pub resource: &'static str,
    /// The path of the template.
    pub template: &'static [&'static str],
}

const TEMPLATE: &[&str] = &["spec", "template"];

/// The controllers of Kubernetes.
pub(super) const CONTROLLERS: [Controller; 7] = [
    controller("Deployment", "apps", "deployments", TEMPLATE),
    controller("StatefulSet", "apps", "statefulsets", TEMPLATE),
    controller("DaemonSet", "apps", "daemonsets", TEMPLATE),
    controller("ReplicaSet", "apps", "replicasets", TEMPLATE),
    controller("ReplicationController", "", "replicationcontrollers", TEMPLATE),
    controller("Job", "batch", "jobs", TEMPLATE),
    controller("CronJob", "batch", "cronjobs", &["spec", "jobTemplate", "spec", "template"]),
];

const fn controller(
    kind: &'static str,
    group: &'static str,
    resource: &'static str,
    template: &'static [&'static str],
) -> Controller {
    Controller { kind, group, resource, template }
}

/// The annotation that chooses the controllers, a list with commas, or `none`.
const ANNOTATION: &str = "pod-policies.kyverno.io/autogen-controllers";

/// Returns true if Kyverno makes rules for controllers from a rule of the policy.
pub(super) fn generates_rules(policy: &Policy<'_>, rule: &Rule<'_>) -> bool {
    Autogen::of(policy) == Autogen::On && is_about_pods(rule)
}

/// The state of a policy's rules for controllers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Autogen {
    /// Kyverno makes them from each rule on Pods.
    On,
    /// An annotation or one of the rules turns them off.
    Off,
}

impl Autogen {
    /// Reads all rules, so callers with many rules ask once.
    pub(super) fn of(policy: &Policy<'_>) -> Self {
        let is_on = !is_disabled(policy) && policy.rules().iter().all(is_supported);
        if is_on { Autogen::On } else { Autogen::Off }
    }
}

fn is_disabled(policy: &Policy<'_>) -> bool {
    let annotations = policy.node.get("metadata").and_then(|metadata| metadata.get("annotations"));
    annotations
        .and_then(|annotations| string_at(annotations, ANNOTATION))
        .is_some_and(|chosen| chosen.trim() == "none")
}

/// The names of the rules that Kyverno makes from a rule; longer ones are cut.
pub(super) fn generated_names(rule: &str) -> [String; 2] {
    const MAX_LENGTH: usize = 63;
    ["autogen", "autogen-cronjob"]
        .map(|prefix| format!("{prefix}-{rule}").chars().take(MAX_LENGTH).collect())
}

pub(super) fn is_about_pods(rule: &Rule<'_>) -> bool {
    Filter::read(rule, "match").is_ok_and(|filter| {
        filter.blocks().iter().any(|block| has_pods(&string_items(block.attribute("kinds"))))
    })
}

fn has_pods(kinds: &[&str]) -> bool {
    kinds.iter().any(|kind| kind_selector(kind).kind == "Pod")
}

/// One rule that does not support it turns it off for the whole policy.
fn is_supported(rule: &Rule<'_>) -> bool {
    let patches = |mutate: &Node| mutate.get("patchesJson6902").is_some();
    let mutate = rule.node.get("mutate");
    let items = mutate.and_then(|mutate| mutate.get("foreach")?.as_sequence()).unwrap_or_default();
    let is_patched = mutate.is_some_and(patches) || items.iter().any(patches);
    let filters = ["match", "exclude"].map(|key| Filter::read(rule, key));
    let blocks = filters.iter().flatten().flat_map(Filter::blocks);
    let all_supported = blocks.into_iter().all(|block| {
        let kinds = string_items(block.attribute("kinds"));
        let selects = ["name", "names", "selector", "annotations"];
        let has_others = kinds.len() > 1 && has_pods(&kinds);
        !has_others && selects.iter().all(|name| block.attribute(name).is_none())
    });
    rule.node.get("generate").is_none() && !is_patched && all_supported
}
