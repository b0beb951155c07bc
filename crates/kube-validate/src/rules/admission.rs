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
    type_rules("NamedRuleWithOperations", "admissionregistration: validateNamedRuleWithOperations, validateRule", &[
        ("operations", Rule::Required),
        ("operations", Rule::Exactly(&["*", "CREATE", "UPDATE", "DELETE", "CONNECT"])),
        ("apiGroups", Rule::Required),
        ("apiVersions", Rule::Required),
        ("resources", Rule::Required),
        ("apiVersions", Rule::Strictly(non_empty)),
        ("resources", Rule::Strictly(non_empty)),
        ("resourceNames", Rule::Strictly(formats::path_segment)),
        ("resourceNames", Rule::Distinct("name")),
        ("scope", Rule::Exactly(&["*", "Cluster", "Namespaced"])),
    ]),
    type_rules("ValidatingAdmissionPolicy", "admissionregistration: validateValidatingAdmissionPolicySpec", &[
        ("spec", Rule::Required),
    ]),
    type_rules("ValidatingAdmissionPolicySpec", "admissionregistration: validateValidatingAdmissionPolicySpec", &[
        ("failurePolicy", FAILURE_POLICY),
        ("matchConstraints", Rule::Required),
        ("matchConditions", Rule::AtMost(64)),
        ("auditAnnotations", Rule::AtMost(20)),
    ]),
    type_rules("MatchResources", "admissionregistration: validateMatchResources", &[
        ("matchPolicy", MATCH_POLICY),
    ]),
    type_rules("ParamKind", "admissionregistration: validateParamKind", &[
        ("apiVersion", Rule::Required),
        ("apiVersion", Rule::Form(param_version)),
        ("kind", Rule::Required),
        ("kind", Rule::Form(param_kind)),
    ]),
    type_rules("Variable", "admissionregistration: validateVariable", &[
        ("name", Rule::Strictly(cel_identifier)),
        ("expression", Rule::Strictly(not_blank)),
    ]),
    type_rules("Validation", "admissionregistration: validateValidation", &[
        ("expression", Rule::Strictly(not_blank)),
        ("messageExpression", Rule::Form(not_blank)),
        ("message", Rule::Form(one_line)),
        ("reason", Rule::Exactly(&["Unauthorized", "Forbidden", "Invalid", "RequestEntityTooLarge"])),
    ]),
    type_rules("AuditAnnotation", "admissionregistration: validateAuditAnnotation", &[
        ("valueExpression", Rule::Strictly(not_blank)),
    ]),
    type_rules("ValidatingAdmissionPolicyBinding", "admissionregistration: validateValidatingAdmissionPolicyBindingSpec", &[
        ("spec", Rule::Required),
    ]),
    type_rules("ValidatingAdmissionPolicyBindingSpec", "admissionregistration: validateValidatingAdmissionPolicyBindingSpec, validateValidationActions", &[
        ("policyName", Rule::Strictly(formats::dns_subdomain)),
        ("validationActions", Rule::Required),
        ("validationActions", Rule::Exactly(&["Deny", "Warn", "Audit"])),
        ("validationActions", Rule::Distinct("action")),
    ]),
    type_rules("ParamRef", "admissionregistration: validateParamRef", &[
        ("name", Rule::Form(formats::path_segment)),
        ("parameterNotFoundAction", Rule::Required),
        ("parameterNotFoundAction", Rule::Form(not_found_action)),
    ]),
    type_rules("MatchCondition", "admissionregistration: validateMatchCondition", &[
        ("name", Rule::Required),
        ("name", Rule::Form(formats::qualified_name)),
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
    (
        "NamedRuleWithOperations",
        lone_wildcards,
        "admissionregistration: validateRuleWithOperations, validateRule",
    ),
    ("RuleWithOperations", resource_wildcards, "admissionregistration: validateResources"),
    ("NamedRuleWithOperations", resource_wildcards, "admissionregistration: validateResources"),
    (
        "ValidatingAdmissionPolicy",
        admission_policy,
        "admissionregistration: validateValidatingAdmissionPolicySpec, validateAuditAnnotation",
    ),
    (
        "ValidatingAdmissionPolicyBindingSpec",
        deny_and_warn,
        "admissionregistration: validateValidationActions",
    ),
    ("ParamRef", param_source, "admissionregistration: validateParamRef"),
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

fn not_blank(text: &str) -> Result<(), &'static str> {
    if text.trim().is_empty() { Err("an expression") } else { Ok(()) }
}

fn one_line(text: &str) -> Result<(), &'static str> {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed.contains(['\n', '\r']) {
        return Err("a text of one line");
    }
    Ok(())
}

fn not_found_action(text: &str) -> Result<(), &'static str> {
    if matches!(text, "Allow" | "Deny") { Ok(()) } else { Err("`Allow` or `Deny`") }
}

/// Checks an `apiVersion`: an optional group, and a version.
fn param_version(text: &str) -> Result<(), &'static str> {
    let (group, version) = text.split_once('/').unwrap_or(("", text));
    let is_group = group.is_empty() || formats::dns_subdomain(group).is_ok();
    if is_group && label_1035(version).is_ok() {
        Ok(())
    } else {
        Err("a version, or a group, `/` and a version")
    }
}

fn param_kind(text: &str) -> Result<(), &'static str> {
    label_1035(&text.to_ascii_lowercase()).map_err(|_| "a kind, such as `ConfigMap`")
}

/// Words that CEL reserves. Source: `celReservedSymbols`.
const CEL_WORDS: &[&str] = &[
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Checks a variable's name: `isCELIdentifier`.
fn cel_identifier(text: &str) -> Result<(), &'static str> {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if first && rest && !CEL_WORDS.contains(&text) {
        Ok(())
    } else {
        Err("a name of letters, digits and `_` that CEL does not reserve")
    }
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

/// A wildcard in `resources` makes what it covers superfluous.
fn resource_wildcards(node: &NodeRef, findings: &mut Findings) {
    let Some(list) = node.get("resources") else {
        return;
    };
    let texts: Vec<&str> = list
        .yaml
        .as_sequence()
        .unwrap_or_default()
        .iter()
        .filter_map(|item| item.as_str())
        .collect();
    let report = |message: &str, findings: &mut Findings| {
        findings.report_conflict(&list, format!("{message} in `resources` covers other items"));
    };
    if texts.len() > 1 && texts.contains(&"*/*") {
        report("`*/*`", findings);
    }
    // The server looks at the last item without a subresource.
    let last = texts.iter().rfind(|text| !text.is_empty() && !text.contains('/'));
    if texts.contains(&"*") && last.is_some_and(|last| *last != "*") {
        report("`*`", findings);
    }
    let mut covered: Vec<(Option<&str>, Option<&str>)> = Vec::new();
    for (resource, part) in texts.iter().filter_map(|text| text.split_once('/')) {
        let is_covered =
            covered.iter().any(|(of, sub)| *of == Some(resource) || *sub == Some(part));
        if is_covered {
            report("a wildcard", findings);
        }
        if part == "*" {
            covered.push((Some(resource), None));
        }
        if resource == "*" {
            covered.push((None, Some(part)));
        }
    }
}

fn admission_policy(node: &NodeRef, findings: &mut Findings) {
    let Some(spec) = node.get("spec") else {
        return;
    };
    if spec.len_of("validations") + spec.len_of("auditAnnotations") == 0 {
        let hint = "expected `validations` or `auditAnnotations`";
        findings.report_missing_with_hint(&spec, "validations", hint);
    }
    if let Some(constraints) = spec.get("matchConstraints")
        && constraints.len_of("resourceRules") == 0
    {
        findings.report_missing(&constraints, "resourceRules");
    }
    unique_by_field(spec.items_of("matchConditions"), "condition", "name", findings);
    unique_by_field(spec.items_of("auditAnnotations"), "annotation", "key", findings);
    let metadata = node.get("metadata");
    let name = metadata.as_ref().and_then(|metadata| metadata.text("name")).unwrap_or_default();
    for annotation in spec.items_of("auditAnnotations") {
        let Some(key) = annotation.get("key") else { continue };
        let text = key.as_str().unwrap_or_default();
        if let Err(expected) = formats::qualified_name(&format!("{name}/{text}")) {
            findings.report_invalid(&key, text, expected);
        }
    }
}

fn deny_and_warn(node: &NodeRef, findings: &mut Findings) {
    let find = |action| node.items_of("validationActions").find(|one| one.as_str() == Some(action));
    if let (Some(_), Some(warn)) = (find("Deny"), find("Warn")) {
        findings.report(&warn, Problem::conflict("`Warn` can't be combined with `Deny`"));
    }
}

fn param_source(node: &NodeRef, findings: &mut Findings) {
    let named = node.text("name").is_some();
    match node.get("selector") {
        Some(selector) if named => {
            findings.report_conflict(&selector, "`selector` can't be combined with `name`");
        }
        None if !named => {
            findings.report_missing_with_hint(node, "name", "expected `name` or `selector`");
        }
        _ => {}
    }
}
