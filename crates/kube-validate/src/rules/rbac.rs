//! Roles and role bindings.

use super::{Check, CheckRow, Findings, NodeRef, Rule, TypeRules, type_rules};
use crate::formats;

const GROUP: &str = "rbac.authorization.k8s.io";

#[rustfmt::skip] // a line a field
pub const TYPE_RULES: &[TypeRules] = &[
    type_rules("PolicyRule", "rbac: ValidatePolicyRule", &[
        ("verbs", Rule::Required),
    ]),
    type_rules("RoleRef", "rbac: ValidateRoleBinding", &[
        ("apiGroup", Rule::OneOf(&[GROUP])),
        ("name", Rule::Required),
        ("name", Rule::Form(formats::path_segment)),
    ]),
    type_rules("AggregationRule", "rbac: ValidateClusterRole", &[
        ("clusterRoleSelectors", Rule::Required),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    ("PolicyRule", policy_rule as Check, "rbac: ValidatePolicyRule"),
    ("Role", no_urls_in_role, "rbac: ValidateRole"),
    ("RoleBinding", role_binding, "rbac: ValidateRoleBinding"),
    ("ClusterRoleBinding", cluster_role_binding, "rbac: ValidateClusterRoleBinding"),
];

fn policy_rule(node: &NodeRef, findings: &mut Findings) {
    if node.len_of("nonResourceURLs") > 0 {
        for field in ["apiGroups", "resources", "resourceNames"] {
            if let Some(node) = node.get(field).filter(|_| node.len_of(field) > 0) {
                findings.report_conflict(
                    &node,
                    format!("`{field}` can't be combined with `nonResourceURLs`"),
                );
            }
        }
        return;
    }
    for field in ["apiGroups", "resources"] {
        if node.len_of(field) > 0 {
            continue;
        }
        match field {
            "apiGroups" => {
                findings.report_missing_with_hint(node, field, "`[\"\"]` is the core group");
            }
            _ => findings.report_missing(node, field),
        }
    }
}

fn no_urls_in_role(node: &NodeRef, findings: &mut Findings) {
    for rule in node.items_of("rules") {
        if let Some(urls) =
            rule.get("nonResourceURLs").filter(|_| rule.len_of("nonResourceURLs") > 0)
        {
            findings.report_conflict(
                &urls,
                "`nonResourceURLs` is not allowed in a Role, only in a ClusterRole",
            );
        }
    }
}

fn role_binding(node: &NodeRef, findings: &mut Findings) {
    check_binding(node, &["Role", "ClusterRole"], findings);
}

fn cluster_role_binding(node: &NodeRef, findings: &mut Findings) {
    check_binding(node, &["ClusterRole"], findings);
    for subject in node.items_of("subjects") {
        if subject.text("kind") == Some("ServiceAccount") && subject.text("namespace").is_none() {
            findings.report_missing(&subject, "namespace");
        }
    }
}

fn check_binding(node: &NodeRef, roles: &[&str], findings: &mut Findings) {
    let reference = node.get("roleRef");
    if let Some(kind) = reference.as_ref().and_then(|reference| reference.get("kind")) {
        super::check_choice(roles, kind.as_str().unwrap_or_default(), &kind, findings);
    }
    for subject in node.items_of("subjects") {
        check_subject(&subject, findings);
    }
}

fn check_subject(node: &NodeRef, findings: &mut Findings) {
    let group = node.text("apiGroup");
    let account = match node.text("kind") {
        Some("ServiceAccount") => true,
        Some("User" | "Group") => false,
        _ => {
            if let Some(kind) = node.get("kind") {
                let text = kind.as_str().unwrap_or_default();
                super::check_choice(&["ServiceAccount", "User", "Group"], text, &kind, findings);
            }
            return;
        }
    };
    // The server fills in an absent group: rbac/v1 defaults.go, SetDefaults_Subject.
    let expected = if account { "" } else { GROUP };
    if let Some(field) = node.get("apiGroup")
        && let Some(group) = group.filter(|group| *group != expected)
    {
        findings.report_invalid(&field, group, &format!("`{expected:?}`"));
    }
    match node.get("name") {
        Some(name) if account => {
            super::check_rule(&Rule::Strictly(formats::dns_subdomain), &name, findings)
        }
        Some(name) => super::check_rule(&Rule::Required, &name, findings),
        None => {}
    }
}
