//! Environment variables of containers, and the sources of their values.

use super::{
    Check, CheckRow, Findings, NodeRef, Rule, TypeRules, check_choice, exactly_one, type_rules,
};
use crate::formats;
use kube_formats::quantity::Quantity;

const ENV_FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    // The same by its old name.
    "spec.host",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

#[rustfmt::skip] // a line a field
pub const TYPE_RULES: &[TypeRules] = &[
    type_rules("EnvVar", "core: ValidateEnv", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::env_name)),
    ]),
    type_rules("EnvFromSource", "core: ValidateEnvFrom", &[
        ("prefix", Rule::Form(formats::env_name)),
    ]),
    type_rules("ConfigMapEnvSource", "core: validateConfigMapEnvSource", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::dns_subdomain)),
    ]),
    type_rules("SecretEnvSource", "core: validateSecretEnvSource", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::dns_subdomain)),
    ]),
    type_rules("ConfigMapKeySelector", "core: validateConfigMapKeySelector", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::dns_subdomain)),
        ("key", Rule::Strictly(formats::config_key)),
    ]),
    type_rules("SecretKeySelector", "core: validateSecretKeySelector", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::dns_subdomain)),
        ("key", Rule::Strictly(formats::config_key)),
    ]),
    type_rules("FileKeySelector", "core: validateFileKeySelector", &[
        ("volumeName", Rule::Required),
        ("volumeName", Rule::Form(formats::dns_label)),
        ("key", Rule::Required),
        ("key", Rule::Form(formats::env_name)),
        ("path", Rule::Required),
        ("path", Rule::Form(formats::no_backsteps)),
    ]),
    type_rules("ObjectFieldSelector", "core: validateObjectFieldSelector", &[
        ("apiVersion", Rule::OneOf(&["v1"])),
        ("fieldPath", Rule::Required),
    ]),
    type_rules("ResourceFieldSelector", "core: validateContainerResourceFieldSelector", &[
        ("resource", Rule::Required),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    ("EnvVar", env_value_source as Check, "core: validateEnvVarValueFrom"),
    ("EnvFromSource", env_from_source, "core: ValidateEnvFrom"),
    ("ResourceFieldSelector", resource_divisor, "core: validateContainerResourceDivisor"),
];

fn env_value_source(node: &NodeRef, findings: &mut Findings) {
    let Some(from) = node.get("valueFrom") else {
        return;
    };
    let sources = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];
    exactly_one(&from, &sources, "source of the variable", findings);
    if node.text("value").is_some() {
        findings.report_conflict(&from, "`valueFrom` can't be combined with `value`");
    }
    if let Some(reference) = from.get("fieldRef") {
        field_path(&reference, ENV_FIELDS, findings);
    }
    if let Some(reference) = from.get("resourceFieldRef") {
        container_resource(&reference, findings);
    }
}

/// Checks a reference to one of the Pod's fields: one of a list, or one label or annotation.
pub fn field_path(reference: &NodeRef, allowed: &[&str], findings: &mut Findings) {
    let Some(node) = reference.get("fieldPath") else {
        return;
    };
    let text = node.as_str().unwrap_or_default();
    let subscript = text.strip_suffix("']").and_then(|head| head.split_once("['"));
    match subscript {
        Some((map @ ("metadata.labels" | "metadata.annotations"), key)) => {
            let form: formats::Form = match map {
                "metadata.labels" => formats::qualified_name,
                _ => formats::annotation_key,
            };
            if let Err(expected) = form(key) {
                findings.report_invalid(&node, text, expected);
            }
        }
        _ if text.is_empty() => {}
        _ => check_choice(allowed, text, &node, findings),
    }
}

/// Checks a reference to one of a container's resources.
pub fn container_resource(reference: &NodeRef, findings: &mut Findings) {
    const RESOURCES: &[&str] = &[
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
        "requests.cpu",
        "requests.memory",
        "requests.ephemeral-storage",
    ];
    let Some(node) = reference.get("resource") else {
        return;
    };
    let text = node.as_str().unwrap_or_default();
    let pages = text.starts_with("limits.hugepages-") || text.starts_with("requests.hugepages-");
    if !pages && !text.is_empty() {
        check_choice(RESOURCES, text, &node, findings);
    }
}

fn resource_divisor(node: &NodeRef, findings: &mut Findings) {
    let (Some(divisor), Some(resource)) = (node.get("divisor"), node.text("resource")) else {
        return;
    };
    let units: &[&str] = match resource.ends_with(".cpu") {
        true => &["0", "1m", "1"],
        false => &[
            "0", "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei",
        ],
    };
    let number = divisor.as_int().map(|number| number.to_string());
    let Some(text) = number.as_deref().or(divisor.as_str()) else {
        return;
    };
    let Some(quantity) = Quantity::parse(text) else {
        return;
    };
    let is_unit = units
        .iter()
        .filter_map(|unit| Quantity::parse(unit))
        .any(|unit| unit.compare(&quantity).is_eq());
    // 1024 is not 1Ki: the server compares the texts, of which each amount has one for each base.
    let has_exponent = text.contains(['e', 'E']) && text.ends_with(|c: char| c.is_ascii_digit());
    let is_other_text = has_exponent || !text.ends_with('i') && is_power_of_1024(&quantity);
    if !is_unit || is_other_text {
        check_choice(&units[1..], text, &divisor, findings);
    }
}

fn is_power_of_1024(quantity: &Quantity) -> bool {
    let units = ["1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];
    units.iter().filter_map(|unit| Quantity::parse(unit)).any(|unit| unit.compare(quantity).is_eq())
}

fn env_from_source(node: &NodeRef, findings: &mut Findings) {
    exactly_one(node, &["configMapRef", "secretRef"], "source of the variables", findings);
}
