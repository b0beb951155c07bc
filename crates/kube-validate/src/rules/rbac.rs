//! Roles and bindings.

use super::{At, Check, CheckRow, Found, Rule, Type, of};
use crate::error::Problem;
use crate::formats;

const GROUP: &str = "rbac.authorization.k8s.io";

#[rustfmt::skip] // a line a field
pub const TYPES: &[Type] = &[
    of("PolicyRule", "rbac: ValidatePolicyRule", &[
        ("verbs", Rule::Required),
    ]),
    of("RoleRef", "rbac: ValidateRoleBinding", &[
        ("apiGroup", Rule::OneOf(&[GROUP])),
        ("name", Rule::Required),
        ("name", Rule::Form(formats::path_segment)),
    ]),
    of("AggregationRule", "rbac: ValidateClusterRole", &[
        ("clusterRoleSelectors", Rule::Required),
    ]),
];

pub const CHECKS: &[CheckRow] = &[
    ("PolicyRule", rule as Check, "rbac: ValidatePolicyRule"),
    ("Role", role, "rbac: ValidateRole"),
    ("RoleBinding", role_binding, "rbac: ValidateRoleBinding"),
    ("ClusterRoleBinding", cluster_role_binding, "rbac: ValidateClusterRoleBinding"),
];

fn rule(at: &At, found: &mut Found) {
    if at.len("nonResourceURLs") > 0 {
        for field in ["apiGroups", "resources", "resourceNames"] {
            if let Some(at) = at.get(field).filter(|_| at.len(field) > 0) {
                found.conflict(&at, format!("`{field}` can't stand beside `nonResourceURLs`"));
            }
        }
        return;
    }
    for field in ["apiGroups", "resources"] {
        if at.len(field) == 0 {
            let hint = (field == "apiGroups").then(|| "`[\"\"]` is the core group".to_owned());
            found.missing(at, field, hint);
        }
    }
}

fn role(at: &At, found: &mut Found) {
    for rule in at.list("rules") {
        if let Some(urls) = rule.get("nonResourceURLs").filter(|_| rule.len("nonResourceURLs") > 0)
        {
            found.conflict(&urls, "`nonResourceURLs` can't stand in a Role, only in a ClusterRole");
        }
    }
}

fn role_binding(at: &At, found: &mut Found) {
    binding(at, &["Role", "ClusterRole"], found);
}

fn cluster_role_binding(at: &At, found: &mut Found) {
    binding(at, &["ClusterRole"], found);
    for subject in at.list("subjects") {
        if subject.text("kind") == Some("ServiceAccount") && subject.text("namespace").is_none() {
            found.missing(&subject, "namespace", None);
        }
    }
}

fn binding(at: &At, roles: &[&str], found: &mut Found) {
    let reference = at.get("roleRef");
    if let Some(kind) = reference.as_ref().and_then(|reference| reference.get("kind")) {
        super::one_of(roles, kind.node.as_str().unwrap_or_default(), &kind, found);
    }
    for subject in at.list("subjects") {
        subject_of(&subject, found);
    }
}

fn subject_of(at: &At, found: &mut Found) {
    let group = at.text("apiGroup");
    let account = match at.text("kind") {
        Some("ServiceAccount") => true,
        Some("User" | "Group") => false,
        _ => {
            if let Some(kind) = at.get("kind") {
                let text = kind.node.as_str().unwrap_or_default();
                super::one_of(&["ServiceAccount", "User", "Group"], text, &kind, found);
            }
            return;
        }
    };
    // The server fills in the group where it is left out: rbac/v1 defaults.go, SetDefaults_Subject.
    let legal = if account { "" } else { GROUP };
    if let Some(field) = at.get("apiGroup").filter(|_| group.is_some_and(|group| group != legal)) {
        let problem = Problem::NotOneOf {
            value: group.unwrap_or_default().to_owned(),
            field: "apiGroup".to_owned(),
        };
        found.value_hint(&field, problem, format!("must be {legal:?}"));
    }
    match at.get("name") {
        Some(name) if account => super::hold(&Rule::Strictly(formats::subdomain), &name, found),
        Some(name) => super::hold(&Rule::Required, &name, found),
        None => {}
    }
}
