//! Variables of containers, and where their values come from.

use super::{At, Check, CheckRow, Found, Rule, Type, exactly_one, of, one_of};
use crate::formats;
use crate::quantity::Quantity;

const ENV_FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

#[rustfmt::skip] // a line a field
pub const TYPES: &[Type] = &[
    of("EnvVar", "core: ValidateEnv", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::env_name)),
    ]),
    of("EnvFromSource", "core: ValidateEnvFrom", &[
        ("prefix", Rule::Form(formats::env_name)),
    ]),
    of("ConfigMapEnvSource", "core: validateConfigMapEnvSource", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::subdomain)),
    ]),
    of("SecretEnvSource", "core: validateSecretEnvSource", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::subdomain)),
    ]),
    of("ConfigMapKeySelector", "core: validateConfigMapKeySelector", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::subdomain)),
        ("key", Rule::Strictly(formats::config_key)),
    ]),
    of("SecretKeySelector", "core: validateSecretKeySelector", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::subdomain)),
        ("key", Rule::Strictly(formats::config_key)),
    ]),
    of("FileKeySelector", "core: validateFileKeySelector", &[
        ("key", Rule::Required),
        ("key", Rule::Form(formats::env_name)),
        ("path", Rule::Required),
        ("path", Rule::Form(formats::no_backsteps)),
    ]),
    of("ObjectFieldSelector", "core: validateObjectFieldSelector", &[
        ("apiVersion", Rule::OneOf(&["v1"])),
        ("fieldPath", Rule::Required),
    ]),
    of("ResourceFieldSelector", "core: validateContainerResourceFieldSelector", &[
        ("resource", Rule::Required),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    ("EnvVar", environment as Check, "core: validateEnvVarValueFrom"),
    ("EnvFromSource", environment_from, "core: ValidateEnvFrom"),
    ("ResourceFieldSelector", divisor, "core: validateContainerResourceDivisor"),
];

fn environment(at: &At, found: &mut Found) {
    let Some(from) = at.get("valueFrom") else {
        return;
    };
    let sources = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];
    exactly_one(&from, &sources, "source of the variable", found);
    if at.text("value").is_some() {
        found.conflict(&from, "`valueFrom` can't stand beside `value`");
    }
    if let Some(reference) = from.get("fieldRef") {
        field_path(&reference, ENV_FIELDS, found);
    }
    if let Some(reference) = from.get("resourceFieldRef") {
        resource(&reference, found);
    }
}

/// A field of the pod that a container can see: one of a list, or one label or annotation.
pub fn field_path(reference: &At, legal: &[&str], found: &mut Found) {
    let Some(at) = reference.get("fieldPath") else {
        return;
    };
    let text = at.node.as_str().unwrap_or_default();
    let subscript = text.strip_suffix("']").and_then(|head| head.split_once("['"));
    match subscript {
        Some(("metadata.labels" | "metadata.annotations", key)) => {
            if let Err(right) = formats::annotation_key(key) {
                super::malformed(text, right, &at, found);
            }
        }
        _ if text.is_empty() => {}
        _ => one_of(legal, text, &at, found),
    }
}

/// A resource of a container that a container can see.
pub fn resource(reference: &At, found: &mut Found) {
    const LEGAL: &[&str] = &[
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
        "requests.cpu",
        "requests.memory",
        "requests.ephemeral-storage",
    ];
    let Some(at) = reference.get("resource") else {
        return;
    };
    let text = at.node.as_str().unwrap_or_default();
    let pages = text.starts_with("limits.hugepages-") || text.starts_with("requests.hugepages-");
    if !pages && !text.is_empty() {
        one_of(LEGAL, text, &at, found);
    }
}

fn divisor(at: &At, found: &mut Found) {
    let (Some(divisor), Some(resource)) = (at.get("divisor"), at.text("resource")) else {
        return;
    };
    let cpu = resource.ends_with(".cpu");
    let units: &[&str] = match cpu {
        true => &["0", "1m", "1"],
        false => &[
            "0", "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei",
        ],
    };
    let number = divisor.node.as_int().map(|number| number.to_string());
    let Some(text) = number.as_deref().or(divisor.node.as_str()) else {
        return;
    };
    let Some(quantity) = Quantity::parse(text) else {
        return;
    };
    let same =
        |unit: &&str| Quantity::parse(unit).is_some_and(|unit| unit.compare(&quantity).is_eq());
    if !units.iter().any(same) {
        one_of(&units[1..], text, &divisor, found);
    }
}

fn environment_from(at: &At, found: &mut Found) {
    exactly_one(at, &["configMapRef", "secretRef"], "source of the variables", found);
}
