//! Webhooks, definitions of custom resources, aggregated APIs.

use super::{At, Check, CheckRow, Found, Row, Rule, exactly_one, row, unique};
use crate::objects::error::Problem;
use crate::objects::formats;

const FAILURE: Rule = Rule::Exactly(&["Fail", "Ignore"]);
const MATCH: Rule = Rule::Exactly(&["Exact", "Equivalent"]);
const EFFECTS: Rule = Rule::Exactly(&["None", "NoneOnDryRun"]);
const TIMEOUT: Rule = Rule::Range(1, 30);

pub const ROWS: &[Row] = &[
    row(
        "ValidatingWebhook",
        "name",
        Rule::Strictly(full_name),
        "admissionregistration: validateValidatingWebhook",
    ),
    row(
        "ValidatingWebhook",
        "failurePolicy",
        FAILURE,
        "admissionregistration: validateValidatingWebhook",
    ),
    row(
        "ValidatingWebhook",
        "matchPolicy",
        MATCH,
        "admissionregistration: validateValidatingWebhook",
    ),
    row(
        "ValidatingWebhook",
        "sideEffects",
        EFFECTS,
        "admissionregistration: validateValidatingWebhook",
    ),
    row(
        "ValidatingWebhook",
        "timeoutSeconds",
        TIMEOUT,
        "admissionregistration: validateValidatingWebhook",
    ),
    row(
        "ValidatingWebhook",
        "admissionReviewVersions",
        Rule::Required,
        "admissionregistration: validateAdmissionReviewVersions",
    ),
    row(
        "MutatingWebhook",
        "name",
        Rule::Strictly(full_name),
        "admissionregistration: validateMutatingWebhook",
    ),
    row(
        "MutatingWebhook",
        "failurePolicy",
        FAILURE,
        "admissionregistration: validateMutatingWebhook",
    ),
    row("MutatingWebhook", "matchPolicy", MATCH, "admissionregistration: validateMutatingWebhook"),
    row(
        "MutatingWebhook",
        "sideEffects",
        EFFECTS,
        "admissionregistration: validateMutatingWebhook",
    ),
    row(
        "MutatingWebhook",
        "timeoutSeconds",
        TIMEOUT,
        "admissionregistration: validateMutatingWebhook",
    ),
    row(
        "MutatingWebhook",
        "reinvocationPolicy",
        Rule::Exactly(&["Never", "IfNeeded"]),
        "admissionregistration: validateMutatingWebhook",
    ),
    row(
        "MutatingWebhook",
        "admissionReviewVersions",
        Rule::Required,
        "admissionregistration: validateAdmissionReviewVersions",
    ),
    row(
        "RuleWithOperations",
        "operations",
        Rule::Required,
        "admissionregistration: validateRuleWithOperations",
    ),
    row(
        "RuleWithOperations",
        "operations",
        Rule::Exactly(&["*", "CREATE", "UPDATE", "DELETE", "CONNECT"]),
        "admissionregistration: validateRuleWithOperations",
    ),
    row("RuleWithOperations", "apiGroups", Rule::Required, "admissionregistration: validateRule"),
    row("RuleWithOperations", "apiVersions", Rule::Required, "admissionregistration: validateRule"),
    row(
        "RuleWithOperations",
        "resources",
        Rule::Required,
        "admissionregistration: validateResources",
    ),
    row(
        "RuleWithOperations",
        "scope",
        Rule::Exactly(&["*", "Cluster", "Namespaced"]),
        "admissionregistration: validateRule",
    ),
    row(
        "CustomResourceDefinitionSpec",
        "group",
        Rule::Strictly(dotted),
        "apiextensions: validateCustomResourceDefinitionSpec",
    ),
    row(
        "CustomResourceDefinitionSpec",
        "scope",
        Rule::Exactly(&["Cluster", "Namespaced"]),
        "apiextensions: validateCustomResourceDefinitionSpec",
    ),
    row(
        "CustomResourceDefinitionNames",
        "plural",
        Rule::Required,
        "apiextensions: validateCustomResourceDefinitionSpec",
    ),
    row(
        "CustomResourceDefinitionNames",
        "plural",
        Rule::Form(label_1035),
        "apiextensions: ValidateCustomResourceDefinitionNames",
    ),
    row(
        "CustomResourceDefinitionNames",
        "singular",
        Rule::Form(label_1035),
        "apiextensions: ValidateCustomResourceDefinitionNames",
    ),
    row(
        "CustomResourceDefinitionNames",
        "kind",
        Rule::Required,
        "apiextensions: validateCustomResourceDefinitionSpec",
    ),
    row(
        "CustomResourceDefinitionNames",
        "kind",
        Rule::Form(kind_name),
        "apiextensions: ValidateCustomResourceDefinitionNames",
    ),
    row(
        "CustomResourceDefinitionNames",
        "listKind",
        Rule::Form(kind_name),
        "apiextensions: ValidateCustomResourceDefinitionNames",
    ),
    row(
        "CustomResourceDefinitionNames",
        "shortNames",
        Rule::Strictly(label_1035),
        "apiextensions: ValidateCustomResourceDefinitionNames",
    ),
    row(
        "CustomResourceDefinitionNames",
        "categories",
        Rule::Strictly(label_1035),
        "apiextensions: ValidateCustomResourceDefinitionNames",
    ),
    row(
        "CustomResourceDefinitionVersion",
        "name",
        Rule::Strictly(label_1035),
        "apiextensions: validateCustomResourceDefinitionSpec",
    ),
    row(
        "CustomResourceDefinitionVersion",
        "schema",
        Rule::Required,
        "apiextensions: validateCustomResourceDefinitionSpec",
    ),
    row(
        "CustomResourceValidation",
        "openAPIV3Schema",
        Rule::Required,
        "apiextensions: validateCustomResourceDefinitionSpec",
    ),
    row(
        "CustomResourceConversion",
        "strategy",
        Rule::Exactly(&["None", "Webhook"]),
        "apiextensions: validateCustomResourceConversion",
    ),
    row(
        "APIServiceSpec",
        "groupPriorityMinimum",
        Rule::Range(1, 20000),
        "apiregistration: ValidateAPIService",
    ),
    row(
        "APIServiceSpec",
        "versionPriority",
        Rule::Range(1, 1000),
        "apiregistration: ValidateAPIService",
    ),
    row(
        "APIServiceSpec",
        "version",
        Rule::Strictly(label_1035),
        "apiregistration: ValidateAPIService",
    ),
];

pub const CHECKS: &[CheckRow] = &[
    (
        "ValidatingWebhookConfiguration",
        hooks as Check,
        "admissionregistration: ValidateValidatingWebhookConfiguration",
    ),
    (
        "MutatingWebhookConfiguration",
        hooks,
        "admissionregistration: ValidateMutatingWebhookConfiguration",
    ),
    (
        "RuleWithOperations",
        stars,
        "admissionregistration: validateRuleWithOperations, validateRule",
    ),
    (
        "CustomResourceDefinitionSpec",
        versions,
        "apiextensions: validateCustomResourceDefinitionSpec",
    ),
    (
        "CustomResourceDefinition",
        definition_name,
        "apiextensions: ValidateCustomResourceDefinition",
    ),
    (
        "CustomResourceDefinitionNames",
        list_kind,
        "apiextensions: ValidateCustomResourceDefinitionNames",
    ),
    ("APIService", service_name, "apiregistration: ValidateAPIService"),
];

/// `IsDNS1035Label`.
fn label_1035(text: &str) -> Result<(), &'static str> {
    let letter = text.starts_with(|c: char| c.is_ascii_lowercase());
    match formats::label(text) {
        Ok(()) if letter => Ok(()),
        _ => Err("a DNS label that begins with a letter"),
    }
}

fn kind_name(text: &str) -> Result<(), &'static str> {
    label_1035(&text.to_ascii_lowercase())
        .map_err(|_| "a DNS label that begins with a letter, once in lower case")
}

/// `IsFullyQualifiedName`: a DNS name of at least three parts.
fn full_name(text: &str) -> Result<(), &'static str> {
    match formats::subdomain(text) {
        Ok(()) if text.split('.').count() >= 3 => Ok(()),
        _ => Err("a DNS name of at least three parts"),
    }
}

fn dotted(text: &str) -> Result<(), &'static str> {
    match formats::subdomain(text) {
        Ok(()) if text.contains('.') => Ok(()),
        _ => Err("a DNS name with a dot"),
    }
}

fn hooks(at: &At, found: &mut Found) {
    unique(
        at.list("webhooks"),
        "webhook",
        "name",
        |hook| hook.text("name").map(str::to_owned),
        found,
    );
    for hook in at.list("webhooks") {
        if let Some(client) = hook.get("clientConfig") {
            exactly_one(&client, &["service", "url"], "address of the webhook", found);
        }
    }
}

fn stars(at: &At, found: &mut Found) {
    for field in ["operations", "apiGroups", "apiVersions"] {
        let star = at.list(field).find(|item| item.node.as_str() == Some("*"));
        if let Some(star) = star.filter(|_| at.len(field) > 1) {
            found.value(
                &star,
                Problem::Conflict(format!("`*` in `{field}` can't stand beside others")),
            );
        }
    }
}

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

/// The name of an object that its spec decides.
fn named(at: &At, right: &str, found: &mut Found) {
    let metadata = at.get("metadata");
    let name = metadata.as_ref().and_then(|metadata| metadata.get("name"));
    if let Some(name) = name.filter(|name| name.node.as_str().is_some_and(|text| text != right)) {
        super::malformed(
            name.node.as_str().unwrap_or_default(),
            &format!("`{right}`"),
            &name,
            found,
        );
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

fn service_name(at: &At, found: &mut Found) {
    let spec = at.get("spec");
    let version = spec.as_ref().and_then(|spec| spec.text("version"));
    let group = spec.as_ref().and_then(|spec| spec.text("group")).unwrap_or_default();
    if let Some(version) = version {
        named(at, &format!("{version}.{group}"), found);
    }
}
