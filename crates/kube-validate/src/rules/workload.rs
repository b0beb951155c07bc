//! Deployments, DaemonSets, StatefulSets, ReplicaSets, ReplicationControllers.

use super::meta::selects_template;
use super::{At, Check, CheckRow, Found, Rule, Type, of};
use crate::error::Problem;
use crate::formats;

const COUNT: Rule = Rule::Range(0, i64::MAX);

#[rustfmt::skip] // a line a field
pub const TYPES: &[Type] = &[
    of("Deployment", "apps: ValidateDeploymentSpec", &[
        ("spec", Rule::Required),
    ]),
    of("DaemonSet", "apps: ValidateDaemonSetSpec", &[
        ("spec", Rule::Required),
    ]),
    of("StatefulSet", "apps: ValidateStatefulSetSpec", &[
        ("spec", Rule::Required),
    ]),
    of("ReplicaSet", "apps: ValidateReplicaSetSpec", &[
        ("spec", Rule::Required),
    ]),
    of("PodTemplateSpec", "core: ValidatePodTemplateSpec", &[
        ("spec", Rule::Required),
    ]),
    of("DeploymentSpec", "apps: ValidateDeploymentSpec", &[
        ("replicas", COUNT),
        ("minReadySeconds", COUNT),
        ("revisionHistoryLimit", COUNT),
        ("progressDeadlineSeconds", COUNT),
    ]),
    of("DeploymentStrategy", "apps: ValidateDeploymentStrategy", &[
        ("type", Rule::OneOf(&["Recreate", "RollingUpdate"])),
    ]),
    of("RollingUpdateDeployment", "apps: ValidateRollingUpdateDeployment", &[
        ("maxSurge", Rule::IntOrPercent),
        ("maxUnavailable", Rule::IntOrPercent),
    ]),
    of("ReplicaSetSpec", "apps: ValidateReplicaSetSpec", &[
        ("replicas", COUNT),
        ("minReadySeconds", COUNT),
    ]),
    of("ReplicationControllerSpec", "core: ValidateReplicationControllerSpec", &[
        ("replicas", COUNT),
    ]),
    of("DaemonSetSpec", "apps: ValidateDaemonSetSpec", &[
        ("minReadySeconds", COUNT),
        ("revisionHistoryLimit", COUNT),
    ]),
    of("DaemonSetUpdateStrategy", "apps: ValidateDaemonSetUpdateStrategy", &[
        ("type", UPDATES),
    ]),
    of("RollingUpdateDaemonSet", "apps: ValidateRollingUpdateDaemonSet", &[
        ("maxSurge", Rule::IntOrPercent),
        ("maxUnavailable", Rule::IntOrPercent),
    ]),
    of("StatefulSetSpec", "apps: ValidateStatefulSetSpec", &[
        ("replicas", COUNT),
        ("minReadySeconds", COUNT),
        ("revisionHistoryLimit", COUNT),
        ("podManagementPolicy", Rule::OneOf(&["OrderedReady", "Parallel"])),
        ("serviceName", Rule::Form(formats::label)),
    ]),
    of("StatefulSetOrdinals", "apps: ValidateStatefulSetSpec", &[
        ("start", COUNT),
    ]),
    of("StatefulSetUpdateStrategy", "apps: ValidateStatefulSetSpec", &[
        ("type", UPDATES),
    ]),
    of("RollingUpdateStatefulSetStrategy", "apps: validateRollingUpdateStatefulSet", &[
        ("partition", COUNT),
        ("maxUnavailable", Rule::IntOrPercent),
    ]),
    of("StatefulSetPersistentVolumeClaimRetentionPolicy", "apps: ValidatePersistentVolumeClaimRetentionPolicy", &[
        ("whenDeleted", RETENTION),
        ("whenScaled", RETENTION),
    ]),
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
    let readable = |key: &str| !at.has(key) || amount(at, key).is_some();
    if !readable("maxSurge") || !readable("maxUnavailable") {
        return;
    }
    let unavailable = amount(at, "maxUnavailable").unwrap_or(1);
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
