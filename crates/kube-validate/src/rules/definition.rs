//! CustomResourceDefinitions and APIServices.

use super::admission::label_1035;
use super::{
    Check, CheckRow, Findings, NodeRef, Rule, TypeRules, exactly_one, type_rules, unique_by_field,
};
use crate::error::Problem;
use crate::formats;
use yaml_spans::truncate;

const SCHEMA_TYPES: &[&str] = &["array", "boolean", "integer", "number", "object", "string"];

#[rustfmt::skip] // a line a field
pub const TYPE_RULES: &[TypeRules] = &[
    type_rules("CustomResourceDefinitionSpec", "apiextensions: validateCustomResourceDefinitionSpec", &[
        ("group", Rule::Strictly(dotted_name)),
        ("scope", Rule::Exactly(&["Cluster", "Namespaced"])),
    ]),
    type_rules("CustomResourceDefinitionNames", "apiextensions: validateCustomResourceDefinitionSpec, ValidateCustomResourceDefinitionNames", &[
        ("plural", Rule::Required),
        ("plural", Rule::Form(label_1035)),
        ("singular", Rule::Form(label_1035)),
        ("kind", Rule::Required),
        ("kind", Rule::Form(kind_name)),
        ("listKind", Rule::Form(kind_name)),
        ("shortNames", Rule::Strictly(label_1035)),
        ("categories", Rule::Strictly(label_1035)),
    ]),
    type_rules("CustomResourceDefinitionVersion", "apiextensions: validateCustomResourceDefinitionSpec", &[
        ("name", Rule::Strictly(label_1035)),
        ("schema", Rule::Required),
    ]),
    type_rules("CustomResourceValidation", "apiextensions: validateCustomResourceDefinitionSpec", &[
        ("openAPIV3Schema", Rule::Required),
    ]),
    type_rules("CustomResourceConversion", "apiextensions: validateCustomResourceConversion", &[
        ("strategy", Rule::Exactly(&["None", "Webhook"])),
    ]),
    type_rules("WebhookConversion", "apiextensions: validateCustomResourceConversion, validateConversionReviewVersions", &[
        ("clientConfig", Rule::Required),
        ("conversionReviewVersions", Rule::Required),
        ("conversionReviewVersions", Rule::Strictly(label_1035)),
        ("conversionReviewVersions", Rule::Distinct("version")),
    ]),
    type_rules("CustomResourceColumnDefinition", "apiextensions: ValidateCustomResourceColumnDefinition", &[
        ("name", Rule::Required),
        ("jsonPath", Rule::Strictly(json_path)),
        ("type", Rule::Exactly(&["boolean", "date", "integer", "number", "string"])),
    ]),
    type_rules("CustomResourceSubresourceScale", "apiextensions: ValidateCustomResourceDefinitionSubresources", &[
        ("specReplicasPath", Rule::Strictly(spec_path)),
        ("statusReplicasPath", Rule::Strictly(status_path)),
    ]),
    type_rules("SelectableField", "apiextensions: ValidateCustomResourceSelectableFields", &[
        ("jsonPath", Rule::Strictly(json_path)),
    ]),
    type_rules("JSONSchemaProps", "apiextensions: ValidateCustomResourceDefinitionOpenAPISchema", &[
        ("type", Rule::OneOf(SCHEMA_TYPES)),
        ("x-kubernetes-list-type", Rule::Exactly(&["atomic", "set", "map"])),
        ("x-kubernetes-map-type", Rule::Exactly(&["atomic", "granular"])),
    ]),
    type_rules("APIService", "apiregistration: ValidateAPIService", &[
        ("spec", Rule::Required),
    ]),
    type_rules("APIServiceSpec", "apiregistration: ValidateAPIService", &[
        ("groupPriorityMinimum", Rule::Range(1, 20000)),
        ("versionPriority", Rule::Range(1, 1000)),
        ("version", Rule::Strictly(label_1035)),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    (
        "CustomResourceDefinitionSpec",
        stored_version as Check,
        "apiextensions: validateCustomResourceDefinitionSpec",
    ),
    (
        "CustomResourceDefinition",
        definition_name,
        "apiextensions: ValidateCustomResourceDefinition",
    ),
    (
        "CustomResourceConversion",
        conversion_webhook,
        "apiextensions: validateCustomResourceConversion",
    ),
    (
        "CustomResourceDefinitionVersion",
        deprecation_warning,
        "apiextensions: validateDeprecationWarning",
    ),
    (
        "CustomResourceDefinitionNames",
        distinct_list_kind,
        "apiextensions: ValidateCustomResourceDefinitionNames",
    ),
    ("APIService", api_service_name, "apiregistration: ValidateAPIService"),
];

fn stored_version(node: &NodeRef, findings: &mut Findings) {
    unique_by_field(node.items_of("versions"), "version", "name", findings);
    let stored = node.items_of("versions").filter(|version| version.is_true("storage")).count();
    if stored != 1 && node.has("versions") {
        let message = format!("{stored} versions have `storage: true`: expected exactly one");
        match node.get("versions") {
            Some(versions) => findings.report_conflict(&versions, message),
            None => findings.report(node, Problem::Conflict(message)),
        }
    }
}

fn definition_name(node: &NodeRef, findings: &mut Findings) {
    let spec = node.get("spec");
    let names = spec.as_ref().and_then(|spec| spec.get("names"));
    let plural = names.as_ref().and_then(|names| names.text("plural"));
    let group = spec.as_ref().and_then(|spec| spec.text("group"));
    if let Some((plural, group)) = plural.zip(group) {
        check_derived_name(node, &format!("{plural}.{group}"), findings);
    }
}

fn distinct_list_kind(node: &NodeRef, findings: &mut Findings) {
    if let Some(list_kind) = node
        .get("listKind")
        .filter(|_| node.text("kind").is_some() && node.text("kind") == node.text("listKind"))
    {
        findings.report_conflict(&list_kind, "`listKind` must differ from `kind`");
    }
}

fn conversion_webhook(node: &NodeRef, findings: &mut Findings) {
    let webhook = node.get("webhook");
    match node.text("strategy") {
        Some("Webhook") if webhook.is_none() => {
            findings.report_missing_with_hint(node, "webhook", "required by `strategy: Webhook`");
        }
        Some("None") => {
            if let Some(webhook) = webhook {
                findings
                    .report_conflict(&webhook, "`webhook` can't be combined with `strategy: None`");
            }
        }
        _ => {
            if let Some(client) = webhook.as_ref().and_then(|webhook| webhook.get("clientConfig")) {
                exactly_one(&client, &["service", "url"], "address of the webhook", findings);
            }
        }
    }
}

fn deprecation_warning(node: &NodeRef, findings: &mut Findings) {
    if let Some(warning) = node.get("deprecationWarning").filter(|_| !node.is_true("deprecated")) {
        findings.report_conflict(&warning, "`deprecationWarning` needs `deprecated: true`");
    }
}

fn api_service_name(node: &NodeRef, findings: &mut Findings) {
    let spec = node.get("spec");
    let version = spec.as_ref().and_then(|spec| spec.text("version"));
    let group = spec.as_ref().and_then(|spec| spec.text("group")).unwrap_or_default();
    if let Some(version) = version {
        check_derived_name(node, &format!("{version}.{group}"), findings);
    }
}

/// Checks that an object has the name that its spec implies.
fn check_derived_name(node: &NodeRef, expected: &str, findings: &mut Findings) {
    let metadata = node.get("metadata");
    let name = metadata.as_ref().and_then(|metadata| metadata.get("name"));
    if let Some(name) = name
        && let Some(text) = name.as_str().filter(|text| *text != expected)
    {
        findings.report_invalid(&name, text, &format!("`{}`", truncate(expected)));
    }
}

fn json_path(text: &str) -> Result<(), &'static str> {
    if text.starts_with('.') { Ok(()) } else { Err("a JSON path such as `.spec.replicas`") }
}

fn spec_path(text: &str) -> Result<(), &'static str> {
    if text.starts_with(".spec.") { Ok(()) } else { Err("a JSON path below `.spec`") }
}

fn status_path(text: &str) -> Result<(), &'static str> {
    if text.starts_with(".status.") { Ok(()) } else { Err("a JSON path below `.status`") }
}

fn kind_name(text: &str) -> Result<(), &'static str> {
    label_1035(&text.to_ascii_lowercase())
        .map_err(|_| "a name that in lower case is a DNS label and begins with a letter")
}

fn dotted_name(text: &str) -> Result<(), &'static str> {
    match formats::dns_subdomain(text) {
        Ok(()) if text.contains('.') => Ok(()),
        _ => Err("a DNS name of at least two parts"),
    }
}
