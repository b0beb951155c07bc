//! Admission webhooks and references to the Services that answer them.

use super::{
    Check, CheckRow, Findings, NodeRef, Rule, TypeRules, exactly_one, type_rules, unique_by_field,
};
use crate::error::Problem;
use crate::formats;

const FAILURE_POLICY: Rule = Rule::Exactly(&["Fail", "Ignore"]);
const MATCH_POLICY: Rule = Rule::Exactly(&["Exact", "Equivalent"]);
const SIDE_EFFECTS: Rule = Rule::Exactly(&["None", "NoneOnDryRun"]);
const TIMEOUT: Rule = Rule::Range(1, 30);

#[rustfmt::skip] // a line a field
pub const TYPE_RULES: &[TypeRules] = &[
    type_rules("ValidatingWebhook", "admissionregistration: validateValidatingWebhook, validateAdmissionReviewVersions", &[
        ("name", Rule::Strictly(three_part_name)),
        ("failurePolicy", FAILURE_POLICY),
        ("matchPolicy", MATCH_POLICY),
        ("sideEffects", SIDE_EFFECTS),
        ("timeoutSeconds", TIMEOUT),
        ("admissionReviewVersions", Rule::Required),
        ("admissionReviewVersions", Rule::Strictly(label_1035)),
        ("admissionReviewVersions", Rule::Distinct("version")),
    ]),
    type_rules("MutatingWebhook", "admissionregistration: validateMutatingWebhook, validateAdmissionReviewVersions", &[
        ("name", Rule::Strictly(three_part_name)),
        ("failurePolicy", FAILURE_POLICY),
        ("matchPolicy", MATCH_POLICY),
        ("sideEffects", SIDE_EFFECTS),
        ("timeoutSeconds", TIMEOUT),
        ("reinvocationPolicy", Rule::Exactly(&["Never", "IfNeeded"])),
        ("admissionReviewVersions", Rule::Required),
        ("admissionReviewVersions", Rule::Strictly(label_1035)),
        ("admissionReviewVersions", Rule::Distinct("version")),
    ]),
    type_rules("RuleWithOperations", "admissionregistration: validateRuleWithOperations, validateRule, validateResources", &[
        ("operations", Rule::Required),
        ("operations", Rule::Exactly(&["*", "CREATE", "UPDATE", "DELETE", "CONNECT"])),
        ("apiGroups", Rule::Required),
        ("apiVersions", Rule::Required),
        ("resources", Rule::Required),
        ("apiVersions", Rule::Strictly(non_empty)),
        ("resources", Rule::Strictly(non_empty)),
        ("scope", Rule::Exactly(&["*", "Cluster", "Namespaced"])),
    ]),
    type_rules("ServiceReference", "apiserver pkg/util/webhook: ValidateWebhookService", &[
        ("name", Rule::Required),
        ("namespace", Rule::Required),
        ("port", Rule::Range(1, 65535)),
    ]),
    type_rules("MatchCondition", "admissionregistration: validateMatchCondition", &[
        ("name", Rule::Required),
        ("expression", Rule::Required),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    (
        "ValidatingWebhookConfiguration",
        webhook_list as Check,
        "admissionregistration: ValidateValidatingWebhookConfiguration",
    ),
    (
        "MutatingWebhookConfiguration",
        webhook_list,
        "admissionregistration: ValidateMutatingWebhookConfiguration",
    ),
    (
        "RuleWithOperations",
        lone_wildcards,
        "admissionregistration: validateRuleWithOperations, validateRule",
    ),
];

/// Checks a DNS label that begins with a letter: `IsDNS1035Label`.
pub fn label_1035(text: &str) -> Result<(), &'static str> {
    let letter = text.starts_with(|c: char| c.is_ascii_lowercase());
    match formats::dns_label(text) {
        Ok(()) if letter => Ok(()),
        _ => Err("a DNS label that begins with a letter"),
    }
}

/// Checks a DNS name of at least three parts: `IsFullyQualifiedName`.
fn three_part_name(text: &str) -> Result<(), &'static str> {
    match formats::dns_subdomain(text) {
        Ok(()) if text.split('.').count() >= 3 => Ok(()),
        _ => Err("a DNS name of at least three parts"),
    }
}

fn non_empty(text: &str) -> Result<(), &'static str> {
    if text.is_empty() { Err("a text that is not empty") } else { Ok(()) }
}

fn https_url(text: &str) -> Result<(), &'static str> {
    match text.strip_prefix("https://") {
        Some(host)
            if !host.is_empty() && !host.starts_with('/') && !text.contains(['?', '#', '@']) =>
        {
            Ok(())
        }
        _ => Err("a URL such as `https://host/path`"),
    }
}

/// Webhooks have distinct names, one address each, and a review version that the server sends.
fn webhook_list(node: &NodeRef, findings: &mut Findings) {
    unique_by_field(node.items_of("webhooks"), "webhook", "name", findings);
    for hook in node.items_of("webhooks") {
        if let Some(client) = hook.get("clientConfig") {
            exactly_one(&client, &["service", "url"], "address of the webhook", findings);
            if let Some(url) = client.get("url") {
                super::check_rule(&Rule::Strictly(https_url), &url, findings);
            }
        }
        unique_by_field(hook.items_of("matchConditions"), "condition", "name", findings);
        let supported = hook
            .items_of("admissionReviewVersions")
            .any(|version| matches!(version.as_str(), Some("v1" | "v1beta1")));
        if let Some(versions) = hook.get("admissionReviewVersions").filter(|_| !supported) {
            let message =
                "no version in `admissionReviewVersions` is one that the API server sends";
            let hint = "expected `v1` or `v1beta1` among them";
            findings.report_with_hint(&versions, Problem::conflict(message), hint);
        }
    }
}

/// A `*` is the only item of its list.
fn lone_wildcards(node: &NodeRef, findings: &mut Findings) {
    for field in ["operations", "apiGroups", "apiVersions"] {
        let star = node.items_of(field).find(|item| item.as_str() == Some("*"));
        if let Some(star) = star.filter(|_| node.len_of(field) > 1) {
            let message = format!("`*` in `{field}` can't be combined with other items");
            findings.report(&star, Problem::Conflict(message));
        }
    }
}
