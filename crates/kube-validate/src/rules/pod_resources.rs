//! A Pod's own resources, and the devices that it claims.

use super::container::{all_containers, report_not_found};
use super::resources::{quantity_of, resource_name};
use super::{
    Check, CheckRow, Findings, NodeRef, Rule, TypeRules, exactly_one, type_rules, unique_by_field,
};
use crate::error::Problem;
use crate::formats;
use yaml_spans::truncate;

#[rustfmt::skip] // a line a field
pub const TYPE_RULES: &[TypeRules] = &[
    type_rules("PodResourceClaim", "core: validatePodResourceClaim", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::dns_label)),
        ("resourceClaimName", Rule::Strictly(formats::dns_subdomain)),
        ("resourceClaimTemplateName", Rule::Strictly(formats::dns_subdomain)),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    ("PodResourceClaim", claim_source as Check, "core: validatePodResourceClaim"),
    ("PodSpec", claims, "core: validatePodResourceClaims, validateResourceClaimNames"),
    ("PodSpec", pod_resources, "core: validatePodResources, validatePodResourceConsistency"),
    ("PodSpec", overhead_names, "core: validateOverhead"),
    ("PodSpec", resize_policies, "core: validateResizePolicy, validateInitContainers"),
];

fn claim_source(node: &NodeRef, findings: &mut Findings) {
    let sources = ["resourceClaimName", "resourceClaimTemplateName"];
    exactly_one(node, &sources, "source of the claim", findings);
}

fn claims(node: &NodeRef, findings: &mut Findings) {
    unique_by_field(node.items_of("resourceClaims"), "resource claim", "name", findings);
    let names: Vec<&str> =
        node.items_of("resourceClaims").filter_map(|claim| claim.text("name")).collect();
    for container in all_containers(node) {
        if let Some(resources) = container.get("resources") {
            container_claims(&resources, &names, findings);
        }
    }
}

/// A container's claims are those of its Pod; a claim is used as a whole, or each request of it once.
fn container_claims(resources: &NodeRef, names: &[&str], findings: &mut Findings) {
    let mut seen: Vec<(String, Option<String>)> = Vec::new();
    for claim in resources.items_of("claims") {
        let Some(name) = claim.get("name").filter(|_| claim.text("name").is_some()) else {
            findings.report_missing(&claim, "name");
            continue;
        };
        let text = name.as_str().unwrap_or_default();
        let request = claim.text("request").map(str::to_owned);
        if let Some(field) = claim.get("request") {
            super::check_rule(&Rule::Form(formats::dns_label), &field, findings);
        }
        let is_duplicate = seen.iter().any(|(other, part)| {
            other == text && (part.is_none() || request.is_none() || *part == request)
        });
        if is_duplicate {
            let problem = Problem::Duplicate { what: "resource claim", value: truncate(text) };
            findings.report(&name, problem);
        }
        seen.push((text.to_owned(), request));
        if !names.contains(&text) {
            report_not_found("resource claim", &name, findings);
        }
    }
}

fn pod_resources(node: &NodeRef, findings: &mut Findings) {
    let Some(own) = node.get("resources") else {
        return;
    };
    if let Some(claims) = own.get("claims") {
        findings.report_conflict(&claims, "`claims` are not allowed in a Pod's own `resources`");
    }
    for field in ["limits", "requests"] {
        let amounts = own.get(field);
        for (name, value) in amounts.iter().flat_map(NodeRef::entries) {
            let is_known = matches!(name, "cpu" | "memory") || name.starts_with("hugepages-");
            if !is_known && resource_name(name).is_ok() {
                let expected = "`cpu`, `memory` or `hugepages-…` for a Pod";
                findings.report_invalid_key(&value, name, expected, field);
            }
        }
    }
    let requests = own.get("requests");
    for (name, value) in requests.iter().flat_map(NodeRef::entries) {
        let needed = sum_of_containers(node, name, &["requests", "limits"]);
        check_at_least(&value, name, needed, findings);
    }
    let limits = own.get("limits");
    for (name, value) in limits.iter().flat_map(NodeRef::entries) {
        if name.starts_with("hugepages-") {
            check_at_least(&value, name, sum_of_containers(node, name, &["limits"]), findings);
        }
        for container in node.items_of("containers") {
            let resources = container.get("resources");
            let limit = resources.as_ref().and_then(|resources| resources.get("limits"));
            let Some(limit) = limit.as_ref().and_then(|limits| limits.get(name)) else { continue };
            let pair = quantity_of(limit.yaml).zip(quantity_of(value.yaml));
            if pair.is_some_and(|(limit, pod)| limit.compare(&pod).is_gt()) {
                let message = format!("the limit of `{}` is above the Pod's", truncate(name));
                findings.report(&limit, Problem::Conflict(message));
            }
        }
    }
}

/// Above this share, a sum counts as larger: the sums are floating-point numbers.
const ROUNDING: f64 = 1.0 + 1e-9;

fn check_at_least(value: &NodeRef, name: &str, needed: f64, findings: &mut Findings) {
    if quantity_of(value.yaml).is_some_and(|own| needed > own.approximate() * ROUNDING) {
        let message = format!("the containers together request more `{}`", truncate(name));
        findings.report(value, Problem::Conflict(message));
    }
}

/// The most of a resource that the containers have at once: all containers with the sidecars, or an init
/// container with the sidecars before it. An amount is in the first of the fields that has it.
/// Source: component-helpers `resource/helpers.go`, AggregateContainerRequests.
fn sum_of_containers(node: &NodeRef, name: &str, fields: &[&str]) -> f64 {
    let amount = |container: &NodeRef| -> f64 {
        let resources = container.yaml.get("resources");
        let amounts = fields.iter().filter_map(|field| resources?.get(field)?.get(name));
        amounts.filter_map(quantity_of).next().map_or(0.0, |quantity| quantity.approximate())
    };
    let mut sidecars = 0.0;
    let mut most: f64 = 0.0;
    for container in node.items_of("initContainers") {
        if container.text("restartPolicy") == Some("Always") {
            sidecars += amount(&container);
            most = most.max(sidecars);
        } else {
            most = most.max(sidecars + amount(&container));
        }
    }
    let together: f64 = node.items_of("containers").map(|container| amount(&container)).sum();
    most.max(together + sidecars)
}

fn overhead_names(node: &NodeRef, findings: &mut Findings) {
    let overhead = node.get("overhead");
    for (name, value) in overhead.iter().flat_map(NodeRef::entries) {
        if let Err(expected) = resource_name(name) {
            findings.report_invalid_key(&value, name, expected, "overhead");
        }
    }
}

/// A container that is never restarted can't be restarted to change its resources.
fn resize_policies(node: &NodeRef, findings: &mut Findings) {
    let never = node.text("restartPolicy") == Some("Never");
    let report = |container: &NodeRef, message: &str, findings: &mut Findings| {
        for policy in container.items_of("resizePolicy") {
            if let Some(restart) = policy.get("restartPolicy")
                && restart.as_str() == Some("RestartContainer")
            {
                findings.report(&restart, Problem::conflict(message));
            }
        }
    };
    for container in node.items_of("containers").filter(|_| never) {
        let message = "`RestartContainer` can't be combined with the Pod's `restartPolicy: Never`";
        report(&container, message, findings);
    }
    for container in node.items_of("initContainers") {
        if never || container.text("restartPolicy") != Some("Always") {
            let message = "`RestartContainer` needs an init container with `restartPolicy: Always`";
            report(&container, message, findings);
        }
    }
}
