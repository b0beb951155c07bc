//! Deployments, DaemonSets, StatefulSets, ReplicaSets, ReplicationControllers.

use super::meta::selects_template;
use super::{At, Check, CheckRow, Found, Row, Rule, row};
use crate::objects::error::Problem;
use crate::objects::formats;

const COUNT: Rule = Rule::Range(0, i64::MAX);

pub const ROWS: &[Row] = &[
    row("DeploymentSpec", "replicas", COUNT, "apps: ValidateDeploymentSpec"),
    row("DeploymentSpec", "minReadySeconds", COUNT, "apps: ValidateDeploymentSpec"),
    row("DeploymentSpec", "revisionHistoryLimit", COUNT, "apps: ValidateDeploymentSpec"),
    row("DeploymentSpec", "progressDeadlineSeconds", COUNT, "apps: ValidateDeploymentSpec"),
    row(
        "DeploymentStrategy",
        "type",
        Rule::OneOf(&["Recreate", "RollingUpdate"]),
        "apps: ValidateDeploymentStrategy",
    ),
    row(
        "RollingUpdateDeployment",
        "maxSurge",
        Rule::IntOrPercent,
        "apps: ValidateRollingUpdateDeployment",
    ),
    row(
        "RollingUpdateDeployment",
        "maxUnavailable",
        Rule::IntOrPercent,
        "apps: ValidateRollingUpdateDeployment",
    ),
    row("ReplicaSetSpec", "replicas", COUNT, "apps: ValidateReplicaSetSpec"),
    row("ReplicaSetSpec", "minReadySeconds", COUNT, "apps: ValidateReplicaSetSpec"),
    row("ReplicationControllerSpec", "replicas", COUNT, "core: ValidateReplicationControllerSpec"),
    row("DaemonSetSpec", "minReadySeconds", COUNT, "apps: ValidateDaemonSetSpec"),
    row("DaemonSetSpec", "revisionHistoryLimit", COUNT, "apps: ValidateDaemonSetSpec"),
    row("DaemonSetUpdateStrategy", "type", UPDATES, "apps: ValidateDaemonSetUpdateStrategy"),
    row(
        "RollingUpdateDaemonSet",
        "maxSurge",
        Rule::IntOrPercent,
        "apps: ValidateRollingUpdateDaemonSet",
    ),
    row(
        "RollingUpdateDaemonSet",
        "maxUnavailable",
        Rule::IntOrPercent,
        "apps: ValidateRollingUpdateDaemonSet",
    ),
    row("StatefulSetSpec", "replicas", COUNT, "apps: ValidateStatefulSetSpec"),
    row("StatefulSetSpec", "minReadySeconds", COUNT, "apps: ValidateStatefulSetSpec"),
    row("StatefulSetSpec", "revisionHistoryLimit", COUNT, "apps: ValidateStatefulSetSpec"),
    row(
        "StatefulSetSpec",
        "podManagementPolicy",
        Rule::OneOf(&["OrderedReady", "Parallel"]),
        "apps: ValidateStatefulSetSpec",
    ),
    row(
        "StatefulSetSpec",
        "serviceName",
        Rule::Form(formats::label),
        "apps: ValidateStatefulSetSpec",
    ),
    row("StatefulSetOrdinals", "start", COUNT, "apps: ValidateStatefulSetSpec"),
    row("StatefulSetUpdateStrategy", "type", UPDATES, "apps: ValidateStatefulSetSpec"),
    row(
        "RollingUpdateStatefulSetStrategy",
        "partition",
        COUNT,
        "apps: validateRollingUpdateStatefulSet",
    ),
    row(
        "RollingUpdateStatefulSetStrategy",
        "maxUnavailable",
        Rule::IntOrPercent,
        "apps: validateRollingUpdateStatefulSet",
    ),
    row(
        "StatefulSetPersistentVolumeClaimRetentionPolicy",
        "whenDeleted",
        RETENTION,
        "apps: ValidatePersistentVolumeClaimRetentionPolicy",
    ),
    row(
        "StatefulSetPersistentVolumeClaimRetentionPolicy",
        "whenScaled",
        RETENTION,
        "apps: ValidatePersistentVolumeClaimRetentionPolicy",
    ),
];

const UPDATES: Rule = Rule::OneOf(&["RollingUpdate", "OnDelete"]);
const RETENTION: Rule = Rule::OneOf(&["Retain", "Delete"]);

pub const CHECKS: &[CheckRow] = &[
    ("DeploymentSpec", selects_template as Check, "apps: ValidatePodTemplateSpecForReplicaSet"),
    ("DeploymentSpec", always_restarts, "apps: ValidatePodTemplateSpecForReplicaSet"),
    ("DeploymentSpec", progress, "apps: ValidateDeploymentSpec"),
    ("DeploymentStrategy", strategy, "apps: ValidateDeploymentStrategy"),
    ("RollingUpdateDeployment", moves, "apps: ValidateRollingUpdateDeployment"),
    ("ReplicaSetSpec", selects_template, "apps: ValidatePodTemplateSpecForReplicaSet"),
    ("ReplicaSetSpec", always_restarts, "apps: ValidatePodTemplateSpecForReplicaSet"),
    ("DaemonSetSpec", selects_template, "apps: ValidateDaemonSetSpec"),
    ("DaemonSetSpec", always_restarts, "apps: ValidateDaemonSetSpec"),
    ("RollingUpdateDaemonSet", moves_one_way, "apps: ValidateRollingUpdateDaemonSet"),
    ("StatefulSetSpec", selects_template, "apps: ValidatePodTemplateSpecForStatefulSet"),
    ("StatefulSetSpec", always_restarts, "apps: ValidateStatefulSetSpec"),
    ("StatefulSetSpec", claims, "apps: volumesToAddForTemplates"),
    ("StatefulSetUpdateStrategy", on_delete, "apps: ValidateStatefulSetSpec"),
];

/// Pods of a workload that never ends are always restarted, and have no deadline.
fn always_restarts(at: &At, found: &mut Found) {
    let template = at.get("template");
    let Some(spec) = template.as_ref().and_then(|template| template.get("spec")) else {
        return;
    };
    if let Some(policy) = spec.get("restartPolicy")
        && matches!(spec.text("restartPolicy"), Some("OnFailure" | "Never"))
    {
        found.value_hint(
            &policy,
            Problem::Conflict("pods of this kind are always restarted".to_owned()),
            "must be `Always`",
        );
    }
    if let Some(deadline) = spec.get("activeDeadlineSeconds") {
        found.conflict(&deadline, "`activeDeadlineSeconds` can't stand in pods of this kind");
    }
}

fn progress(at: &At, found: &mut Found) {
    // 600 and 0 are what the server fills in: apps/v1 defaults.go, SetDefaults_Deployment.
    let deadline = at.int("progressDeadlineSeconds").unwrap_or(600);
    let ready = at.int("minReadySeconds").unwrap_or(0);
    let field = at.get("progressDeadlineSeconds").or_else(|| at.get("minReadySeconds"));
    if let Some(field) = field.filter(|_| deadline >= 0 && deadline <= ready) {
        let message = format!(
            "`progressDeadlineSeconds` is {deadline}, not above `minReadySeconds`, {ready}"
        );
        found.value(&field, Problem::Conflict(message));
    }
}

fn strategy(at: &At, found: &mut Found) {
    if let Some(rolling) = at.get("rollingUpdate").filter(|_| at.text("type") == Some("Recreate")) {
        found.conflict(&rolling, "`rollingUpdate` can't stand beside `type: Recreate`");
    }
}

fn on_delete(at: &At, found: &mut Found) {
    if let Some(rolling) = at.get("rollingUpdate").filter(|_| at.text("type") == Some("OnDelete")) {
        found.conflict(&rolling, "`rollingUpdate` can't stand beside `type: OnDelete`");
    }
}

/// The amount of a number or percentage; none if it is neither.
fn amount(at: &At, key: &str) -> Option<i64> {
    let node = at.node.get(key)?;
    node.as_int().or_else(|| node.as_str()?.strip_suffix('%')?.parse().ok())
}

fn at_most_all(at: &At, key: &str, found: &mut Found) {
    let percent = at.text(key).and_then(|_| amount(at, key));
    if let Some(field) = at.get(key).filter(|_| percent.is_some_and(|percent| percent > 100)) {
        found.value(&field, Problem::Conflict(format!("`{key}` is more than 100%")));
    }
}

fn moves(at: &At, found: &mut Found) {
    at_most_all(at, "maxUnavailable", found);
    // 25 % each is what the server fills in: apps/v1 defaults.go, SetDefaults_Deployment.
    if amount(at, "maxSurge") == Some(0)
        && amount(at, "maxUnavailable") == Some(0)
        && let Some(field) = at.get("maxUnavailable")
    {
        found.value(
            &field,
            Problem::Conflict("`maxUnavailable` and `maxSurge` are both 0".to_owned()),
        );
    }
}

fn moves_one_way(at: &At, found: &mut Found) {
    at_most_all(at, "maxUnavailable", found);
    at_most_all(at, "maxSurge", found);
    // 1 and 0 are what the server fills in: apps/v1 defaults.go, SetDefaults_DaemonSet.
    let unavailable =
        amount(at, "maxUnavailable").unwrap_or(if at.has("maxUnavailable") { 0 } else { 1 });
    let surge = amount(at, "maxSurge").unwrap_or(0);
    let Some(field) = at.get("maxSurge").or_else(|| at.get("maxUnavailable")) else {
        return;
    };
    if unavailable != 0 && surge != 0 {
        let message = "one of `maxSurge` and `maxUnavailable` must be 0 (the latter is 1 where it is left out)";
        found.value(&field, Problem::Conflict(message.to_owned()));
    } else if unavailable == 0 && surge == 0 {
        found.value(
            &field,
            Problem::Conflict("`maxUnavailable` and `maxSurge` are both 0".to_owned()),
        );
    }
}

fn claims(at: &At, found: &mut Found) {
    let templates = at.list("volumeClaimTemplates");
    found.claims = templates
        .filter_map(|template| Some(template.get("metadata")?.text("name")?.to_owned()))
        .collect();
}
