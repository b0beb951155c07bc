//! Permissions that a subject gains or loses, verb by resource. Bindings are resolved, so a rule that
//! moves from one Role to another changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Rule, RuleContext, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::object::{Object, Objects, items_at, strings_at};
use kube_validate::ObjectId;
use yaml_spans::Node;

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) const PRIVILEGED: Rule = Rule {
    id: "permissions-privileged",
    severity: Severity::Critical,
    topic: Topic::Permissions,
    summary: "A subject gains a privilege-escalation path: reading Secrets, running in Pods, granting rights, or `*`",
    source: "https://kubernetes.io/docs/concepts/security/rbac-good-practices/#privilege-escalation-risks",
};

pub(super) const WIDENED: Rule = Rule {
    id: "permissions-widened",
    severity: Severity::Warning,
    topic: Topic::Permissions,
    summary: "A subject gains permissions",
    source: "https://kubernetes.io/docs/reference/access-authn-authz/rbac/",
};

pub(super) const NARROWED: Rule = Rule {
    id: "permissions-narrowed",
    severity: Severity::Warning,
    topic: Topic::Permissions,
    summary: "A subject loses permissions: whatever relies on them fails",
    source: "https://kubernetes.io/docs/reference/access-authn-authz/rbac/",
};

/// The most resources that one message lists.
const MAX_LISTED: usize = 6;

/// One verb on one resource; `*` is a wildcard.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Permission {
    resource: Resource,
    /// The only object that it applies to.
    name: Option<String>,
    verb: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Resource {
    /// A resource of the API: `deployments/scale` of the group `apps`.
    Api { group: String, resource: String },
    /// A URL of the API server.
    Url(String),
    /// Everything that a role allows which is not among the objects.
    Role(String),
}

/// A subject and the namespace that its permissions apply to; `None` for the whole cluster.
type Holder = (String, Option<String>);

/// The permissions of every subject.
type Permissions = BTreeMap<Holder, BTreeSet<Permission>>;

impl Permission {
    /// Returns true if this permission includes the other.
    fn includes(&self, other: &Permission) -> bool {
        let has_same_resource = match (&self.resource, &other.resource) {
            (Resource::Api { group, resource }, Resource::Api { group: g, resource: r }) => {
                matches_wildcard(group, g)
                    && (matches_wildcard(resource, r) || matches_subresource(resource, r))
            }
            (Resource::Url(own), Resource::Url(other)) => {
                own == other
                    || own.strip_suffix('*').is_some_and(|prefix| other.starts_with(prefix))
            }
            (own, other) => own == other,
        };
        has_same_resource
            && matches_wildcard(&self.verb, &other.verb)
            && (self.name.is_none() || self.name == other.name)
    }

    /// Returns true if the permission is a way to gain further ones.
    fn is_privileged(&self) -> bool {
        let Resource::Api { group, resource } = &self.resource else {
            return match &self.resource {
                Resource::Role(role) => {
                    ["ClusterRole cluster-admin", "ClusterRole admin", "ClusterRole edit"]
                        .contains(&role.as_str())
                }
                _ => false,
            };
        };
        let verb = self.verb.as_str();
        let is_write = ["*", "create", "update", "patch"].contains(&verb);
        verb == "*"
            || resource == "*"
            || ["escalate", "bind", "impersonate"].contains(&verb)
            || PRIVILEGED_RESOURCES.iter().any(|row| {
                (row.group == group || group == "*")
                    && row.resource == resource
                    && (is_write || row.also.contains(&verb))
            })
    }
}

/// Returns true if a pattern is `*` or the text itself.
fn matches_wildcard(pattern: &str, text: &str) -> bool {
    pattern == "*" || pattern == text
}

/// Returns true if a pattern such as `*/scale` matches the subresource of a resource. A plain `*`
/// matches subresources too, as a wildcard.
fn matches_subresource(pattern: &str, resource: &str) -> bool {
    let subresource = resource.split_once('/').map(|(_, subresource)| subresource);
    pattern.strip_prefix("*/").is_some_and(|name| subresource == Some(name))
}

/// A resource that leads to further permissions for a subject that may write it, or may use one of
/// the other verbs.
struct PrivilegedResource {
    group: &'static str,
    resource: &'static str,
    /// The verbs besides the writing ones.
    also: &'static [&'static str],
}

const READS: &[&str] = &["get", "list", "watch"];

/// Source: "Kubernetes RBAC - privilege escalation risks" in
/// <https://kubernetes.io/docs/concepts/security/rbac-good-practices/>.
const PRIVILEGED_RESOURCES: [PrivilegedResource; 12] = [
    PrivilegedResource { group: "", resource: "secrets", also: READS },
    PrivilegedResource { group: "", resource: "pods", also: &[] },
    PrivilegedResource { group: "", resource: "pods/exec", also: &["get"] },
    PrivilegedResource { group: "", resource: "pods/attach", also: &["get"] },
    PrivilegedResource { group: "", resource: "serviceaccounts/token", also: &[] },
    PrivilegedResource { group: "", resource: "nodes/proxy", also: &["get"] },
    PrivilegedResource { group: "", resource: "persistentvolumes", also: &[] },
    PrivilegedResource { group: GROUP, resource: "roles", also: &[] },
    PrivilegedResource { group: GROUP, resource: "rolebindings", also: &[] },
    PrivilegedResource { group: GROUP, resource: "clusterroles", also: &[] },
    PrivilegedResource { group: GROUP, resource: "clusterrolebindings", also: &[] },
    PrivilegedResource {
        group: "certificates.k8s.io",
        resource: "certificatesigningrequests/approval",
        also: &[],
    },
];

/// The permissions in a role's rules.
fn role_permissions(role: &Object) -> BTreeSet<Permission> {
    let mut all = BTreeSet::new();
    for rule in items_at(&role.node, &["rules"]) {
        let names: Vec<Option<&str>> = match strings_at(rule, &["resourceNames"]) {
            names if names.is_empty() => vec![None],
            names => names.into_iter().map(Some).collect(),
        };
        for verb in strings_at(rule, &["verbs"]) {
            for url in strings_at(rule, &["nonResourceURLs"]) {
                let resource = Resource::Url(url.to_owned());
                all.insert(Permission { resource, name: None, verb: verb.to_owned() });
            }
            for group in strings_at(rule, &["apiGroups"]) {
                for resource in strings_at(rule, &["resources"]) {
                    for name in &names {
                        let (group, resource) = (group.to_owned(), resource.to_owned());
                        all.insert(Permission {
                            resource: Resource::Api { group, resource },
                            name: name.map(str::to_owned),
                            verb: verb.to_owned(),
                        });
                    }
                }
            }
        }
    }
    all
}

/// Collects the permissions in one snapshot that the changed objects decide: those of changed bindings,
/// of bindings to changed roles, and of changed roles that nothing binds.
fn collect_permissions(objects: &Objects, changed: &ChangedRbac) -> Permissions {
    let mut all = Permissions::new();
    let mut bound: BTreeSet<&ObjectId> = BTreeSet::new();
    let bindings = ["RoleBinding", "ClusterRoleBinding"].into_iter();
    for binding in bindings.flat_map(|kind| objects.of_kind(GROUP, kind)) {
        let role = bound_role(binding);
        let known = role.as_ref().and_then(|role| objects.get(role));
        if !changed.decides(binding, role.as_ref()) {
            continue;
        }
        let allowed = match (known, &role) {
            (Some(known), _) => {
                bound.insert(&known.id);
                role_permissions(known)
            }
            (None, Some(role)) => {
                let resource = Resource::Role(format!("{} {}", role.kind, role.name));
                BTreeSet::from([Permission { resource, name: None, verb: "*".to_owned() }])
            }
            (None, None) => continue,
        };
        for subject in items_at(&binding.node, &["subjects"]) {
            let holder = (subject_name(subject, binding), binding.id.namespace.clone());
            all.entry(holder).or_default().extend(allowed.iter().cloned());
        }
    }
    for role in ["Role", "ClusterRole"].into_iter().flat_map(|kind| objects.of_kind(GROUP, kind)) {
        if changed.ids.contains(&role.id) && !bound.contains(&role.id) {
            let holder = (format!("whoever is bound to {}", role.id), role.id.namespace.clone());
            all.entry(holder).or_default().extend(role_permissions(role));
        }
    }
    all
}

/// The RBAC objects that differ.
struct ChangedRbac {
    ids: BTreeSet<ObjectId>,
}

impl ChangedRbac {
    fn find(context: &RuleContext<'_>) -> Self {
        let ids = context.changes.iter().filter(|change| change.id.group == GROUP);
        ChangedRbac { ids: ids.map(|change| change.id.clone()).collect() }
    }

    /// Returns true if the binding or its role differs.
    fn decides(&self, binding: &Object, role: Option<&ObjectId>) -> bool {
        self.ids.contains(&binding.id) || role.is_some_and(|role| self.ids.contains(role))
    }
}

fn bound_role(binding: &Object) -> Option<ObjectId> {
    let kind = binding.text_at(&["roleRef", "kind"])?;
    Some(ObjectId {
        namespace: if kind == "Role" { binding.id.namespace.clone() } else { None },
        kind: kind.to_owned(),
        name: binding.text_at(&["roleRef", "name"])?.to_owned(),
        group: GROUP.to_owned(),
    })
}

fn subject_name(subject: &Node, binding: &Object) -> String {
    let kind = subject.get("kind").and_then(Node::as_str).unwrap_or("?");
    let name = subject.get("name").and_then(Node::as_str).unwrap_or("?");
    let namespace = subject.get("namespace").and_then(Node::as_str);
    match (kind, namespace.or(binding.id.namespace.as_deref())) {
        ("ServiceAccount", Some(namespace)) => format!("{kind} {namespace}/{name}"),
        _ => format!("{kind} {name}"),
    }
}

/// Returns the permissions that are in `these` and not included in `those`.
fn additional_permissions(
    these: &Permissions,
    those: &Permissions,
) -> Vec<(Holder, BTreeSet<Permission>)> {
    let none = BTreeSet::new();
    these
        .iter()
        .filter_map(|(holder, permissions)| {
            let own = those.get(holder).unwrap_or(&none);
            // A permission in the whole cluster applies in every namespace.
            let cluster_wide = those.get(&(holder.0.clone(), None)).unwrap_or(&none);
            let more: BTreeSet<_> = permissions
                .iter()
                .filter(|one| !own.iter().chain(cluster_wide).any(|other| other.includes(one)))
                .cloned()
                .collect();
            (!more.is_empty()).then(|| (holder.clone(), more))
        })
        .collect()
}

pub(super) fn changed_permissions(context: &RuleContext<'_>) -> Vec<Finding> {
    let changed = ChangedRbac::find(context);
    if changed.ids.is_empty() {
        return Vec::new();
    }
    let before = collect_permissions(context.base, &changed);
    let after = collect_permissions(context.head, &changed);
    let mut findings = Vec::new();
    for (holder, gained) in additional_permissions(&after, &before) {
        let (privileged, ordinary): (BTreeSet<_>, BTreeSet<_>) =
            gained.into_iter().partition(Permission::is_privileged);
        findings.extend(finding(context, &PRIVILEGED, &holder, &privileged));
        findings.extend(finding(context, &WIDENED, &holder, &ordinary));
    }
    for (holder, lost) in additional_permissions(&before, &after) {
        findings.extend(finding(context, &NARROWED, &holder, &lost));
    }
    findings
}

fn finding(
    context: &RuleContext<'_>,
    rule: &'static Rule,
    holder: &Holder,
    permissions: &BTreeSet<Permission>,
) -> Option<Finding> {
    if permissions.is_empty() {
        return None;
    }
    let verb = if rule.id == NARROWED.id { " may no longer " } else { " may now " };
    let scope = match &holder.1 {
        Some(namespace) => Message::of(" in namespace ").code(namespace),
        None => Message::of(" in the whole cluster"),
    };
    let message = Message::default()
        .code(&holder.0)
        .and(verb)
        .codes(describe_permissions(permissions), MAX_LISTED)
        .then(scope);
    Some(Finding::new(rule, &changed_object(context, holder), message))
}

/// One text for each resource, with all its verbs: `get, patch deployments/scale.apps`.
fn describe_permissions(permissions: &BTreeSet<Permission>) -> Vec<String> {
    let mut verbs: BTreeMap<(&Resource, &Option<String>), Vec<&str>> = BTreeMap::new();
    for permission in permissions {
        let key = (&permission.resource, &permission.name);
        verbs.entry(key).or_default().push(&permission.verb);
    }
    verbs
        .into_iter()
        .map(|((resource, name), verbs)| {
            let verbs = verbs.join(", ");
            let text = match resource {
                Resource::Api { group, resource } if group.is_empty() => {
                    format!("{verbs} {resource}")
                }
                Resource::Api { group, resource } => format!("{verbs} {resource}.{group}"),
                Resource::Url(url) => format!("{verbs} {url}"),
                Resource::Role(role) => format!("all of {role}"),
            };
            match name {
                Some(name) => format!("{text} {name}"),
                None => text,
            }
        })
        .collect()
}

/// The changed binding or role to report at, in the holder's namespace if there is one.
fn changed_object(context: &RuleContext<'_>, holder: &Holder) -> ObjectId {
    let changed: Vec<&ObjectId> =
        context.changes.iter().map(|change| &change.id).filter(|id| id.group == GROUP).collect();
    let nearest = changed.iter().find(|id| id.namespace == holder.1).or(changed.first());
    // Permissions only differ if such an object does, so there is one.
    nearest.map(|id| (*id).clone()).unwrap_or_else(|| ObjectId {
        namespace: None,
        kind: String::new(),
        name: String::new(),
        group: GROUP.to_owned(),
    })
}
