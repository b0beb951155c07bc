//! Deployments, DaemonSets, StatefulSets, ReplicaSets, ReplicationControllers.

use super::meta::selector_matches_template;
use super::{Check, CheckRow, Findings, NodeRef, Rule, TypeRules, type_rules};
use crate::error::Problem;
use crate::formats;
use yaml_spans::truncate;

const COUNT: Rule = Rule::Range(0, i64::MAX);

#[rustfmt::skip] // a line a field
pub const TYPE_RULES: &[TypeRules] = &[
    type_rules("Deployment", "apps: ValidateDeploymentSpec", &[
        ("spec", Rule::Required),
    ]),
    type_rules("DaemonSet", "apps: ValidateDaemonSetSpec", &[
        ("spec", Rule::Required),
    ]),
    type_rules("StatefulSet", "apps: ValidateStatefulSetSpec", &[
        ("spec", Rule::Required),
    ]),
    type_rules("ReplicaSet", "apps: ValidateReplicaSetSpec", &[
        ("spec", Rule::Required),
    ]),
    type_rules("PodTemplateSpec", "core: ValidatePodTemplateSpec", &[
        ("spec", Rule::Required),
    ]),
    type_rules("DeploymentSpec", "apps: ValidateDeploymentSpec", &[
        ("replicas", COUNT),
        ("minReadySeconds", COUNT),
        ("revisionHistoryLimit", COUNT),
        ("progressDeadlineSeconds", COUNT),
    ]),
    type_rules("DeploymentStrategy", "apps: ValidateDeploymentStrategy", &[
        ("type", Rule::OneOf(&["Recreate", "RollingUpdate"])),
    ]),
    type_rules("RollingUpdateDeployment", "apps: ValidateRollingUpdateDeployment", &[
        ("maxSurge", Rule::IntOrPercent),
        ("maxUnavailable", Rule::IntOrPercent),
    ]),
    type_rules("ReplicaSetSpec", "apps: ValidateReplicaSetSpec", &[
        ("replicas", COUNT),
        ("minReadySeconds", COUNT),
    ]),
    type_rules("ReplicationControllerSpec", "core: ValidateReplicationControllerSpec", &[
        ("replicas", COUNT),
        ("minReadySeconds", COUNT),
    ]),
    type_rules("DaemonSetSpec", "apps: ValidateDaemonSetSpec", &[
        ("minReadySeconds", COUNT),
        ("revisionHistoryLimit", COUNT),
    ]),
    type_rules("DaemonSetUpdateStrategy", "apps: ValidateDaemonSetUpdateStrategy", &[
        ("type", UPDATE_STRATEGY),
    ]),
    type_rules("RollingUpdateDaemonSet", "apps: ValidateRollingUpdateDaemonSet", &[
        ("maxSurge", Rule::IntOrPercent),
        ("maxUnavailable", Rule::IntOrPercent),
    ]),
    type_rules("StatefulSetSpec", "apps: ValidateStatefulSetSpec", &[
        ("replicas", COUNT),
        ("minReadySeconds", COUNT),
        ("podManagementPolicy", Rule::OneOf(&["OrderedReady", "Parallel"])),
        ("serviceName", Rule::Form(formats::dns_label)),
    ]),
    type_rules("StatefulSetOrdinals", "apps: ValidateStatefulSetSpec", &[
        ("start", COUNT),
    ]),
    type_rules("StatefulSetUpdateStrategy", "apps: ValidateStatefulSetSpec", &[
        ("type", UPDATE_STRATEGY),
    ]),
    type_rules("RollingUpdateStatefulSetStrategy", "apps: validateRollingUpdateStatefulSet", &[
        ("partition", COUNT),
        ("maxUnavailable", Rule::IntOrPercent),
    ]),
    type_rules("StatefulSetPersistentVolumeClaimRetentionPolicy", "apps: ValidatePersistentVolumeClaimRetentionPolicy", &[
        ("whenDeleted", RETENTION),
        ("whenScaled", RETENTION),
    ]),
];

const UPDATE_STRATEGY: Rule = Rule::OneOf(&["RollingUpdate", "OnDelete"]);
const RETENTION: Rule = Rule::OneOf(&["Retain", "Delete"]);

pub const CHECKS: &[CheckRow] = &[
    (
        "DeploymentSpec",
        selector_matches_template as Check,
        "apps: ValidatePodTemplateSpecForReplicaSet",
    ),
    ("DeploymentSpec", always_restart_policy, "apps: ValidatePodTemplateSpecForReplicaSet"),
    ("DeploymentSpec", progress_deadline, "apps: ValidateDeploymentSpec"),
    ("DeploymentStrategy", recreate_strategy, "apps: ValidateDeploymentStrategy"),
    ("RollingUpdateDeployment", rolling_deployment, "apps: ValidateRollingUpdateDeployment"),
    ("ReplicaSetSpec", selector_matches_template, "apps: ValidatePodTemplateSpecForReplicaSet"),
    ("ReplicaSetSpec", always_restart_policy, "apps: ValidatePodTemplateSpecForReplicaSet"),
    ("DaemonSetSpec", selector_matches_template, "apps: ValidateDaemonSetSpec"),
    ("DaemonSetSpec", always_restart_policy, "apps: ValidateDaemonSetSpec"),
    (
        "DaemonSetUpdateStrategy",
        rolling_daemon_set,
        "apps: ValidateDaemonSetUpdateStrategy, ValidateRollingUpdateDaemonSet",
    ),
    ("StatefulSetSpec", selector_matches_template, "apps: ValidatePodTemplateSpecForStatefulSet"),
    ("StatefulSetSpec", always_restart_policy, "apps: ValidateStatefulSetSpec"),
    ("StatefulSetSpec", collect_claim_names, "apps: volumesToAddForTemplates"),
    ("StatefulSetSpec", claim_names, "apps: volumesToAddForTemplates; core: ValidateVolumes"),
    (
        "RollingUpdateStatefulSetStrategy",
        rolling_stateful_set,
        "apps: validateRollingUpdateStatefulSet",
    ),
    ("ReplicationController", replication_template, "core: ValidatePodTemplateSpecForRC"),
    ("StatefulSetUpdateStrategy", on_delete_strategy, "apps: ValidateStatefulSetSpec"),
];

/// Pods of a workload that never finishes are always restarted and have no deadline.
fn always_restart_policy(node: &NodeRef, findings: &mut Findings) {
    let template = node.get("template");
    let Some(spec) = template.as_ref().and_then(|template| template.get("spec")) else {
        return;
    };
    if let Some(policy) = spec.get("restartPolicy")
        && matches!(spec.text("restartPolicy"), Some("OnFailure" | "Never"))
    {
        let value = policy.as_str().unwrap_or_default();
        findings.report_invalid(&policy, value, "`Always` for Pods of this kind");
    }
    if let Some(deadline) = spec.get("activeDeadlineSeconds") {
        findings.report_conflict(
            &deadline,
            "`activeDeadlineSeconds` is not allowed in Pods of this kind",
        );
    }
}

fn progress_deadline(node: &NodeRef, findings: &mut Findings) {
    // The server fills in 600 and 0: apps/v1 defaults.go, SetDefaults_Deployment.
    let deadline = node.int("progressDeadlineSeconds").unwrap_or(600);
    let ready = node.int("minReadySeconds").unwrap_or(0);
    let field = node.get("progressDeadlineSeconds").or_else(|| node.get("minReadySeconds"));
    if let Some(field) = field.filter(|_| deadline >= 0 && deadline <= ready) {
        let message = format!(
            "`progressDeadlineSeconds` must be above `minReadySeconds`: {deadline} is not above {ready}"
        );
        findings.report(&field, Problem::Conflict(message));
    }
}

fn recreate_strategy(node: &NodeRef, findings: &mut Findings) {
    if let Some(rolling) =
        node.get("rollingUpdate").filter(|_| node.text("type") == Some("Recreate"))
    {
        findings
            .report_conflict(&rolling, "`rollingUpdate` can't be combined with `type: Recreate`");
    }
}

fn on_delete_strategy(node: &NodeRef, findings: &mut Findings) {
    if let Some(rolling) =
        node.get("rollingUpdate").filter(|_| node.text("type") == Some("OnDelete"))
    {
        findings
            .report_conflict(&rolling, "`rollingUpdate` can't be combined with `type: OnDelete`");
    }
}

/// The number in a field that is a number or a percentage; none if it is neither.
fn number_or_percent(node: &NodeRef, key: &str) -> Option<i64> {
    let node = node.yaml.get(key)?;
    node.as_int().or_else(|| node.as_str()?.strip_suffix('%')?.parse().ok())
}

/// Reports a percentage of more than 100.
pub fn at_most_100_percent(node: &NodeRef, key: &str, findings: &mut Findings) {
    let percent = node.text(key).and_then(|_| number_or_percent(node, key));
    if let Some(field) = node.get(key).filter(|_| percent.is_some_and(|percent| percent > 100)) {
        findings.report(&field, Problem::Conflict(format!("`{key}` is more than 100%")));
    }
}

fn rolling_deployment(node: &NodeRef, findings: &mut Findings) {
    at_most_100_percent(node, "maxUnavailable", findings);
    // The server fills in 25 % for each: apps/v1 defaults.go, SetDefaults_Deployment.
    if number_or_percent(node, "maxSurge") == Some(0)
        && number_or_percent(node, "maxUnavailable") == Some(0)
        && let Some(field) = node.get("maxUnavailable")
    {
        findings.report(&field, Problem::conflict("`maxUnavailable` and `maxSurge` are both 0"));
    }
}

fn rolling_daemon_set(strategy: &NodeRef, findings: &mut Findings) {
    let is_rolling = matches!(strategy.text("type"), None | Some("RollingUpdate"));
    let Some(node) = &strategy.get("rollingUpdate").filter(|_| is_rolling) else {
        return;
    };
    at_most_100_percent(node, "maxUnavailable", findings);
    at_most_100_percent(node, "maxSurge", findings);
    // The server fills in 1 and 0: apps/v1 defaults.go, SetDefaults_DaemonSet.
    let unreadable = ["maxSurge", "maxUnavailable"]
        .iter()
        .any(|key| node.has(key) && number_or_percent(node, key).is_none());
    if unreadable {
        return;
    }
    let unavailable = number_or_percent(node, "maxUnavailable").unwrap_or(1);
    let surge = number_or_percent(node, "maxSurge").unwrap_or(0);
    let Some(field) = node.get("maxSurge").or_else(|| node.get("maxUnavailable")) else {
        return;
    };
    if unavailable != 0 && surge != 0 {
        let message =
            "one of `maxSurge` and `maxUnavailable` must be 0; an absent `maxUnavailable` is 1";
        findings.report(&field, Problem::conflict(message));
    } else if unavailable == 0 && surge == 0 {
        findings.report(&field, Problem::conflict("`maxUnavailable` and `maxSurge` are both 0"));
    }
}

fn rolling_stateful_set(node: &NodeRef, findings: &mut Findings) {
    at_most_100_percent(node, "maxUnavailable", findings);
    if let Some(field) = node.get("maxUnavailable")
        && number_or_percent(node, "maxUnavailable") == Some(0)
    {
        findings.report(&field, Problem::conflict("`maxUnavailable` must not be 0"));
    }
}

/// A ReplicationController has a template with the labels of its selector. An absent selector is made of
/// them: core/v1 defaults.go, SetDefaults_ReplicationController.
fn replication_template(node: &NodeRef, findings: &mut Findings) {
    let spec = node.get("spec");
    let template = spec.as_ref().and_then(|spec| spec.get("template"));
    let (Some(spec), Some(template)) = (&spec, &template) else {
        return findings.report_missing(spec.as_ref().unwrap_or(node), "template");
    };
    let metadata = template.get("metadata");
    let labels = metadata.as_ref().and_then(|metadata| metadata.get("labels"));
    let selector = spec.get("selector").filter(|_| spec.len_of("selector") > 0);
    for (key, value) in selector.iter().flat_map(NodeRef::entries) {
        let label = labels.as_ref().and_then(|labels| labels.yaml.get(key));
        if label.and_then(|label| label.as_str()) != value.as_str() {
            let message =
                format!("the pod template lacks the selector's label `{}`", truncate(key));
            findings.report(&value, Problem::Conflict(message));
        }
    }
    if selector.is_none() && labels.is_none_or(|labels| labels.entries().next().is_none()) {
        findings.report_missing(spec, "selector");
    }
    always_restart_policy(spec, findings);
}

/// A claim's name is that of a volume.
fn claim_names(node: &NodeRef, findings: &mut Findings) {
    for template in node.items_of("volumeClaimTemplates") {
        let metadata = template.get("metadata");
        let metadata = metadata.as_ref().unwrap_or(&template);
        match metadata.get("name").filter(|name| name.as_str() != Some("")) {
            Some(name) => {
                super::check_rule(&Rule::Strictly(formats::dns_label), &name, findings);
            }
            None => findings.report_missing(metadata, "name"),
        }
    }
}

fn collect_claim_names(node: &NodeRef, findings: &mut Findings) {
    findings.in_stateful_set = true;
    let templates = node.items_of("volumeClaimTemplates");
    findings.claims = templates
        .filter_map(|template| Some(template.get("metadata")?.text("name")?.to_owned()))
        .collect();
}
