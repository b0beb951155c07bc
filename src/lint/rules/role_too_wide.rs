//! A gate with more permissions than it needs.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::model::gate_jobs::Gate;
use crate::model::object::{items_at, strings_at};
use crate::model::{Message, Object, Severity, workload};
use yaml_spans::{Node, Path};

pub(super) const RULE: Rule = Rule {
    id: "role-too-wide",
    severity: Severity::Critical,
    summary: "The gate's service account may do more than read and patch the scale of its one object",
    rationale: "Everyone who gets hold of its token has the same permissions: `patch` on a Deployment runs any image with any Secret of the namespace.",
    fix: "Grant one rule: the API group of the object that the gate scales, its resource with `/scale` (`deployments/scale`), its name under `resourceNames`, `get` and `patch`.",
    source: "docs/gate.md; https://kubernetes.io/docs/concepts/security/rbac-good-practices/",
    check: Check::Stack(role_too_wide),
};

const GROUP: &str = "rbac.authorization.k8s.io";
const NEEDED: [&str; 2] = ["get", "patch"];

fn role_too_wide(context: &RuleContext<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for gate in context.gates.values() {
        for role in bound_roles(context, gate) {
            for (index, rule) in items_at(&role.node, &["rules"]).iter().enumerate() {
                if let Some(message) = excess_permissions(rule, gate) {
                    violations.push(Violation::at_field(
                        role,
                        Path::of_keys(["rules"]).index(index),
                        message,
                    ));
                }
            }
        }
        for binding in
            find_bindings(context, gate).filter(|binding| bound_role(context, binding).is_none())
        {
            let name = binding.text_at(&["roleRef", "name"]).unwrap_or_default();
            let message = Message::of("The gate has the permissions of ")
                .code(name)
                .and(", which is not rendered here");
            violations.push(Violation::at_field(
                binding,
                Path::of_keys(["roleRef", "name"]),
                message,
            ));
        }
    }
    violations.dedup();
    violations
}

/// The permissions of a rule that exceed the gate's needs, as a message.
fn excess_permissions(rule: &Node, gate: &Gate) -> Option<Message> {
    let job = gate.jobs.first()?;
    let (target, resource) = (job.target.name.as_str(), job.scale_resource());
    let verbs = strings_at(rule, &["verbs"]);
    let resources = strings_at(rule, &["resources"]);
    let names = strings_at(rule, &["resourceNames"]);
    if !is_subset(&strings_at(rule, &["apiGroups"]), &[job.target.group.as_str()])
        || !is_subset(&resources, &[resource.as_str()])
    {
        return Some(
            Message::of("The gate may access ")
                .codes(resources, 4)
                .and(", not only ")
                .code(resource),
        );
    }
    if !is_subset(&verbs, &NEEDED) {
        return Some(
            Message::of("The gate may ").codes(verbs, 6).and(", not only `get` and `patch`"),
        );
    }
    if names.is_empty() || !is_subset(&names, &[target]) {
        return Some(Message::of("The gate may scale other objects than ").code(target));
    }
    None
}

fn is_subset(list: &[&str], of: &[&str]) -> bool {
    list.iter().all(|item| of.contains(item))
}

/// The service accounts of the gate's Pods, as namespace and name.
fn service_accounts<'a>(context: &'a RuleContext<'_>, gate: &'a Gate) -> Vec<(&'a str, &'a str)> {
    let jobs = gate.jobs.iter().filter_map(|job| context.objects.get(&job.id));
    jobs.filter_map(|job| {
        let name = workload::pod_spec(job)?.get("serviceAccountName").and_then(Node::as_str);
        Some((job.id.namespace.as_deref()?, name.unwrap_or("default")))
    })
    .collect()
}

/// Returns true if a subject of a binding is the service account, by any of its names in RBAC.
/// <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-subjects>
fn is_subject(subject: &Node, binding: &Object, (namespace, account): (&str, &str)) -> bool {
    let [kind, name, namespace_of_subject] =
        ["kind", "name", "namespace"].map(|key| subject.get(key).and_then(Node::as_str));
    let name = name.unwrap_or_default();
    match kind {
        Some("ServiceAccount") => {
            let subject_namespace = namespace_of_subject.or(binding.id.namespace.as_deref());
            name == account && subject_namespace == Some(namespace)
        }
        Some("User") => name == format!("system:serviceaccount:{namespace}:{account}"),
        Some("Group") => {
            ["system:serviceaccounts", "system:authenticated"].contains(&name)
                || name == format!("system:serviceaccounts:{namespace}")
        }
        _ => false,
    }
}

/// The bindings of the gate's service accounts.
fn find_bindings<'a>(
    context: &'a RuleContext<'_>,
    gate: &'a Gate,
) -> impl Iterator<Item = &'a Object> {
    let accounts = service_accounts(context, gate);
    let kinds = ["RoleBinding", "ClusterRoleBinding"].into_iter();
    kinds.flat_map(|kind| context.objects.of_kind(GROUP, kind)).filter(move |binding| {
        let subjects = items_at(&binding.node, &["subjects"]).iter();
        subjects
            .flat_map(|subject| accounts.iter().map(move |account| (subject, *account)))
            .any(|(subject, account)| is_subject(subject, binding, account))
    })
}

fn bound_role<'a>(context: &'a RuleContext<'_>, binding: &Object) -> Option<&'a Object> {
    let (kind, name) =
        (binding.text_at(&["roleRef", "kind"])?, binding.text_at(&["roleRef", "name"])?);
    let namespace = binding.id.namespace.as_deref().filter(|_| kind == "Role");
    context.objects.find(GROUP, kind, namespace, name)
}

fn bound_roles<'a>(
    context: &'a RuleContext<'_>,
    gate: &'a Gate,
) -> impl Iterator<Item = &'a Object> {
    find_bindings(context, gate).filter_map(|binding| bound_role(context, binding))
}
