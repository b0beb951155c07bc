//! Claims of devices: ResourceClaims and their templates (dynamic resource allocation).

use super::{
    Check, CheckRow, Findings, NodeRef, Rule, TypeRules, exactly_one, type_rules, unique_by_field,
};
use crate::error::Problem;
use crate::formats;
use yaml_spans::truncate;

const MODE: Rule = Rule::OneOf(&["ExactCount", "All"]);

#[rustfmt::skip] // a line a field
pub const TYPE_RULES: &[TypeRules] = &[
    type_rules("DeviceClaim", "resource: validateDeviceClaim", &[
        ("requests", Rule::AtMost(32)),
        ("constraints", Rule::AtMost(32)),
        ("config", Rule::AtMost(32)),
    ]),
    type_rules("DeviceRequest", "resource: validateDeviceRequest", &[
        ("name", Rule::Strictly(formats::dns_label)),
        ("firstAvailable", Rule::AtMost(8)),
    ]),
    type_rules("DeviceSubRequest", "resource: validateDeviceSubRequest", &[
        ("name", Rule::Strictly(formats::dns_label)),
        ("deviceClassName", Rule::Required),
        ("deviceClassName", Rule::Form(formats::dns_subdomain)),
        ("allocationMode", MODE),
        ("selectors", Rule::AtMost(32)),
    ]),
    type_rules("ExactDeviceRequest", "resource: validateExactDeviceRequest", &[
        ("deviceClassName", Rule::Required),
        ("deviceClassName", Rule::Form(formats::dns_subdomain)),
        ("allocationMode", MODE),
        ("selectors", Rule::AtMost(32)),
    ]),
    type_rules("DeviceSelector", "resource: validateSelector", &[
        ("cel", Rule::Required),
    ]),
    type_rules("CELDeviceSelector", "resource: validateSelector", &[
        ("expression", Rule::Required),
    ]),
    type_rules("DeviceToleration", "resource: validateDeviceToleration", &[
        ("key", Rule::Form(formats::qualified_name)),
        ("operator", Rule::OneOf(&["Equal", "Exists"])),
        ("effect", Rule::OneOf(&["NoSchedule", "NoExecute", "None"])),
    ]),
    type_rules("DeviceConstraint", "resource: validateDeviceConstraint", &[
        ("requests", Rule::AtMost(32)),
        ("requests", Rule::Distinct("request")),
        ("matchAttribute", Rule::Strictly(attribute)),
        ("distinctAttribute", Rule::Strictly(attribute)),
    ]),
    type_rules("DeviceClaimConfiguration", "resource: validateDeviceClaimConfiguration", &[
        ("requests", Rule::AtMost(32)),
        ("requests", Rule::Distinct("request")),
        ("opaque", Rule::Required),
    ]),
    type_rules("OpaqueDeviceConfiguration", "resource: validateOpaqueConfiguration", &[
        ("driver", Rule::Required),
        ("driver", Rule::Form(super::volume::csi_driver_name)),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    ("ResourceClaimTemplateSpec", template_metadata as Check, "core: ValidateTemplateObjectMeta"),
    ("DeviceClaim", requests, "resource: validateDeviceClaim, validateRequestNameRef"),
    ("DeviceRequest", request_kind, "resource: validateDeviceRequest"),
    ("ExactDeviceRequest", device_count, "resource: validateDeviceAllocationMode"),
    ("DeviceSubRequest", device_count, "resource: validateDeviceAllocationMode"),
    ("DeviceConstraint", constraint_attribute, "resource: validateDeviceConstraint"),
    ("OpaqueDeviceConfiguration", parameters_map, "resource: validateRawExtension"),
    ("DeviceToleration", toleration, "resource: validateDeviceToleration"),
];

/// Checks an attribute of a device, with its domain: `validateFullyQualifiedName`.
fn attribute(text: &str) -> Result<(), &'static str> {
    let is_valid = text.split_once('/').is_some_and(|(domain, name)| {
        domain.len() <= 63
            && formats::dns_subdomain(domain).is_ok()
            && (1..=32).contains(&name.len())
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    });
    if is_valid { Ok(()) } else { Err("an attribute with its domain, such as `example.com/model`") }
}

fn template_metadata(node: &NodeRef, findings: &mut Findings) {
    if let Some(metadata) = node.get("metadata") {
        super::volume::only_labels(&metadata, findings);
    }
}

/// Requests have names of their own, to which constraints and configurations refer.
fn requests(node: &NodeRef, findings: &mut Findings) {
    unique_by_field(node.items_of("requests"), "request", "name", findings);
    for request in node.items_of("requests") {
        unique_by_field(request.items_of("firstAvailable"), "request", "name", findings);
    }
    for field in ["constraints", "config"] {
        for item in node.items_of(field) {
            for name in item.items_of("requests") {
                let text = name.as_str().unwrap_or_default();
                if !has_request(node, text) {
                    let problem = Problem::NotFound { what: "request", name: truncate(text) };
                    findings.report(&name, problem);
                }
            }
        }
    }
}

/// Returns true for a request's name, or that of one of its alternatives after it and a `/`.
fn has_request(claim: &NodeRef, text: &str) -> bool {
    let (name, alternative) = match text.split_once('/') {
        Some((name, alternative)) => (name, Some(alternative)),
        None => (text, None),
    };
    claim.items_of("requests").filter(|request| request.text("name") == Some(name)).any(|request| {
        alternative.is_none_or(|wanted| {
            request.items_of("firstAvailable").any(|other| other.text("name") == Some(wanted))
        })
    })
}

fn request_kind(node: &NodeRef, findings: &mut Findings) {
    if node.has("exactly") == (node.len_of("firstAvailable") > 0) {
        let message = "the request needs either `exactly` or `firstAvailable`";
        findings.report(node, Problem::conflict(message));
    }
}

fn device_count(node: &NodeRef, findings: &mut Findings) {
    let Some(count) = node.get("count") else {
        return;
    };
    let number = count.as_int().unwrap_or(1);
    match node.text("allocationMode") {
        Some("All") if number != 0 => {
            findings
                .report_conflict(&count, "`count` can't be combined with `allocationMode: All`");
        }
        Some("All") => {}
        // The server fills in 1 for 0: resource/v1 defaults.go.
        _ if number < 0 => {
            findings.report_invalid(&count, &number.to_string(), "at least 1");
        }
        _ => {}
    }
}

fn constraint_attribute(node: &NodeRef, findings: &mut Findings) {
    exactly_one(node, &["matchAttribute", "distinctAttribute"], "attribute", findings);
}

fn parameters_map(node: &NodeRef, findings: &mut Findings) {
    match node.get("parameters") {
        None => findings.report_missing(node, "parameters"),
        Some(value) if value.yaml.as_mapping().is_none() => {
            findings.report(&value, Problem::conflict("`parameters` must be a map"));
        }
        Some(_) => {}
    }
}

fn toleration(node: &NodeRef, findings: &mut Findings) {
    let operator = node.text("operator").unwrap_or("Equal");
    if let Some(value) = node.get("value").filter(|_| node.text("value").is_some()) {
        if operator == "Exists" {
            findings.report_conflict(&value, "`value` can't be combined with `operator: Exists`");
        } else {
            super::check_rule(&Rule::Form(formats::label_value), &value, findings);
        }
    }
}
