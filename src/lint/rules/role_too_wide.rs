//! A gate that may do more than scale the one Deployment.

use super::{Look, Rule};
use crate::lint::case::{Case, Site, path};
use crate::model::gate_jobs::Gate;
use crate::model::object::{items, strings};
use crate::model::{Message, Object, Severity, workload};
use yaml_spans::Node;

pub(super) const RULE: Rule = Rule {
    id: "role-too-wide",
    severity: Severity::Critical,
    what: "The gate's service account may do more than read and patch the scale of its one Deployment",
    why: "Whoever gets hold of its token may do it too: `patch` on a Deployment runs any image with any Secret of the namespace.",
    mend: "One rule: `apps`, `deployments/scale`, the Deployment's name under `resourceNames`, `get` and `patch`.",
    source: "docs/gate.md; https://kubernetes.io/docs/concepts/security/rbac-good-practices/",
    look: Look::Stack(look),
};

const GROUP: &str = "rbac.authorization.k8s.io";
const NEEDED: [&str; 2] = ["get", "patch"];

fn look(case: &Case<'_>) -> Vec<Site> {
    let mut found = Vec::new();
    for gate in case.gates.values() {
        for role in roles(case, gate) {
            for (index, rule) in items(&role.node, &["rules"]).iter().enumerate() {
                if let Some(words) = excess(rule, gate) {
                    found.push(Site::field(role, path(&["rules"]).index(index), words));
                }
            }
        }
        for binding in bindings(case, gate).filter(|binding| role_of(case, binding).is_none()) {
            let name = binding.text(&["roleRef", "name"]).unwrap_or_default();
            let words = Message::of("The gate has what ")
                .code(name)
                .and(" allows, which is not rendered here");
            found.push(Site::field(binding, path(&["roleRef", "name"]), words));
        }
    }
    found.dedup();
    found
}

/// What a rule allows beyond what is needed, in words.
fn excess(rule: &Node, gate: &Gate) -> Option<Message> {
    let target = gate.jobs.first().map(|job| job.target.name.as_str()).unwrap_or_default();
    let verbs = strings(rule, &["verbs"]);
    let resources = strings(rule, &["resources"]);
    let names = strings(rule, &["resourceNames"]);
    let only = |list: &[&str], wanted: &[&str]| list.iter().all(|item| wanted.contains(item));
    if !only(&strings(rule, &["apiGroups"]), &["apps"]) || !only(&resources, &["deployments/scale"])
    {
        return Some(
            Message::of("The gate may reach ")
                .codes(resources, 4)
                .and(", beyond ")
                .code("deployments/scale"),
        );
    }
    if !only(&verbs, &NEEDED) {
        return Some(Message::of("The gate may ").codes(verbs, 6).and(", beyond get and patch"));
    }
    if names.is_empty() || !only(&names, &[target]) {
        return Some(Message::of("The gate may scale more than ").code(target));
    }
    None
}

/// The service accounts that the gate's Pods run as: the namespace, and the name.
fn accounts<'a>(case: &'a Case<'_>, gate: &'a Gate) -> Vec<(&'a str, &'a str)> {
    let jobs = gate.jobs.iter().filter_map(|job| case.objects.get(&job.id));
    jobs.filter_map(|job| {
        let name = workload::pod_spec(job)?.get("serviceAccountName").and_then(Node::as_str);
        Some((job.id.namespace.as_deref()?, name.unwrap_or("default")))
    })
    .collect()
}

/// Whether a subject of a binding is a service account, by any of the names that RBAC has for it.
/// <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-subjects>
fn is_subject(subject: &Node, binding: &Object, (namespace, account): (&str, &str)) -> bool {
    let text = |key| subject.get(key).and_then(Node::as_str);
    let name = text("name").unwrap_or_default();
    match text("kind") {
        Some("ServiceAccount") => {
            let of = text("namespace").or(binding.id.namespace.as_deref());
            name == account && of == Some(namespace)
        }
        Some("User") => name == format!("system:serviceaccount:{namespace}:{account}"),
        Some("Group") => {
            ["system:serviceaccounts", "system:authenticated"].contains(&name)
                || name == format!("system:serviceaccounts:{namespace}")
        }
        _ => false,
    }
}

/// The bindings that name one of them.
fn bindings<'a>(case: &'a Case<'_>, gate: &'a Gate) -> impl Iterator<Item = &'a Object> {
    let accounts = accounts(case, gate);
    let kinds = ["RoleBinding", "ClusterRoleBinding"].into_iter();
    kinds.flat_map(|kind| case.objects.of(GROUP, kind)).filter(move |binding| {
        let subjects = items(&binding.node, &["subjects"]).iter();
        subjects
            .flat_map(|subject| accounts.iter().map(move |account| (subject, *account)))
            .any(|(subject, account)| is_subject(subject, binding, account))
    })
}

fn role_of<'a>(case: &'a Case<'_>, binding: &Object) -> Option<&'a Object> {
    let (kind, name) = (binding.text(&["roleRef", "kind"])?, binding.text(&["roleRef", "name"])?);
    let namespace = binding.id.namespace.as_deref().filter(|_| kind == "Role");
    case.objects.find(GROUP, kind, namespace, name)
}

fn roles<'a>(case: &'a Case<'_>, gate: &'a Gate) -> impl Iterator<Item = &'a Object> {
    bindings(case, gate).filter_map(|binding| role_of(case, binding))
}
