//! Permissions, verb by resource: what each subject may do after that it might not before, and the
//! other way round. Bindings are followed, so a rule moved from one Role to another is no difference.

use std::collections::{BTreeMap, BTreeSet};

use super::{Case, Finding, Rule, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::object::{Object, Objects, at, items, strings};
use kube_validate::ObjectId;
use yaml_spans::Node;

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) const PRIVILEGED: Rule = Rule {
    id: "permissions-privileged",
    severity: Severity::Critical,
    topic: Topic::Permissions,
    what: "Somebody may do what leads to everything else: read Secrets, run in Pods, grant rights, use `*`",
    source: "https://kubernetes.io/docs/concepts/security/rbac-good-practices/#privilege-escalation-risks",
    detect: |case| widened(case, true),
};

pub(super) const WIDENED: Rule = Rule {
    id: "permissions-widened",
    severity: Severity::Warning,
    topic: Topic::Permissions,
    what: "Somebody may do more than before",
    source: "https://kubernetes.io/docs/reference/access-authn-authz/rbac/",
    detect: |case| widened(case, false),
};

pub(super) const NARROWED: Rule = Rule {
    id: "permissions-narrowed",
    severity: Severity::Warning,
    topic: Topic::Permissions,
    what: "Somebody may do less than before: what relies on it fails",
    source: "https://kubernetes.io/docs/reference/access-authn-authz/rbac/",
    detect: narrowed,
};

/// The things that are shown of each side.
const SHOWN: usize = 6;

/// One thing that may be done; `*` is all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Permission {
    /// `deployments/scale.apps`, a URL, or all of a role that is not among the objects.
    resource: Resource,
    /// The one object that it is limited to.
    name: Option<String>,
    verb: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Resource {
    Api {
        group: String,
        resource: String,
    },
    Url(String),
    /// What a role that is not among the objects allows.
    Role(String),
}

/// Who may do something, and where: none is the whole cluster.
type Holder = (String, Option<String>);

/// What everybody may do.
type Rights = BTreeMap<Holder, BTreeSet<Permission>>;

impl Permission {
    /// Whether who has this has the other too.
    fn covers(&self, other: &Permission) -> bool {
        let wild = |own: &str, other: &str| own == "*" || own == other;
        let resource = match (&self.resource, &other.resource) {
            (Resource::Api { group, resource }, Resource::Api { group: g, resource: r }) => {
                // `*/scale` is that subresource of everything; `*` everything with its subresources.
                let subresource = |own: &str| {
                    own.strip_prefix("*/")
                        .is_some_and(|sub| r.split_once('/').is_some_and(|(_, s)| s == sub))
                };
                wild(group, g) && (wild(resource, r) || subresource(resource))
            }
            (Resource::Url(own), Resource::Url(other)) => {
                own == other
                    || own.strip_suffix('*').is_some_and(|prefix| other.starts_with(prefix))
            }
            (own, other) => own == other,
        };
        resource
            && wild(&self.verb, &other.verb)
            && (self.name.is_none() || self.name == other.name)
    }

    /// Whether it leads to more than it says.
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
        let writes = ["*", "create", "update", "patch"].contains(&verb);
        verb == "*"
            || resource == "*"
            || ["escalate", "bind", "impersonate"].contains(&verb)
            || PRIVILEGED_RESOURCES.iter().any(|row| {
                (row.group == group || group == "*")
                    && row.resource == resource
                    && (writes || row.also.contains(&verb))
            })
    }
}

/// A resource that whoever may write it, or use one of the other verbs, can get further with.
struct PrivilegedResource {
    group: &'static str,
    resource: &'static str,
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

/// What a role's rules allow.
fn permissions(role: &Object) -> BTreeSet<Permission> {
    let mut all = BTreeSet::new();
    for rule in items(&role.node, &["rules"]) {
        let names: Vec<Option<&str>> = match strings(rule, &["resourceNames"]) {
            names if names.is_empty() => vec![None],
            names => names.into_iter().map(Some).collect(),
        };
        for verb in strings(rule, &["verbs"]) {
            for url in strings(rule, &["nonResourceURLs"]) {
                let resource = Resource::Url(url.to_owned());
                all.insert(Permission { resource, name: None, verb: verb.to_owned() });
            }
            for group in strings(rule, &["apiGroups"]) {
                for resource in strings(rule, &["resources"]) {
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

/// What the objects that differ let anybody do, on one side: their bindings, and the roles that
/// these name or that differ.
fn rights(objects: &Objects, touched: &Touched) -> Rights {
    let mut rights = Rights::new();
    let mut bound: BTreeSet<&ObjectId> = BTreeSet::new();
    let bindings = ["RoleBinding", "ClusterRoleBinding"].into_iter();
    for binding in bindings.flat_map(|kind| objects.of(GROUP, kind)) {
        let role = role_of(binding);
        let known = role.as_ref().and_then(|role| objects.get(role));
        if !touched.is_touched(binding, role.as_ref()) {
            continue;
        }
        let allowed = match (known, &role) {
            (Some(known), _) => {
                bound.insert(&known.id);
                permissions(known)
            }
            (None, Some(role)) => {
                let resource = Resource::Role(format!("{} {}", role.kind, role.name));
                BTreeSet::from([Permission { resource, name: None, verb: "*".to_owned() }])
            }
            (None, None) => continue,
        };
        for subject in items(&binding.node, &["subjects"]) {
            let holder = (subject_name(subject, binding), binding.id.namespace.clone());
            rights.entry(holder).or_default().extend(allowed.iter().cloned());
        }
    }
    for role in ["Role", "ClusterRole"].into_iter().flat_map(|kind| objects.of(GROUP, kind)) {
        if touched.ids.contains(&role.id) && !bound.contains(&role.id) {
            let holder = (format!("whoever is bound to {}", role.id), role.id.namespace.clone());
            rights.entry(holder).or_default().extend(permissions(role));
        }
    }
    rights
}

/// The permission objects that differ, and who is bound by them.
struct Touched {
    ids: BTreeSet<ObjectId>,
}

impl Touched {
    fn of(case: &Case<'_>) -> Self {
        let ids = case.changes.iter().filter(|change| change.id.group == GROUP);
        Touched { ids: ids.map(|change| change.id.clone()).collect() }
    }

    fn is_touched(&self, binding: &Object, role: Option<&ObjectId>) -> bool {
        self.ids.contains(&binding.id) || role.is_some_and(|role| self.ids.contains(role))
    }
}

fn role_of(binding: &Object) -> Option<ObjectId> {
    let kind = binding.text(&["roleRef", "kind"])?;
    Some(ObjectId {
        namespace: if kind == "Role" { binding.id.namespace.clone() } else { None },
        kind: kind.to_owned(),
        name: binding.text(&["roleRef", "name"])?.to_owned(),
        group: GROUP.to_owned(),
    })
}

fn subject_name(subject: &Node, binding: &Object) -> String {
    let text = |key| at(subject, &[key]).and_then(Node::as_str);
    let (kind, name) = (text("kind").unwrap_or("?"), text("name").unwrap_or("?"));
    match (kind, text("namespace").or(binding.id.namespace.as_deref())) {
        ("ServiceAccount", Some(namespace)) => format!("{kind} {namespace}/{name}"),
        _ => format!("{kind} {name}"),
    }
}

/// What one side has that the other does not.
fn beyond(these: &Rights, those: &Rights) -> Vec<(Holder, BTreeSet<Permission>)> {
    let none = BTreeSet::new();
    these
        .iter()
        .filter_map(|(holder, permissions)| {
            let own = those.get(holder).unwrap_or(&none);
            // Who has it in the whole cluster has it in every namespace.
            let wide = those.get(&(holder.0.clone(), None)).unwrap_or(&none);
            let covered = |one: &Permission| own.iter().chain(wide).any(|other| other.covers(one));
            let more: BTreeSet<_> =
                permissions.iter().filter(|one| !covered(one)).cloned().collect();
            (!more.is_empty()).then(|| (holder.clone(), more))
        })
        .collect()
}

fn both_sides(case: &Case<'_>) -> (Rights, Rights) {
    let touched = Touched::of(case);
    if touched.ids.is_empty() {
        return (Rights::new(), Rights::new());
    }
    (rights(case.base, &touched), rights(case.head, &touched))
}

fn widened(case: &Case<'_>, privileged: bool) -> Vec<Finding> {
    let (before, after) = both_sides(case);
    let mut findings = Vec::new();
    for (holder, permissions) in beyond(&after, &before) {
        let these: BTreeSet<_> =
            permissions.into_iter().filter(|one| one.is_privileged() == privileged).collect();
        findings.extend(said(case, &holder, &these, " may now "));
    }
    findings
}

fn narrowed(case: &Case<'_>) -> Vec<Finding> {
    let (before, after) = both_sides(case);
    let less = beyond(&before, &after);
    less.iter().filter_map(|(holder, these)| said(case, holder, these, " may no longer ")).collect()
}

fn said(
    case: &Case<'_>,
    holder: &Holder,
    these: &BTreeSet<Permission>,
    verb: &str,
) -> Option<Finding> {
    if these.is_empty() {
        return None;
    }
    // One thing to a resource, its verbs together.
    let mut things: BTreeMap<(&Resource, &Option<String>), Vec<&str>> = BTreeMap::new();
    for one in these {
        things.entry((&one.resource, &one.name)).or_default().push(&one.verb);
    }
    let things = things.iter().map(|((resource, name), verbs)| {
        let verbs = verbs.join(", ");
        let what = match resource {
            Resource::Api { group, resource } if group.is_empty() => format!("{verbs} {resource}"),
            Resource::Api { group, resource } => format!("{verbs} {resource}.{group}"),
            Resource::Url(url) => format!("{verbs} {url}"),
            Resource::Role(role) => format!("all of {role}"),
        };
        match name {
            Some(name) => format!("{what} {name}"),
            None => what,
        }
    });
    let place = match &holder.1 {
        Some(namespace) => Message::of(" in namespace ").code(namespace),
        None => Message::of(" in the whole cluster"),
    };
    let words = Message::default().code(&holder.0).and(verb).codes(things, SHOWN).then(place);
    Some(Finding::new(&who_changed(case, holder), words))
}

/// The object to point at: a binding or role that differs, in the holder's place if there is one.
fn who_changed(case: &Case<'_>, holder: &Holder) -> ObjectId {
    let touched = || case.changes.iter().map(|change| &change.id).filter(|id| id.group == GROUP);
    let near = touched().find(|id| id.namespace == holder.1).or_else(|| touched().next());
    // There is one: rights only differ by objects that do.
    near.cloned().unwrap_or_else(|| ObjectId {
        namespace: None,
        kind: String::new(),
        name: String::new(),
        group: GROUP.to_owned(),
    })
}
