//! How many pods there are and which come first, and small kinds of the server's own.

use super::resources::resource_name;
use super::{At, Check, CheckRow, Found, Rule, Type, of};
use crate::error::Problem;
use crate::formats;

const ONE: Rule = Rule::Range(1, i64::MAX);

#[rustfmt::skip] // a line a field
pub const TYPES: &[Type] = &[
    of("HorizontalPodAutoscalerSpec", "autoscaling: validateHorizontalPodAutoscalerSpec, validateMetricTarget", &[
        ("maxReplicas", ONE),
        ("minReplicas", Rule::Range(0, i64::MAX)),
        ("targetCPUUtilizationPercentage", ONE),
    ]),
    of("CrossVersionObjectReference", "autoscaling: ValidateCrossVersionObjectReference", &[
        ("kind", Rule::Required),
        ("kind", Rule::Form(formats::path_segment)),
        ("name", Rule::Required),
        ("name", Rule::Form(formats::path_segment)),
    ]),
    of("MetricSpec", "autoscaling: validateMetricSpec", &[
        ("type", Rule::Exactly(&["Object", "Pods", "Resource", "External", "ContainerResource"])),
    ]),
    of("MetricTarget", "autoscaling: validateMetricTarget", &[
        ("type", Rule::Exactly(&["Utilization", "Value", "AverageValue"])),
        ("averageUtilization", ONE),
        ("value", Rule::Positive),
        ("averageValue", Rule::Positive),
    ]),
    of("MetricIdentifier", "autoscaling: validateMetricIdentifier", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::path_segment)),
    ]),
    of("ResourceMetricSource", "autoscaling: validateResourceSource", &[
        ("name", Rule::Required),
    ]),
    of("ContainerResourceMetricSource", "autoscaling: validateContainerResourceSource", &[
        ("name", Rule::Required),
        ("name", Rule::Form(resource_name)),
        ("container", Rule::Required),
        ("container", Rule::Form(formats::label)),
    ]),
    of("RuntimeClass", "node: ValidateRuntimeClass", &[
        ("handler", Rule::Strictly(formats::label)),
    ]),
    of("Scheduling", "node: validateScheduling", &[
        ("nodeSelector", Rule::Keys(formats::qualified)),
        ("nodeSelector", Rule::Form(formats::label_value)),
    ]),
    of("LeaseSpec", "coordination: ValidateLeaseSpec", &[
        ("leaseDurationSeconds", ONE),
        ("leaseTransitions", Rule::Range(0, i64::MAX)),
    ]),
    of("FlowSchemaSpec", "flowcontrol: ValidateFlowSchemaSpec", &[
        ("matchingPrecedence", Rule::Range(0, 10000)),
    ]),
    of("PriorityLevelConfigurationReference", "flowcontrol: ValidateFlowSchemaSpec", &[
        ("name", Rule::Required),
    ]),
    of("PolicyRulesWithSubjects", "flowcontrol: ValidateFlowSchemaPolicyRulesWithSubjects", &[
        ("subjects", Rule::Required),
    ]),
    of("NonResourcePolicyRule", "flowcontrol: ValidateFlowSchemaNonResourcePolicyRule", &[
        ("verbs", Rule::Required),
        ("nonResourceURLs", Rule::Required),
    ]),
    of("ResourcePolicyRule", "flowcontrol: ValidateFlowSchemaResourcePolicyRule", &[
        ("verbs", Rule::Required),
        ("apiGroups", Rule::Required),
        ("resources", Rule::Required),
    ]),
    of("HPAScalingRules", "autoscaling: validateScalingRules", &[
        ("stabilizationWindowSeconds", Rule::Range(0, 3600)),
        ("selectPolicy", Rule::Exactly(&["Max", "Min", "Disabled"])),
    ]),
    of("HPAScalingPolicy", "autoscaling: validateScalingPolicy", &[
        ("type", Rule::Exactly(&["Pods", "Percent"])),
        ("value", ONE),
        ("periodSeconds", Rule::Range(1, 1800)),
    ]),
    of("PodDisruptionBudgetSpec", "policy: ValidatePodDisruptionBudgetSpec", &[
        ("minAvailable", Rule::IntOrPercent),
        ("maxUnavailable", Rule::IntOrPercent),
        ("unhealthyPodEvictionPolicy", Rule::Exactly(&["AlwaysAllow", "IfHealthyBudget"])),
    ]),
    of("PriorityClass", "scheduling: ValidatePriorityClass", &[
        ("value", Rule::Range(i64::MIN, 1_000_000_000)),
        ("preemptionPolicy", Rule::Exactly(&["PreemptLowerPriority", "Never"])),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    (
        "HorizontalPodAutoscalerSpec",
        bounds as Check,
        "autoscaling: validateHorizontalPodAutoscalerSpec",
    ),
    ("HorizontalPodAutoscalerSpec", target, "autoscaling: ValidateCrossVersionObjectReference"),
    (
        "MetricSpec",
        wanted,
        "autoscaling: validateObjectSource, validateResourceSource and the like",
    ),
    ("HPAScalingRules", rules, "autoscaling: validateScalingRules"),
    ("MetricSpec", source, "autoscaling: validateMetricSpec"),
    ("PodDisruptionBudgetSpec", one_bound, "policy: ValidatePodDisruptionBudgetSpec"),
];

fn bounds(at: &At, found: &mut Found) {
    // 1 is what the server fills in: autoscaling/v2 defaults.go, SetDefaults_HorizontalPodAutoscaler.
    let least = at.int("minReplicas").unwrap_or(1);
    if let Some(most) = at
        .get("maxReplicas")
        .filter(|most| most.node.as_int().is_some_and(|most| most >= 1 && most < least))
    {
        found.value(
            &most,
            Problem::Conflict(format!("`maxReplicas` is below `minReplicas`, {least}")),
        );
    }
    let outside =
        at.list("metrics").any(|metric| matches!(metric.text("type"), Some("Object" | "External")));
    if let Some(least) =
        at.get("minReplicas").filter(|least| least.node.as_int() == Some(0) && !outside)
    {
        found.conflict(&least, "`minReplicas: 0` needs a metric of type `Object` or `External`");
    }
}

/// The group of what is scaled must be named: a Deployment's is `apps`.
fn target(at: &At, found: &mut Found) {
    let Some(reference) = at.get("scaleTargetRef") else {
        return;
    };
    match reference.text("apiVersion") {
        None => found.missing(&reference, "apiVersion", None),
        Some(text) if text.matches('/').count() != 1 || text.starts_with('/') => {
            if let Some(version) = reference.get("apiVersion") {
                super::malformed(text, "a group and a version, such as `apps/v1`", &version, found);
            }
        }
        Some(_) => {}
    }
}

/// What a metric is held against.
fn wanted(at: &At, found: &mut Found) {
    const WANTED: [(&str, &[&str]); 5] = [
        ("object", &["value", "averageValue"]),
        ("external", &["value", "averageValue"]),
        ("pods", &["averageValue"]),
        ("resource", &["averageUtilization", "averageValue"]),
        ("containerResource", &["averageUtilization", "averageValue"]),
    ];
    for (kind, fields) in WANTED {
        let source = at.get(kind);
        let Some(target) = source.as_ref().and_then(|source| source.get("target")) else {
            continue;
        };
        if !fields.iter().any(|field| target.has(field)) {
            found.missing(&target, fields[0], Some(format!("must have {}", super::list(fields))));
        } else if kind != "object" {
            super::at_most_one(&target, fields, "target", found);
        }
    }
}

fn source(at: &At, found: &mut Found) {
    const SOURCES: [(&str, &str); 5] = [
        ("Object", "object"),
        ("Pods", "pods"),
        ("Resource", "resource"),
        ("External", "external"),
        ("ContainerResource", "containerResource"),
    ];
    let Some(&(kind, own)) = SOURCES.iter().find(|(kind, _)| at.text("type") == Some(kind)) else {
        return;
    };
    if !at.has(own) {
        found.missing(at, own, Some(format!("`type: {kind}` needs it")));
    }
    for (_, other) in SOURCES.iter().filter(|(_, field)| *field != own) {
        if let Some(at) = at.get(other) {
            found.conflict(&at, format!("`{other}` can't stand beside `type: {kind}`"));
        }
    }
}

fn one_bound(at: &At, found: &mut Found) {
    if let Some(most) = at.get("maxUnavailable").filter(|_| at.has("minAvailable")) {
        found.conflict(&most, "`maxUnavailable` can't stand beside `minAvailable`");
    }
}

/// Rules without policies get the server's, but an empty list stays one.
fn rules(at: &At, found: &mut Found) {
    if let Some(policies) = at.get("policies").filter(|_| at.len("policies") == 0) {
        found.value(&policies, Problem::Empty("policies".to_owned()));
    }
}
