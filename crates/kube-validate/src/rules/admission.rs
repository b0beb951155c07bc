//! Webhooks, definitions of custom resources, aggregated APIs.

use super::{At, Check, CheckRow, Found, Rule, Type, exactly_one, of, unique};
use crate::error::Problem;
use crate::formats;

const FAILURE: Rule = Rule::Exactly(&["Fail", "Ignore"]);
const MATCH: Rule = Rule::Exactly(&["Exact", "Equivalent"]);
const EFFECTS: Rule = Rule::Exactly(&["None", "NoneOnDryRun"]);
const TIMEOUT: Rule = Rule::Range(1, 30);

#[rustfmt::skip] // a line a field
pub const TYPES: &[Type] = &[
    of("ValidatingWebhook", "admissionregistration: validateValidatingWebhook, validateAdmissionReviewVersions", &[
        ("name", Rule::Strictly(full_name)),
        ("failurePolicy", FAILURE),
        ("matchPolicy", MATCH),
        ("sideEffects", EFFECTS),
        ("timeoutSeconds", TIMEOUT),
        ("admissionReviewVersions", Rule::Required),
        ("admissionReviewVersions", Rule::Strictly(label_1035)),
        ("admissionReviewVersions", Rule::Distinct("version")),
    ]),
    of("MutatingWebhook", "admissionregistration: validateMutatingWebhook, validateAdmissionReviewVersions", &[
        ("name", Rule::Strictly(full_name)),
        ("failurePolicy", FAILURE),
        ("matchPolicy", MATCH),
        ("sideEffects", EFFECTS),
        ("timeoutSeconds", TIMEOUT),
        ("reinvocationPolicy", Rule::Exactly(&["Never", "IfNeeded"])),
        ("admissionReviewVersions", Rule::Required),
        ("admissionReviewVersions", Rule::Strictly(label_1035)),
        ("admissionReviewVersions", Rule::Distinct("version")),
    ]),
    of("RuleWithOperations", "admissionregistration: validateRuleWithOperations, validateRule, validateResources", &[
        ("operations", Rule::Required),
        ("operations", Rule::Exactly(&["*", "CREATE", "UPDATE", "DELETE", "CONNECT"])),
        ("apiGroups", Rule::Required),
        ("apiVersions", Rule::Required),
        ("resources", Rule::Required),
        ("apiVersions", Rule::Strictly(filled)),
        ("resources", Rule::Strictly(filled)),
        ("scope", Rule::Exactly(&["*", "Cluster", "Namespaced"])),
    ]),
    of("ServiceReference", "apiserver pkg/util/webhook: ValidateWebhookService", &[
        ("name", Rule::Required),
        ("namespace", Rule::Required),
        ("port", Rule::Range(1, 65535)),
    ]),
    of("MatchCondition", "admissionregistration: validateMatchCondition", &[
        ("name", Rule::Required),
        ("expression", Rule::Required),
    ]),
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
];

/// `IsDNS1035Label`.
pub fn label_1035(text: &str) -> Result<(), &'static str> {
    let letter = text.starts_with(|c: char| c.is_ascii_lowercase());
    match formats::label(text) {
        Ok(()) if letter => Ok(()),
        _ => Err("a DNS label that begins with a letter"),
    }
}

/// `IsFullyQualifiedName`: a DNS name of at least three parts.
fn full_name(text: &str) -> Result<(), &'static str> {
    match formats::subdomain(text) {
        Ok(()) if text.split('.').count() >= 3 => Ok(()),
        _ => Err("a DNS name of at least three parts"),
    }
}

fn filled(text: &str) -> Result<(), &'static str> {
    if text.is_empty() { Err("not empty") } else { Ok(()) }
}

fn https(text: &str) -> Result<(), &'static str> {
    match text.strip_prefix("https://") {
        Some(host)
            if !host.is_empty() && !host.starts_with('/') && !text.contains(['?', '#', '@']) =>
        {
            Ok(())
        }
        _ => Err("an address such as `https://host/path`"),
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
            if let Some(url) = client.get("url") {
                super::hold(&Rule::Strictly(https), &url, found);
            }
        }
        unique(
            hook.list("matchConditions"),
            "condition",
            "name",
            |item| item.text("name").map(str::to_owned),
            found,
        );
        let known = hook
            .list("admissionReviewVersions")
            .any(|v| matches!(v.node.as_str(), Some("v1" | "v1beta1")));
        if let Some(versions) = hook.get("admissionReviewVersions").filter(|_| !known) {
            found.value_hint(
                &versions,
                Problem::Conflict("the API server sends no review of these versions".to_owned()),
                "must include `v1` or `v1beta1`",
            );
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
