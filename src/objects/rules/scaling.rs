//! HorizontalPodAutoscalers and PodDisruptionBudgets, PriorityClasses.

use super::{At, Check, CheckRow, Found, Row, Rule, row};
use crate::objects::error::Problem;
use crate::objects::formats;

const ONE: Rule = Rule::Range(1, i64::MAX);

pub const ROWS: &[Row] = &[
    row(
        "HorizontalPodAutoscalerSpec",
        "maxReplicas",
        ONE,
        "autoscaling: validateHorizontalPodAutoscalerSpec",
    ),
    row(
        "HorizontalPodAutoscalerSpec",
        "minReplicas",
        Rule::Range(0, i64::MAX),
        "autoscaling: validateHorizontalPodAutoscalerSpec",
    ),
    row(
        "CrossVersionObjectReference",
        "kind",
        Rule::Required,
        "autoscaling: ValidateCrossVersionObjectReference",
    ),
    row(
        "CrossVersionObjectReference",
        "kind",
        Rule::Form(formats::path_segment),
        "autoscaling: ValidateCrossVersionObjectReference",
    ),
    row(
        "CrossVersionObjectReference",
        "name",
        Rule::Required,
        "autoscaling: ValidateCrossVersionObjectReference",
    ),
    row(
        "CrossVersionObjectReference",
        "name",
        Rule::Form(formats::path_segment),
        "autoscaling: ValidateCrossVersionObjectReference",
    ),
    row(
        "MetricSpec",
        "type",
        Rule::Exactly(&["Object", "Pods", "Resource", "External", "ContainerResource"]),
        "autoscaling: validateMetricSpec",
    ),
    row(
        "MetricTarget",
        "type",
        Rule::Exactly(&["Utilization", "Value", "AverageValue"]),
        "autoscaling: validateMetricTarget",
    ),
    row("MetricTarget", "averageUtilization", ONE, "autoscaling: validateMetricTarget"),
    row("MetricTarget", "value", Rule::Positive, "autoscaling: validateMetricTarget"),
    row("MetricTarget", "averageValue", Rule::Positive, "autoscaling: validateMetricTarget"),
    row("MetricIdentifier", "name", Rule::Required, "autoscaling: validateMetricIdentifier"),
    row("ResourceMetricSource", "name", Rule::Required, "autoscaling: validateResourceSource"),
    row(
        "ContainerResourceMetricSource",
        "name",
        Rule::Required,
        "autoscaling: validateContainerResourceSource",
    ),
    row(
        "ContainerResourceMetricSource",
        "container",
        Rule::Required,
        "autoscaling: validateContainerResourceSource",
    ),
    row(
        "HPAScalingRules",
        "stabilizationWindowSeconds",
        Rule::Range(0, 3600),
        "autoscaling: validateScalingRules",
    ),
    row(
        "HPAScalingRules",
        "selectPolicy",
        Rule::Exactly(&["Max", "Min", "Disabled"]),
        "autoscaling: validateScalingRules",
    ),
    row(
        "HPAScalingPolicy",
        "type",
        Rule::Exactly(&["Pods", "Percent"]),
        "autoscaling: validateScalingPolicy",
    ),
    row("HPAScalingPolicy", "value", ONE, "autoscaling: validateScalingPolicy"),
    row(
        "HPAScalingPolicy",
        "periodSeconds",
        Rule::Range(1, 1800),
        "autoscaling: validateScalingPolicy",
    ),
    row(
        "PodDisruptionBudgetSpec",
        "minAvailable",
        Rule::IntOrPercent,
        "policy: ValidatePodDisruptionBudgetSpec",
    ),
    row(
        "PodDisruptionBudgetSpec",
        "maxUnavailable",
        Rule::IntOrPercent,
        "policy: ValidatePodDisruptionBudgetSpec",
    ),
    row(
        "PodDisruptionBudgetSpec",
        "unhealthyPodEvictionPolicy",
        Rule::Exactly(&["AlwaysAllow", "IfHealthyBudget"]),
        "policy: ValidatePodDisruptionBudgetSpec",
    ),
    row(
        "PriorityClass",
        "value",
        Rule::Range(i64::MIN, 1_000_000_000),
        "scheduling: ValidatePriorityClass",
    ),
    row(
        "PriorityClass",
        "preemptionPolicy",
        Rule::Exactly(&["PreemptLowerPriority", "Never"]),
        "scheduling: ValidatePriorityClass",
    ),
];

pub const CHECKS: &[CheckRow] = &[
    (
        "HorizontalPodAutoscalerSpec",
        bounds as Check,
        "autoscaling: validateHorizontalPodAutoscalerSpec",
    ),
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
