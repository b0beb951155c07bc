//! Amounts of CPU, memory and devices: requests, limits, quotas.

use super::{At, Check, CheckRow, Found, Row, Rule, malformed, row};
use crate::objects::error::Problem;
use crate::objects::formats;
use crate::objects::quantity::Quantity;
use crate::yaml::{Node, Value};

pub const ROWS: &[Row] = &[
    row("ResourceRequirements", "limits", Rule::NotNegative, "core: validateResourceRequirements"),
    row(
        "ResourceRequirements",
        "requests",
        Rule::NotNegative,
        "core: validateResourceRequirements",
    ),
    row("ResourceQuotaSpec", "hard", Rule::NotNegative, "core: ValidateResourceQuotaSpec"),
    row(
        "ResourceQuotaSpec",
        "hard",
        Rule::Keys(formats::qualified),
        "core: ValidateResourceQuotaResourceName",
    ),
    row(
        "ResourceQuotaSpec",
        "scopes",
        Rule::Strictly(formats::qualified),
        "core: validateResourceQuotaScopes",
    ),
    row(
        "LimitRangeItem",
        "type",
        Rule::Strictly(formats::qualified),
        "core: validateLimitRangeTypeName",
    ),
    row(
        "LimitRangeItem",
        "max",
        Rule::Keys(formats::qualified),
        "core: validateLimitRangeResourceName",
    ),
    row(
        "LimitRangeItem",
        "min",
        Rule::Keys(formats::qualified),
        "core: validateLimitRangeResourceName",
    ),
    row(
        "LimitRangeItem",
        "default",
        Rule::Keys(formats::qualified),
        "core: validateLimitRangeResourceName",
    ),
    row(
        "LimitRangeItem",
        "defaultRequest",
        Rule::Keys(formats::qualified),
        "core: validateLimitRangeResourceName",
    ),
];

pub const CHECKS: &[CheckRow] = &[
    ("ResourceRequirements", requirements as Check, "core: validateResourceRequirements"),
    ("LimitRangeItem", limits, "core: ValidateLimitRange"),
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
                let problem =
                    Problem::MalformedKey { key: name.to_owned(), field: field.to_owned() };
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
        let message = match limit {
            Some(limit) if wanted.compare(&limit).is_gt() => {
                format!("the request of `{name}` is above its limit")
            }
            Some(limit) if !overcommit && wanted.compare(&limit).is_ne() => {
                format!("the request of `{name}` must equal its limit")
            }
            None if !overcommit && !limits.as_ref().is_some_and(|limits| limits.has(name)) => {
                format!("`{name}` needs a limit equal to its request")
            }
            _ => continue,
        };
        found.value(&request, Problem::Conflict(message));
    }
}

/// `IsExtendedResourceName`: named by a domain that is not Kubernetes' own.
fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/")
}

/// `ValidateContainerResourceName`.
fn resource_name(name: &str) -> Result<(), &'static str> {
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
                        Problem::Conflict(format!("`{low}` of `{name}` is above its `{high}`")),
                    );
                }
            }
        }
    }
}
