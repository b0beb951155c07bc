//! Amounts of CPU, memory and devices: requests, limits, quotas.

use super::{At, Check, CheckRow, Found, Rule, Type, malformed, of};
use crate::error::Problem;
use crate::formats;
use crate::quantity::Quantity;
use yaml_spans::{Node, Value, shorten};

#[rustfmt::skip] // a line a field
pub const TYPES: &[Type] = &[
    of("ResourceRequirements", "core: validateResourceRequirements", &[
        ("limits", Rule::NotNegative),
        ("requests", Rule::NotNegative),
    ]),
    of("ResourceQuotaSpec", "core: ValidateResourceQuotaSpec, ValidateResourceQuotaResourceName, validateResourceQuotaScopes", &[
        ("hard", Rule::NotNegative),
        ("hard", Rule::Keys(formats::qualified)),
        ("scopes", Rule::Strictly(formats::qualified)),
    ]),
    of("LimitRangeItem", "core: validateLimitRangeTypeName, validateLimitRangeResourceName", &[
        ("type", Rule::Strictly(formats::qualified)),
        ("max", Rule::Keys(formats::qualified)),
        ("min", Rule::Keys(formats::qualified)),
        ("default", Rule::Keys(formats::qualified)),
        ("defaultRequest", Rule::Keys(formats::qualified)),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    ("ResourceRequirements", requirements as Check, "core: validateResourceRequirements"),
    ("LimitRangeItem", limits, "core: ValidateLimitRange"),
    ("LimitRangeItem", limited, "core: validateLimitRangeTypeName, validateLimitRangeResourceName"),
    ("LimitRangeSpec", types, "core: ValidateLimitRange"),
    (
        "ResourceQuotaSpec",
        quota,
        "core: ValidateResourceQuotaResourceName, ValidateResourceQuantityValue",
    ),
];

/// The amount that a node holds, if it is a quantity.
pub fn amount(node: &Node) -> Option<Quantity> {
    match &node.value {
        Value::String(text) => Quantity::parse(text),
        Value::Int(number) => Quantity::parse(&number.to_string()),
        Value::Float(number) => Quantity::parse(&number.to_string()),
        _ => None,
    }
}

fn requirements(at: &At, found: &mut Found) {
    let limits = at.get("limits");
    for field in ["limits", "requests"] {
        let Some(amounts) = at.get(field) else {
            continue;
        };
        for (name, value) in amounts.entries() {
            if let Err(right) = resource_name(name) {
                let problem = Problem::MalformedKey { key: shorten(name), field: field.to_owned() };
                found.key(&value, problem, Some(format!("must be {right}")));
            } else if is_extended(name)
                && amount(value.node).is_some_and(|amount| !amount.is_whole())
            {
                malformed(value.node.as_str().unwrap_or(name), "a whole number", &value, found);
            }
        }
    }
    let Some(requests) = at.get("requests") else {
        return;
    };
    for (name, request) in requests.entries() {
        let Some(wanted) = amount(request.node) else {
            continue;
        };
        let limit = limits.as_ref().and_then(|limits| limits.node.get(name)).and_then(amount);
        let overcommit = !is_extended(name) && !name.starts_with("hugepages-");
        let shown = shorten(name);
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
        found.value(&request, Problem::Conflict(message));
    }
}

/// `IsExtendedResourceName`: named by a domain that is not Kubernetes' own.
fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.")
}

/// `ValidateContainerResourceName`.
pub fn resource_name(name: &str) -> Result<(), &'static str> {
    const RIGHT: &str = "`cpu`, `memory`, `ephemeral-storage`, `hugepages-…`, or a name with a domain such as `example.com/gpu`";
    let standard =
        matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
    let legal = formats::qualified(name).is_ok()
        && (standard || name.contains('/'))
        && !name.starts_with("requests.");
    if legal { Ok(()) } else { Err(RIGHT) }
}

fn limits(at: &At, found: &mut Found) {
    let pod = at.text("type") == Some("Pod");
    for field in ["default", "defaultRequest"] {
        if let Some(at) = at.get(field).filter(|_| pod) {
            found.conflict(&at, format!("`{field}` can't stand beside `type: Pod`"));
        }
    }
    let order = ["min", "defaultRequest", "default", "max"];
    for (index, low) in order.iter().enumerate() {
        for high in &order[index + 1..] {
            let (Some(lows), Some(highs)) = (at.get(low), at.get(high)) else {
                continue;
            };
            for (name, value) in lows.entries() {
                let pair = amount(value.node).zip(highs.node.get(name).and_then(amount));
                if pair.is_some_and(|(a, b)| a.compare(&b).is_gt()) {
                    found.value(
                        &value,
                        Problem::Conflict(format!(
                            "`{low}` of `{}` is above its `{high}`",
                            shorten(name)
                        )),
                    );
                }
            }
        }
    }
}

const KINDS: [&str; 3] = ["Pod", "Container", "PersistentVolumeClaim"];

fn limited(at: &At, found: &mut Found) {
    let kind = at.text("type").unwrap_or_default();
    if let Some(field) = at.get("type").filter(|_| !kind.contains('/')) {
        super::one_of(&KINDS, kind, &field, found);
    }
    for field in ["min", "max", "default", "defaultRequest", "maxLimitRequestRatio"] {
        let amounts = at.get(field);
        for (name, value) in amounts.iter().flat_map(At::entries) {
            let legal = match kind {
                "Pod" | "Container" => resource_name(name),
                _ if name.contains('/') || is_quota(name) || name == "storage" => Ok(()),
                _ => Err("a resource that Kubernetes knows, or a name with a domain"),
            };
            if let Err(right) = legal {
                let problem = Problem::MalformedKey { key: shorten(name), field: field.to_owned() };
                found.key(&value, problem, Some(format!("must be {right}")));
            }
        }
    }
    let claims = kind == "PersistentVolumeClaim";
    let storage = |field| at.get(field).is_some_and(|amounts| amounts.has("storage"));
    if claims && !storage("min") && !storage("max") {
        found.missing(
            at,
            "max",
            Some("limits of claims need `storage` in `min` or `max`".to_owned()),
        );
    }
}

fn types(at: &At, found: &mut Found) {
    super::unique(
        at.list("limits"),
        "limit type",
        "type",
        |item| item.text("type").map(str::to_owned),
        found,
    );
}

/// Counts of objects: `integerResources` of core/helper.
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

/// `IsStandardQuotaResourceName`.
fn is_quota(name: &str) -> bool {
    let amount = name.strip_prefix("requests.").or(name.strip_prefix("limits.")).unwrap_or(name);
    let pages = name.strip_prefix("requests.").unwrap_or(name).starts_with("hugepages-");
    let plain = matches!(amount, "cpu" | "memory" | "ephemeral-storage");
    COUNTS.contains(&name) || plain || pages || name == "requests.storage"
}

fn quota(at: &At, found: &mut Found) {
    let hard = at.get("hard");
    for (name, value) in hard.iter().flat_map(At::entries) {
        if !name.contains('/') && !is_quota(name) {
            let problem = Problem::MalformedKey { key: shorten(name), field: "hard".to_owned() };
            let hint = "must be a resource that a quota can limit, or a name with a domain";
            found.key(&value, problem, Some(hint.to_owned()));
        } else if (COUNTS.contains(&name) || is_extended(name))
            && amount(value.node).is_some_and(|amount| !amount.is_whole())
        {
            malformed(value.node.as_str().unwrap_or(name), "a whole number", &value, found);
        }
    }
}
