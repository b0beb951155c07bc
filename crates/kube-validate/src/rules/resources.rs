//! Quantities of CPU, memory and devices: requests, limits, LimitRanges and ResourceQuotas.

use super::{Check, CheckRow, Findings, NodeRef, Rule, TypeRules, type_rules};
use crate::error::Problem;
use crate::formats;
use kube_formats::quantity::Quantity;
use yaml_spans::{Node, Value, truncate};

#[rustfmt::skip] // a line a field
pub const TYPE_RULES: &[TypeRules] = &[
    type_rules("ResourceRequirements", "core: validateResourceRequirements", &[
        ("limits", Rule::NotNegative),
        ("requests", Rule::NotNegative),
    ]),
    type_rules("ResourceQuotaSpec", "core: ValidateResourceQuotaSpec, ValidateResourceQuotaResourceName, validateResourceQuotaScopes", &[
        ("hard", Rule::NotNegative),
        ("hard", Rule::Keys(formats::qualified_name)),
        ("scopes", Rule::Strictly(formats::qualified_name)),
    ]),
    type_rules("LimitRangeItem", "core: validateLimitRangeTypeName, validateLimitRangeResourceName", &[
        ("type", Rule::Strictly(formats::qualified_name)),
        ("max", Rule::Keys(formats::qualified_name)),
        ("min", Rule::Keys(formats::qualified_name)),
        ("default", Rule::Keys(formats::qualified_name)),
        ("defaultRequest", Rule::Keys(formats::qualified_name)),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    ("ResourceRequirements", requests_and_limits as Check, "core: validateResourceRequirements"),
    ("LimitRangeItem", limit_order, "core: ValidateLimitRange"),
    (
        "LimitRangeItem",
        limit_resources,
        "core: validateLimitRangeTypeName, validateLimitRangeResourceName",
    ),
    ("LimitRangeSpec", unique_limit_types, "core: ValidateLimitRange"),
    (
        "ResourceQuotaSpec",
        quota_resources,
        "core: ValidateResourceQuotaResourceName, ValidateResourceQuantityValue",
    ),
];

/// A node's quantity; none if it is not one.
pub fn quantity_of(node: &Node) -> Option<Quantity> {
    match &node.value {
        Value::String(text) => Quantity::parse(text),
        Value::Int(number) => Quantity::parse(&number.to_string()),
        Value::Float(number) => Quantity::parse(&number.to_string()),
        _ => None,
    }
}

fn requests_and_limits(node: &NodeRef, findings: &mut Findings) {
    let limits = node.get("limits");
    for field in ["limits", "requests"] {
        let Some(amounts) = node.get(field) else {
            continue;
        };
        for (name, value) in amounts.entries() {
            if let Err(expected) = resource_name(name) {
                findings.report_invalid_key(&value, name, expected, field);
            } else if is_extended(name)
                && quantity_of(value.yaml).is_some_and(|amount| !amount.is_whole())
            {
                findings.report_invalid(&value, value.as_str().unwrap_or(name), "a whole number");
            }
        }
    }
    let Some(requests) = node.get("requests") else {
        return;
    };
    for (name, request) in requests.entries() {
        let Some(wanted) = quantity_of(request.yaml) else {
            continue;
        };
        let limit = limits.as_ref().and_then(|limits| limits.yaml.get(name)).and_then(quantity_of);
        let overcommit = !is_extended(name) && !name.starts_with("hugepages-");
        let shown = truncate(name);
        let message = match limit {
            Some(limit) if wanted.compare(&limit).is_gt() => {
                format!("the request of `{shown}` is above its limit")
            }
            Some(limit) if !overcommit && wanted.compare(&limit).is_ne() => {
                format!("the request of `{shown}` must equal its limit")
            }
            None if !overcommit && !limits.as_ref().is_some_and(|limits| limits.has(name)) => {
                format!("`{shown}` needs a limit equal to its request")
            }
            _ => continue,
        };
        findings.report(&request, Problem::Conflict(message));
    }
}

/// Returns true for a resource in a domain other than Kubernetes' own: `IsExtendedResourceName`.
fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.")
}

/// Checks a resource's name: `ValidateContainerResourceName`.
pub fn resource_name(name: &str) -> Result<(), &'static str> {
    const EXPECTED: &str = "`cpu`, `memory`, `ephemeral-storage`, `hugepages-…`, or a name with a domain such as `example.com/gpu`";
    let standard =
        matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
    let is_valid = formats::qualified_name(name).is_ok()
        && (standard || name.contains('/'))
        && !name.starts_with("requests.");
    if is_valid { Ok(()) } else { Err(EXPECTED) }
}

fn limit_order(node: &NodeRef, findings: &mut Findings) {
    let pod = node.text("type") == Some("Pod");
    for field in ["default", "defaultRequest"] {
        if let Some(node) = node.get(field).filter(|_| pod) {
            findings
                .report_conflict(&node, format!("`{field}` can't be combined with `type: Pod`"));
        }
    }
    let order = ["min", "defaultRequest", "default", "max"];
    for (index, low) in order.iter().enumerate() {
        for high in &order[index + 1..] {
            let (Some(lows), Some(highs)) = (node.get(low), node.get(high)) else {
                continue;
            };
            for (name, value) in lows.entries() {
                let pair = quantity_of(value.yaml).zip(highs.yaml.get(name).and_then(quantity_of));
                if pair.is_some_and(|(a, b)| a.compare(&b).is_gt()) {
                    findings.report(
                        &value,
                        Problem::Conflict(format!(
                            "`{low}` of `{}` is above its `{high}`",
                            truncate(name)
                        )),
                    );
                }
            }
        }
    }
}

const KINDS: [&str; 3] = ["Pod", "Container", "PersistentVolumeClaim"];

fn limit_resources(node: &NodeRef, findings: &mut Findings) {
    let kind = node.text("type").unwrap_or_default();
    if let Some(field) = node.get("type").filter(|_| !kind.contains('/')) {
        super::check_choice(&KINDS, kind, &field, findings);
    }
    for field in ["min", "max", "default", "defaultRequest", "maxLimitRequestRatio"] {
        let amounts = node.get(field);
        for (name, value) in amounts.iter().flat_map(NodeRef::entries) {
            let checked = match kind {
                "Pod" | "Container" => resource_name(name),
                _ if name.contains('/') || is_quota_resource(name) || name == "storage" => Ok(()),
                _ => Err("a resource of Kubernetes, or a name with a domain"),
            };
            if let Err(expected) = checked {
                findings.report_invalid_key(&value, name, expected, field);
            }
        }
    }
    let limits_storage = ["min", "max"]
        .iter()
        .any(|field| node.get(field).is_some_and(|amounts| amounts.has("storage")));
    if kind == "PersistentVolumeClaim" && !limits_storage {
        findings.report_missing_with_hint(
            node,
            "max",
            "`type: PersistentVolumeClaim` needs `storage` in `min` or `max`",
        );
    }
}

fn unique_limit_types(node: &NodeRef, findings: &mut Findings) {
    super::unique_by_field(node.items_of("limits"), "limit type", "type", findings);
}

/// Resources that count objects: `integerResources` of core/helper.
const COUNTS: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];

/// Returns true for a resource that a quota can limit: `IsStandardQuotaResourceName`.
fn is_quota_resource(name: &str) -> bool {
    let amount = name.strip_prefix("requests.").or(name.strip_prefix("limits.")).unwrap_or(name);
    let pages = name.strip_prefix("requests.").unwrap_or(name).starts_with("hugepages-");
    let plain = matches!(amount, "cpu" | "memory" | "ephemeral-storage");
    COUNTS.contains(&name) || plain || pages || name == "requests.storage"
}

fn quota_resources(node: &NodeRef, findings: &mut Findings) {
    let hard = node.get("hard");
    for (name, value) in hard.iter().flat_map(NodeRef::entries) {
        if !name.contains('/') && !is_quota_resource(name) {
            let expected = "a resource that a quota can limit, or a name with a domain";
            findings.report_invalid_key(&value, name, expected, "hard");
        } else if (COUNTS.contains(&name) || is_extended(name))
            && quantity_of(value.yaml).is_some_and(|amount| !amount.is_whole())
        {
            findings.report_invalid(&value, value.as_str().unwrap_or(name), "a whole number");
        }
    }
}
