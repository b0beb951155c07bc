//! Quantities of CPU, memory and devices: requests, limits, LimitRanges and ResourceQuotas.

use super::{Check, CheckRow, Findings, NodeRef, Rule, TypeRules, type_rules};
use crate::error::Problem;
use crate::formats;
use kube_formats::quantity::{Quantity, parse_bytes};
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
        ("scopes", Rule::Exactly(SCOPES)),
    ]),
    type_rules("ScopedResourceSelectorRequirement", "core: validateScopedResourceSelectorRequirement", &[
        ("scopeName", Rule::Exactly(SCOPES)),
        ("operator", Rule::Exactly(&["In", "NotIn", "Exists", "DoesNotExist"])),
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
    (
        "ResourceQuotaSpec",
        quota_scopes,
        "core: validateResourceQuotaScopes, validateScopedResourceSelectorRequirement",
    ),
    ("LimitRangeItem", limit_ratios, "core: ValidateLimitRange"),
];

/// Scopes of a quota, each with the resources that it can limit.
const SCOPES: &[&str] = &[
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];
const POD_AMOUNTS: &[&str] =
    &["pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];

/// Resources that a scope can limit (core/helper: IsResourceQuotaScopeValidForResource).
fn resources_of(scope: &str) -> &'static [&'static str] {
    match scope {
        "BestEffort" => &["pods"],
        "VolumeAttributesClass" => &["persistentvolumeclaims", "requests.storage"],
        _ => POD_AMOUNTS,
    }
}

/// A node's quantity; none if it is not one.
pub fn quantity_of(node: &Node) -> Option<Quantity> {
    match &node.value {
        // The server's decoder drops spaces around an amount.
        Value::String(text) => Quantity::parse(text.trim_matches([' ', '\t', '\n', '\r'])),
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
    huge_pages(node, findings);
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

/// Huge pages are whole pages, and come with CPU or memory.
fn huge_pages(node: &NodeRef, findings: &mut Findings) {
    let mut has_compute = false;
    let mut first = false;
    for field in ["limits", "requests"] {
        let Some(amounts) = node.get(field) else { continue };
        for (name, value) in amounts.entries() {
            has_compute |= matches!(name, "cpu" | "memory");
            let Some(size) = name.strip_prefix("hugepages-") else { continue };
            first = true;
            let bytes = |text: &str| parse_bytes(text).ok();
            let text = value.as_str().map(str::to_owned).or(value.as_int().map(|n| n.to_string()));
            let pages = bytes(size).filter(|&size| size > 0);
            let is_whole = match (pages, text.as_deref().and_then(bytes)) {
                (Some(size), Some(amount)) => amount.is_multiple_of(size),
                (None, _) => false,
                // The audit reports an amount that is not a quantity.
                (_, None) => true,
            };
            if !is_whole {
                let text = text.unwrap_or_default();
                let expected = format!("whole pages of {}", truncate(size));
                findings.report_invalid(&value, &text, &expected);
            }
        }
    }
    if first && !has_compute {
        findings.report(node, Problem::conflict("huge pages need `cpu` or `memory`"));
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
    // A quota of an extended resource is named `requests.` and its name, which must be a name too.
    let is_quota_name =
        || !is_extended(name) || formats::qualified_name(&format!("requests.{name}")).is_ok();
    let is_valid = formats::qualified_name(name).is_ok()
        && (standard || name.contains('/'))
        && !name.starts_with("requests.")
        && is_quota_name();
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

/// Two pairs of scopes that no Pod is in.
const OPPOSITE_SCOPES: [[&str; 2]; 2] =
    [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]];

fn quota_scopes(node: &NodeRef, findings: &mut Findings) {
    let selector = node.get("scopeSelector");
    let expressions: Vec<NodeRef> =
        selector.iter().flat_map(|selector| selector.items_of("matchExpressions")).collect();
    for expression in &expressions {
        scope_expression(expression, findings);
    }
    let listed: Vec<NodeRef> = node.items_of("scopes").collect();
    let selected: Vec<NodeRef> =
        expressions.iter().filter_map(|expression| expression.get("scopeName")).collect();
    let hard = node.get("hard");
    for scopes in [listed, selected] {
        let names: Vec<&str> = scopes.iter().filter_map(NodeRef::as_str).collect();
        for [one, other] in OPPOSITE_SCOPES {
            if names.contains(&one)
                && let Some(second) = scopes.iter().find(|scope| scope.as_str() == Some(other))
                && names.contains(&other)
            {
                let message = format!("`{other}` can't be combined with `{one}`");
                findings.report(second, Problem::Conflict(message));
            }
        }
        for scope in names.iter().filter(|name| SCOPES.contains(name)) {
            for (name, value) in hard.iter().flat_map(NodeRef::entries) {
                if is_quota_resource(name) && !resources_of(scope).contains(&name) {
                    let message = format!("the scope `{scope}` can't limit `{}`", truncate(name));
                    findings.report_conflict(&value, message);
                }
            }
        }
    }
}

fn scope_expression(node: &NodeRef, findings: &mut Findings) {
    let values = node.len_of("values") > 0;
    let is_class =
        matches!(node.text("scopeName"), Some("PriorityClass" | "VolumeAttributesClass"));
    let Some(operator) = node.get("operator") else {
        return;
    };
    let text = operator.as_str().unwrap_or_default();
    if !is_class && text != "Exists" {
        findings.report_invalid(&operator, text, "`Exists` for this scope");
    }
    match text {
        "In" | "NotIn" if !values => findings.report_missing(node, "values"),
        "Exists" | "DoesNotExist" if values => {
            let message = "`values` can't be combined with `Exists` and `DoesNotExist`";
            findings.report_conflict(&operator, message);
        }
        _ => {}
    }
}

/// The greatest ratio of a limit to its request is at least 1 and at most that of the greatest to the
/// least amount.
fn limit_ratios(node: &NodeRef, findings: &mut Findings) {
    let amount = |field: &str, name: &str| {
        node.yaml.get(field).and_then(|amounts| amounts.get(name)).and_then(quantity_of)
    };
    let ratios = node.get("maxLimitRequestRatio");
    for (name, value) in ratios.iter().flat_map(NodeRef::entries) {
        let Some(ratio) = quantity_of(value.yaml).map(|ratio| ratio.approximate()) else {
            continue;
        };
        let most = match (amount("max", name), amount("min", name)) {
            (Some(max), Some(min)) => max.approximate() / min.approximate(),
            _ => f64::INFINITY,
        };
        if ratio < 1.0 || ratio > most * (1.0 + 1e-9) {
            let text = value.as_str().map_or_else(|| ratio.to_string(), str::to_owned);
            let expected = "at least 1, and at most the greatest amount over the least";
            findings.report_invalid(&value, &text, expected);
        }
    }
    let requests = node.get("defaultRequest");
    for (name, value) in requests.iter().flat_map(NodeRef::entries) {
        let pair = quantity_of(value.yaml).zip(amount("default", name));
        let overcommit = !is_extended(name) && !name.starts_with("hugepages-");
        if !overcommit && pair.is_some_and(|(request, limit)| request.compare(&limit).is_ne()) {
            let message = format!("the request of `{}` must equal its limit", truncate(name));
            findings.report(&value, Problem::Conflict(message));
        }
    }
}
