//! Autoscalers, disruption budgets and priorities, and small kinds of the API server itself.

use super::resources::resource_name;
use super::{Check, CheckRow, Findings, NodeRef, Rule, TypeRules, type_rules};
use crate::error::Problem;
use crate::formats;

const AT_LEAST_ONE: Rule = Rule::Range(1, i64::MAX);

#[rustfmt::skip] // a line a field
pub const TYPE_RULES: &[TypeRules] = &[
    type_rules("HorizontalPodAutoscalerSpec", "autoscaling: validateHorizontalPodAutoscalerSpec, validateMetricTarget", &[
        ("maxReplicas", AT_LEAST_ONE),
        ("minReplicas", Rule::Range(0, i64::MAX)),
        ("targetCPUUtilizationPercentage", AT_LEAST_ONE),
    ]),
    type_rules("CrossVersionObjectReference", "autoscaling: ValidateCrossVersionObjectReference", &[
        ("kind", Rule::Required),
        ("kind", Rule::Form(formats::path_segment)),
        ("name", Rule::Required),
        ("name", Rule::Form(formats::path_segment)),
    ]),
    type_rules("MetricSpec", "autoscaling: validateMetricSpec", &[
        ("type", Rule::Exactly(&["Object", "Pods", "Resource", "External", "ContainerResource"])),
    ]),
    type_rules("MetricTarget", "autoscaling: validateMetricTarget", &[
        ("type", Rule::Exactly(&["Utilization", "Value", "AverageValue"])),
        ("averageUtilization", AT_LEAST_ONE),
        ("value", Rule::Positive),
        ("averageValue", Rule::Positive),
    ]),
    type_rules("MetricIdentifier", "autoscaling: validateMetricIdentifier", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::path_segment)),
    ]),
    type_rules("ResourceMetricSource", "autoscaling: validateResourceSource", &[
        ("name", Rule::Required),
    ]),
    type_rules("ContainerResourceMetricSource", "autoscaling: validateContainerResourceSource", &[
        ("name", Rule::Required),
        ("name", Rule::Form(resource_name)),
        ("container", Rule::Required),
        ("container", Rule::Form(formats::dns_label)),
    ]),
    type_rules("RuntimeClass", "node: ValidateRuntimeClass", &[
        ("handler", Rule::Strictly(formats::dns_label)),
    ]),
    type_rules("Scheduling", "node: validateScheduling", &[
        ("nodeSelector", Rule::Keys(formats::qualified_name)),
        ("nodeSelector", Rule::Form(formats::label_value)),
    ]),
    type_rules("LeaseSpec", "coordination: ValidateLeaseSpec", &[
        ("leaseDurationSeconds", AT_LEAST_ONE),
        ("leaseTransitions", Rule::Range(0, i64::MAX)),
        ("acquireTime", Rule::Strictly(micro_time)),
        ("renewTime", Rule::Strictly(micro_time)),
    ]),
    type_rules("FlowSchemaSpec", "flowcontrol: ValidateFlowSchemaSpec", &[
        ("matchingPrecedence", Rule::Range(0, 10000)),
    ]),
    type_rules("PriorityLevelConfigurationReference", "flowcontrol: ValidateFlowSchemaSpec", &[
        ("name", Rule::Required),
    ]),
    type_rules("PolicyRulesWithSubjects", "flowcontrol: ValidateFlowSchemaPolicyRulesWithSubjects", &[
        ("subjects", Rule::Required),
    ]),
    type_rules("NonResourcePolicyRule", "flowcontrol: ValidateFlowSchemaNonResourcePolicyRule", &[
        ("verbs", Rule::Required),
        ("nonResourceURLs", Rule::Required),
    ]),
    type_rules("ResourcePolicyRule", "flowcontrol: ValidateFlowSchemaResourcePolicyRule", &[
        ("verbs", Rule::Required),
        ("apiGroups", Rule::Required),
        ("resources", Rule::Required),
    ]),
    type_rules("HPAScalingRules", "autoscaling: validateScalingRules", &[
        ("stabilizationWindowSeconds", Rule::Range(0, 3600)),
        ("selectPolicy", Rule::Exactly(&["Max", "Min", "Disabled"])),
    ]),
    type_rules("HPAScalingPolicy", "autoscaling: validateScalingPolicy", &[
        ("type", Rule::Exactly(&["Pods", "Percent"])),
        ("value", AT_LEAST_ONE),
        ("periodSeconds", Rule::Range(1, 1800)),
    ]),
    type_rules("PodDisruptionBudgetSpec", "policy: ValidatePodDisruptionBudgetSpec", &[
        ("minAvailable", Rule::IntOrPercent),
        ("maxUnavailable", Rule::IntOrPercent),
        ("unhealthyPodEvictionPolicy", Rule::Exactly(&["AlwaysAllow", "IfHealthyBudget"])),
    ]),
    type_rules("PriorityClass", "scheduling: ValidatePriorityClass", &[
        ("preemptionPolicy", Rule::Exactly(&["PreemptLowerPriority", "Never"])),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    (
        "HorizontalPodAutoscalerSpec",
        replica_bounds as Check,
        "autoscaling: validateHorizontalPodAutoscalerSpec",
    ),
    (
        "HorizontalPodAutoscalerSpec",
        scale_target,
        "autoscaling: ValidateCrossVersionObjectReference",
    ),
    (
        "MetricSpec",
        metric_target,
        "autoscaling: validateObjectSource, validateResourceSource and the like",
    ),
    ("HPAScalingRules", scaling_policies, "autoscaling: validateScalingRules"),
    ("MetricSpec", metric_source, "autoscaling: validateMetricSpec"),
    ("PriorityClass", priority_value, "scheduling: ValidatePriorityClass"),
    ("PodDisruptionBudgetSpec", disruption_percent, "apps: IsNotMoreThan100Percent"),
    ("PodDisruptionBudgetSpec", one_disruption_bound, "policy: ValidatePodDisruptionBudgetSpec"),
];

/// Checks a time with a fraction of six digits, which Go's decoder of `MicroTime` demands. The type checks the
/// rest.
fn micro_time(text: &str) -> Result<(), &'static str> {
    let fraction = text.split_once('.').map_or("", |(_, rest)| rest);
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 6 {
        Ok(())
    } else {
        Err("a time with microseconds, `2026-01-31T00:00:00.000000Z`")
    }
}

fn replica_bounds(node: &NodeRef, findings: &mut Findings) {
    // The server fills in 1: autoscaling/v2 defaults.go, SetDefaults_HorizontalPodAutoscaler.
    let min = node.int("minReplicas").unwrap_or(1);
    if let Some(max) =
        node.get("maxReplicas").filter(|max| max.as_int().is_some_and(|max| max >= 1 && max < min))
    {
        findings.report(
            &max,
            Problem::Conflict(format!(
                "`maxReplicas` must be at least `minReplicas`, which is {min}"
            )),
        );
    }
    let has_outside_metric = node
        .items_of("metrics")
        .any(|metric| matches!(metric.text("type"), Some("Object" | "External")));
    if let Some(min) =
        node.get("minReplicas").filter(|min| min.as_int() == Some(0) && !has_outside_metric)
    {
        findings.report_conflict(
            &min,
            "`minReplicas: 0` needs a metric with `type: Object` or `External`",
        );
    }
}

/// An autoscaler's target has an API group: a Deployment's is `apps`.
fn scale_target(node: &NodeRef, findings: &mut Findings) {
    let Some(reference) = node.get("scaleTargetRef") else {
        return;
    };
    match reference.text("apiVersion") {
        None => findings.report_missing(&reference, "apiVersion"),
        Some(text) if text.matches('/').count() != 1 || text.starts_with('/') => {
            if let Some(version) = reference.get("apiVersion") {
                findings.report_invalid(&version, text, "a group and a version, such as `apps/v1`");
            }
        }
        Some(_) => {}
    }
}

/// A metric's target has one of the values that its kind of source is compared with.
fn metric_target(node: &NodeRef, findings: &mut Findings) {
    const TARGETS: [(&str, &[&str]); 5] = [
        ("object", &["value", "averageValue"]),
        ("external", &["value", "averageValue"]),
        ("pods", &["averageValue"]),
        ("resource", &["averageUtilization", "averageValue"]),
        ("containerResource", &["averageUtilization", "averageValue"]),
    ];
    for (kind, fields) in TARGETS {
        let source = node.get(kind);
        let Some(target) = source.as_ref().and_then(|source| source.get("target")) else {
            continue;
        };
        if !fields.iter().any(|field| target.has(field)) {
            findings.report_missing_with_hint(
                &target,
                fields[0],
                format!("expected {}", yaml_spans::one_of(fields)),
            );
        } else if kind != "object" {
            super::at_most_one(&target, fields, "target", findings);
        }
    }
}

fn metric_source(node: &NodeRef, findings: &mut Findings) {
    const SOURCES: [(&str, &str); 5] = [
        ("Object", "object"),
        ("Pods", "pods"),
        ("Resource", "resource"),
        ("External", "external"),
        ("ContainerResource", "containerResource"),
    ];
    let Some(&(kind, own)) = SOURCES.iter().find(|(kind, _)| node.text("type") == Some(kind))
    else {
        return;
    };
    if !node.has(own) {
        findings.report_missing_with_hint(node, own, format!("required by `type: {kind}`"));
    }
    for (_, other) in SOURCES.iter().filter(|(_, field)| *field != own) {
        if let Some(node) = node.get(other) {
            findings
                .report_conflict(&node, format!("`{other}` can't be combined with `type: {kind}`"));
        }
    }
}

/// The classes that the server makes itself, and the greatest value of all others.
const SYSTEM_CLASSES: [(&str, i64); 2] =
    [("system-node-critical", 2_000_001_000), ("system-cluster-critical", 2_000_000_000)];
const MAX_PRIORITY: i64 = 1_000_000_000;

fn priority_value(node: &NodeRef, findings: &mut Findings) {
    let metadata = node.get("metadata");
    let name = metadata.as_ref().and_then(|metadata| metadata.text("name")).unwrap_or_default();
    let value = node.get("value");
    if !name.starts_with("system-") {
        if let Some(value) = value {
            super::check_rule(&Rule::Range(i64::MIN, MAX_PRIORITY), &value, findings);
        }
        return;
    }
    let is_known = SYSTEM_CLASSES.iter().any(|(known, number)| {
        *known == name && node.int("value") == Some(*number) && !node.is_true("globalDefault")
    });
    if !is_known {
        let field = metadata.as_ref().and_then(|metadata| metadata.get("name"));
        let expected = "a name that does not begin with `system-`";
        findings.report_invalid(field.as_ref().unwrap_or(node), name, expected);
    }
}

fn disruption_percent(node: &NodeRef, findings: &mut Findings) {
    super::workload::at_most_100_percent(node, "minAvailable", findings);
    super::workload::at_most_100_percent(node, "maxUnavailable", findings);
}

fn one_disruption_bound(node: &NodeRef, findings: &mut Findings) {
    if let Some(max) = node.get("maxUnavailable").filter(|_| node.has("minAvailable")) {
        findings.report_conflict(&max, "`maxUnavailable` can't be combined with `minAvailable`");
    }
}

/// The server fills in absent policies, and refuses an empty list of them.
fn scaling_policies(node: &NodeRef, findings: &mut Findings) {
    if let Some(policies) = node.get("policies").filter(|_| node.len_of("policies") == 0) {
        findings.report(&policies, Problem::Empty("policies".to_owned()));
    }
}
