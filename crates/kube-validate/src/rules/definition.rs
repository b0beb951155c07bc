//! Definitions of custom resources, and aggregated APIs.

use super::admission::label_1035;
use super::{At, Check, CheckRow, Found, Rule, Type, exactly_one, of, unique};
use crate::error::Problem;
use crate::formats;
use yaml_spans::shorten;

const SCHEMA_TYPES: &[&str] = &["array", "boolean", "integer", "number", "object", "string"];

#[rustfmt::skip] // a line a field
pub const TYPES: &[Type] = &[
    of("CustomResourceDefinitionSpec", "apiextensions: validateCustomResourceDefinitionSpec", &[
        ("group", Rule::Strictly(dotted)),
        ("scope", Rule::Exactly(&["Cluster", "Namespaced"])),
    ]),
    of("CustomResourceDefinitionNames", "apiextensions: validateCustomResourceDefinitionSpec, ValidateCustomResourceDefinitionNames", &[
        ("plural", Rule::Required),
        ("plural", Rule::Form(label_1035)),
        ("singular", Rule::Form(label_1035)),
        ("kind", Rule::Required),
        ("kind", Rule::Form(kind_name)),
        ("listKind", Rule::Form(kind_name)),
        ("shortNames", Rule::Strictly(label_1035)),
        ("categories", Rule::Strictly(label_1035)),
    ]),
    of("CustomResourceDefinitionVersion", "apiextensions: validateCustomResourceDefinitionSpec", &[
        ("name", Rule::Strictly(label_1035)),
        ("schema", Rule::Required),
    ]),
    of("CustomResourceValidation", "apiextensions: validateCustomResourceDefinitionSpec", &[
        ("openAPIV3Schema", Rule::Required),
    ]),
    of("CustomResourceConversion", "apiextensions: validateCustomResourceConversion", &[
        ("strategy", Rule::Exactly(&["None", "Webhook"])),
    ]),
    of("WebhookConversion", "apiextensions: validateCustomResourceConversion, validateConversionReviewVersions", &[
        ("clientConfig", Rule::Required),
        ("conversionReviewVersions", Rule::Required),
        ("conversionReviewVersions", Rule::Strictly(label_1035)),
        ("conversionReviewVersions", Rule::Distinct("version")),
    ]),
    of("CustomResourceColumnDefinition", "apiextensions: ValidateCustomResourceColumnDefinition", &[
        ("name", Rule::Required),
        ("jsonPath", Rule::Strictly(json_path)),
        ("type", Rule::Exactly(&["boolean", "date", "integer", "number", "string"])),
    ]),
    of("CustomResourceSubresourceScale", "apiextensions: ValidateCustomResourceDefinitionSubresources", &[
        ("specReplicasPath", Rule::Strictly(spec_path)),
        ("statusReplicasPath", Rule::Strictly(status_path)),
    ]),
    of("SelectableField", "apiextensions: ValidateCustomResourceSelectableFields", &[
        ("jsonPath", Rule::Strictly(json_path)),
    ]),
    of("JSONSchemaProps", "apiextensions: ValidateCustomResourceDefinitionOpenAPISchema", &[
        ("type", Rule::OneOf(SCHEMA_TYPES)),
        ("x-kubernetes-list-type", Rule::Exactly(&["atomic", "set", "map"])),
        ("x-kubernetes-map-type", Rule::Exactly(&["atomic", "granular"])),
    ]),
    of("APIService", "apiregistration: ValidateAPIService", &[
        ("spec", Rule::Required),
    ]),
    of("APIServiceSpec", "apiregistration: ValidateAPIService", &[
        ("groupPriorityMinimum", Rule::Range(1, 20000)),
        ("versionPriority", Rule::Range(1, 1000)),
        ("version", Rule::Strictly(label_1035)),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    (
        "CustomResourceDefinitionSpec",
        versions as Check,
        "apiextensions: validateCustomResourceDefinitionSpec",
    ),
    (
        "CustomResourceDefinition",
        definition_name,
        "apiextensions: ValidateCustomResourceDefinition",
    ),
    ("CustomResourceConversion", conversion, "apiextensions: validateCustomResourceConversion"),
    ("CustomResourceDefinitionVersion", deprecation, "apiextensions: validateDeprecationWarning"),
    (
        "CustomResourceDefinitionNames",
        list_kind,
        "apiextensions: ValidateCustomResourceDefinitionNames",
    ),
    ("APIService", service_name, "apiregistration: ValidateAPIService"),
];

fn versions(at: &At, found: &mut Found) {
    unique(
        at.list("versions"),
        "version",
        "name",
        |item| item.text("name").map(str::to_owned),
        found,
    );
    let stored = at.list("versions").filter(|version| version.is_true("storage")).count();
    if stored != 1 && at.has("versions") {
        let message = format!("{stored} versions have `storage: true`, but exactly one must");
        match at.get("versions") {
            Some(versions) => found.conflict(&versions, message),
            None => found.value(at, Problem::Conflict(message)),
        }
    }
}

fn definition_name(at: &At, found: &mut Found) {
    let spec = at.get("spec");
    let names = spec.as_ref().and_then(|spec| spec.get("names"));
    let plural = names.as_ref().and_then(|names| names.text("plural"));
    let group = spec.as_ref().and_then(|spec| spec.text("group"));
    if let Some((plural, group)) = plural.zip(group) {
        named(at, &format!("{plural}.{group}"), found);
    }
}

fn list_kind(at: &At, found: &mut Found) {
    if let Some(list) = at
        .get("listKind")
        .filter(|_| at.text("kind").is_some() && at.text("kind") == at.text("listKind"))
    {
        found.conflict(&list, "`listKind` can't be `kind`");
    }
}

fn conversion(at: &At, found: &mut Found) {
    let webhook = at.get("webhook");
    match at.text("strategy") {
        Some("Webhook") if webhook.is_none() => {
            found.missing(at, "webhook", Some("`strategy: Webhook` needs it".to_owned()));
        }
        Some("None") => {
            if let Some(webhook) = webhook {
                found.conflict(&webhook, "`webhook` can't stand beside `strategy: None`");
            }
        }
        _ => {
            if let Some(client) = webhook.as_ref().and_then(|webhook| webhook.get("clientConfig")) {
                exactly_one(&client, &["service", "url"], "address of the webhook", found);
            }
        }
    }
}

fn deprecation(at: &At, found: &mut Found) {
    if let Some(warning) = at.get("deprecationWarning").filter(|_| !at.is_true("deprecated")) {
        found.conflict(&warning, "`deprecationWarning` needs `deprecated: true`");
    }
}

fn service_name(at: &At, found: &mut Found) {
    let spec = at.get("spec");
    let version = spec.as_ref().and_then(|spec| spec.text("version"));
    let group = spec.as_ref().and_then(|spec| spec.text("group")).unwrap_or_default();
    if let Some(version) = version {
        named(at, &format!("{version}.{group}"), found);
    }
}

/// The name of an object that its spec decides.
fn named(at: &At, right: &str, found: &mut Found) {
    let metadata = at.get("metadata");
    let name = metadata.as_ref().and_then(|metadata| metadata.get("name"));
    if let Some(name) = name.filter(|name| name.node.as_str().is_some_and(|text| text != right)) {
        super::malformed(
            name.node.as_str().unwrap_or_default(),
            &format!("`{}`", shorten(right)),
            &name,
            found,
        );
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
        .map_err(|_| "a DNS label that begins with a letter, once in lower case")
}

fn dotted(text: &str) -> Result<(), &'static str> {
    match formats::subdomain(text) {
        Ok(()) if text.contains('.') => Ok(()),
        _ => Err("a DNS name with a dot"),
    }
}
