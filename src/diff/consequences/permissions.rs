//! Permissions that a subject gains or loses, verb by resource. Bindings are resolved, so a rule that
//! moves from one Role to another changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::{Finding, Rule, RuleContext, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::object::{Object, Objects, items_at, strings_at};
use crate::report::count_of;
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

/// The budget of one review, in comparisons of a permission or a rule with a rule. Rules that it does not
/// cover are compared and reported whole, without multiplying them out. A large cluster's roles take a few
/// thousand.
const MAX_COMPARISONS: usize = 1_000_000;
/// The most permissions that the rules of one subject are multiplied out to.
const MAX_EXPANDED: usize = 10_000;

/// One verb on one resource; `*` is a wildcard in a [`Grant`].
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

/// The part of a role's rule that applies to one kind of resource. It includes every combination of its
/// members, of which there may be millions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Grant {
    resources: GrantedResources,
    /// The only objects that it applies to; empty for all.
    names: BTreeSet<String>,
    verbs: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum GrantedResources {
    Api { groups: BTreeSet<String>, resources: BTreeSet<String> },
    Urls(BTreeSet<String>),
    Role(String),
}

/// A subject and the namespace that its permissions apply to; `None` for the whole cluster.
type Holder = (String, Option<String>);

/// The grants of every subject: those of each role that it is bound to.
type Grants = BTreeMap<Holder, Vec<GrantedRole>>;

/// The grants of one role to one subject.
#[derive(Clone)]
struct GrantedRole {
    grants: Rc<BTreeSet<Grant>>,
    /// The role's grants in the other snapshot; none if it is not there.
    other: Option<Rc<BTreeSet<Grant>>>,
    /// The role, if it is among the objects.
    role: Option<ObjectId>,
    /// The binding; `None` for a role that nothing binds.
    binding: Option<ObjectId>,
}

impl GrantedRole {
    /// The object that decides a grant: the role if it has the grant in one snapshot only, else the
    /// binding.
    fn decided_by(&self, includes: impl Fn(&Grant) -> bool) -> Option<&ObjectId> {
        let in_both = self.other.as_ref().is_some_and(|other| other.iter().any(includes));
        match &self.role {
            Some(role) if !in_both => Some(role),
            role => self.binding.as_ref().or(role.as_ref()),
        }
    }
}

impl Grant {
    fn of_role(name: String) -> Self {
        Grant {
            resources: GrantedResources::Role(name),
            names: BTreeSet::new(),
            verbs: BTreeSet::from(["*".to_owned()]),
        }
    }

    /// The number of permissions that it includes.
    fn count(&self) -> usize {
        let resources = match &self.resources {
            GrantedResources::Api { groups, resources } => {
                groups.len().saturating_mul(resources.len())
            }
            GrantedResources::Urls(urls) => urls.len(),
            GrantedResources::Role(_) => 1,
        };
        resources.saturating_mul(self.names.len().max(1)).saturating_mul(self.verbs.len())
    }

    /// The number of comparisons that a test for one of its resources takes: URLs have patterns.
    fn weight(&self) -> usize {
        match &self.resources {
            GrantedResources::Urls(urls) => urls.len(),
            _ => 1,
        }
    }

    /// Returns true if this grant includes every permission of the other.
    fn includes(&self, other: &Grant) -> bool {
        let includes_resources = match (&self.resources, &other.resources) {
            (
                GrantedResources::Api { groups, resources },
                GrantedResources::Api { groups: g, resources: r },
            ) => {
                g.iter().all(|group| contains_match(groups, group))
                    && r.iter().all(|resource| contains_resource(resources, resource))
            }
            (GrantedResources::Urls(own), GrantedResources::Urls(other)) => {
                other.iter().all(|url| contains_url(own, url))
            }
            (own, other) => own == other,
        };
        includes_resources
            && other.verbs.iter().all(|verb| contains_match(&self.verbs, verb))
            && (self.names.is_empty()
                || (!other.names.is_empty() && other.names.is_subset(&self.names)))
    }

    /// Returns true if this grant includes a permission.
    fn includes_permission(&self, permission: &Permission) -> bool {
        let includes_resource = match (&self.resources, &permission.resource) {
            (GrantedResources::Api { groups, resources }, Resource::Api { group, resource }) => {
                contains_match(groups, group) && contains_resource(resources, resource)
            }
            (GrantedResources::Urls(urls), Resource::Url(url)) => contains_url(urls, url),
            (GrantedResources::Role(own), Resource::Role(role)) => own == role,
            _ => false,
        };
        includes_resource
            && contains_match(&self.verbs, &permission.verb)
            && (self.names.is_empty()
                || permission.name.as_ref().is_some_and(|name| self.names.contains(name)))
    }

    /// Every permission that it includes.
    fn expand(&self) -> impl Iterator<Item = Permission> {
        let resources: Vec<Resource> = match &self.resources {
            GrantedResources::Api { groups, resources } => groups
                .iter()
                .flat_map(|group| {
                    resources.iter().map(|resource| Resource::Api {
                        group: group.clone(),
                        resource: resource.clone(),
                    })
                })
                .collect(),
            GrantedResources::Urls(urls) => urls.iter().cloned().map(Resource::Url).collect(),
            GrantedResources::Role(role) => vec![Resource::Role(role.clone())],
        };
        let names: Vec<Option<String>> = match self.names.is_empty() {
            true => vec![None],
            false => self.names.iter().cloned().map(Some).collect(),
        };
        resources.into_iter().flat_map(move |resource| {
            let names = names.clone();
            self.verbs.iter().flat_map(move |verb| {
                let resource = resource.clone();
                names.clone().into_iter().map(move |name| Permission {
                    resource: resource.clone(),
                    name,
                    verb: verb.clone(),
                })
            })
        })
    }

    /// Returns true if one of its permissions is a way to gain further ones.
    fn is_privileged(&self) -> bool {
        let (groups, resources) = match &self.resources {
            GrantedResources::Api { groups, resources } => (groups, resources),
            GrantedResources::Role(role) => return PRIVILEGED_ROLES.contains(&role.as_str()),
            GrantedResources::Urls(_) => return false,
        };
        let has_verb = |verbs: &[&str]| verbs.iter().any(|verb| self.verbs.contains(*verb));
        has_verb(&["*"])
            || has_verb(ESCALATING_VERBS)
            || resources.contains("*")
            || PRIVILEGED_RESOURCES.iter().any(|row| {
                contains_match(groups, row.group)
                    && resources.contains(row.resource)
                    && (has_verb(WRITES) || has_verb(row.also))
            })
    }

    /// Its size, for a grant that is too large to list: `120 verbs on 14400 resources`.
    fn describe_size(&self) -> String {
        match &self.resources {
            GrantedResources::Role(role) => format!("all of {role}"),
            _ => {
                let resources = self.count() / self.verbs.len().max(1);
                let verbs = count_of(self.verbs.len(), "verb", "verbs");
                format!("{verbs} on {}", count_of(resources, "resource", "resources"))
            }
        }
    }
}

/// Returns true if a set contains `*` or the text itself.
fn contains_match(patterns: &BTreeSet<String>, text: &str) -> bool {
    patterns.contains("*") || patterns.contains(text)
}

/// Returns true if a set contains the resource, or a pattern such as `*/scale` for a subresource. A plain
/// `*` matches subresources too, as a wildcard.
fn contains_resource(patterns: &BTreeSet<String>, resource: &str) -> bool {
    contains_match(patterns, resource)
        || resource
            .split_once('/')
            .is_some_and(|(_, subresource)| patterns.contains(&format!("*/{subresource}")))
}

/// Returns true if a set contains the URL, or a pattern such as `/healthz/*`.
fn contains_url(patterns: &BTreeSet<String>, url: &str) -> bool {
    patterns.contains(url)
        || patterns
            .iter()
            .any(|own| own.strip_suffix('*').is_some_and(|prefix| url.starts_with(prefix)))
}

const PRIVILEGED_ROLES: &[&str] =
    &["ClusterRole cluster-admin", "ClusterRole admin", "ClusterRole edit"];
const ESCALATING_VERBS: &[&str] = &["escalate", "bind", "impersonate"];
const WRITES: &[&str] = &["*", "create", "update", "patch"];

impl Permission {
    /// Returns true if the permission is a way to gain further ones.
    fn is_privileged(&self) -> bool {
        let (group, resource) = match &self.resource {
            Resource::Api { group, resource } => (group, resource),
            Resource::Role(role) => return PRIVILEGED_ROLES.contains(&role.as_str()),
            Resource::Url(_) => return false,
        };
        let verb = self.verb.as_str();
        verb == "*"
            || resource == "*"
            || ESCALATING_VERBS.contains(&verb)
            || PRIVILEGED_RESOURCES.iter().any(|row| {
                (row.group == group || group == "*")
                    && row.resource == resource
                    && (WRITES.contains(&verb) || row.also.contains(&verb))
            })
    }
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

/// The grants in a role's rules.
fn role_grants(role: &Object) -> BTreeSet<Grant> {
    let mut all = BTreeSet::new();
    for rule in items_at(&role.node, &["rules"]) {
        let verbs = collect_strings(rule, "verbs");
        let urls = collect_strings(rule, "nonResourceURLs");
        if !urls.is_empty() && !verbs.is_empty() {
            let resources = GrantedResources::Urls(urls);
            all.insert(Grant { resources, names: BTreeSet::new(), verbs: verbs.clone() });
        }
        let groups = collect_strings(rule, "apiGroups");
        let resources = collect_strings(rule, "resources");
        if !groups.is_empty() && !resources.is_empty() && !verbs.is_empty() {
            let resources = GrantedResources::Api { groups, resources };
            all.insert(Grant { resources, names: collect_strings(rule, "resourceNames"), verbs });
        }
    }
    all
}

fn collect_strings(rule: &Node, key: &str) -> BTreeSet<String> {
    strings_at(rule, &[key]).into_iter().map(str::to_owned).collect()
}

/// Collects the grants in one snapshot that the changed objects decide: those of changed bindings,
/// of bindings to changed roles, and of changed roles that nothing binds. `other` is the other snapshot.
fn collect_grants(objects: &Objects, other: &Objects, changed: &ChangedRbac) -> Grants {
    let mut all = Grants::new();
    let mut roles: BTreeMap<ObjectId, GrantedRole> = BTreeMap::new();
    let bindings = ["RoleBinding", "ClusterRoleBinding"].into_iter();
    for binding in bindings.flat_map(|kind| objects.of_kind(GROUP, kind)) {
        let Some(role) = bound_role(binding) else { continue };
        if !changed.decides(binding, &role) {
            continue;
        }
        let unbound =
            roles.entry(role.clone()).or_insert_with(|| granted_role(&role, objects, other));
        let granted = GrantedRole { binding: Some(binding.id.clone()), ..unbound.clone() };
        for subject in items_at(&binding.node, &["subjects"]) {
            let holder = (subject_name(subject, binding), binding.id.namespace.clone());
            all.entry(holder).or_default().push(granted.clone());
        }
    }
    for role in ["Role", "ClusterRole"].into_iter().flat_map(|kind| objects.of_kind(GROUP, kind)) {
        if changed.ids.contains(&role.id) && !roles.contains_key(&role.id) {
            let holder = (format!("whoever is bound to {}", role.id), role.id.namespace.clone());
            all.entry(holder).or_default().push(granted_role(&role.id, objects, other));
        }
    }
    all
}

/// The grants of a role in both snapshots, without a binding.
fn granted_role(role: &ObjectId, objects: &Objects, other: &Objects) -> GrantedRole {
    let read = |objects: &Objects| objects.get(role).map(|role| Rc::new(role_grants(role)));
    let unknown = || Grant::of_role(format!("{} {}", role.kind, role.name));
    let grants = read(objects);
    GrantedRole {
        role: grants.is_some().then(|| role.clone()),
        grants: grants.unwrap_or_else(|| Rc::new(BTreeSet::from([unknown()]))),
        other: read(other),
        binding: None,
    }
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
    fn decides(&self, binding: &Object, role: &ObjectId) -> bool {
        self.ids.contains(&binding.id) || self.ids.contains(role)
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

/// The permissions that one subject has on one side and not on the other.
#[derive(Default)]
struct Difference {
    permissions: BTreeSet<Permission>,
    /// Grants that are too large to be multiplied out.
    large: BTreeSet<Grant>,
    /// Set if the budget was spent before the subject's grants were compared.
    not_compared: bool,
}

impl Difference {
    /// Separates what is, or may be, a way to gain further permissions from the rest.
    fn split_privileged(self) -> (Self, Self) {
        let (privileged, ordinary) =
            self.permissions.into_iter().partition(Permission::is_privileged);
        let (large_privileged, large) = self.large.into_iter().partition(Grant::is_privileged);
        let not_compared = self.not_compared;
        (
            Difference { permissions: privileged, large: large_privileged, not_compared },
            Difference { permissions: ordinary, large, not_compared: false },
        )
    }

    fn is_empty(&self) -> bool {
        self.permissions.is_empty() && self.large.is_empty() && !self.not_compared
    }

    /// One text for each resource or large grant.
    fn describe(&self) -> Vec<String> {
        let mut texts = describe_permissions(&self.permissions);
        texts.extend(self.large.iter().map(Grant::describe_size));
        if self.not_compared {
            texts.push("permissions that were not compared: too many rules changed".to_owned());
        }
        texts
    }
}

/// The comparisons that are left. A deterministic count, so that a review is the same on every machine.
struct Budget(usize);

impl Budget {
    /// Takes a number of comparisons if they are left.
    fn spend(&mut self, comparisons: usize) -> bool {
        match self.0.checked_sub(comparisons) {
            Some(left) => {
                self.0 = left;
                true
            }
            None => false,
        }
    }
}

/// Returns the permissions that are in `these` and not included in `those`, with the object that decides
/// them. Grants are compared whole first, and multiplied out only if a part of them may remain.
fn additional_permissions<'a>(
    these: &'a Grants,
    those: &Grants,
) -> Vec<(&'a Holder, &'a ObjectId, Difference)> {
    let none = Vec::new();
    let mut budget = Budget(MAX_COMPARISONS);
    let mut all = Vec::new();
    for (holder, roles) in these {
        let own = those.get(holder).unwrap_or(&none);
        // A permission in the whole cluster applies in every namespace.
        let cluster_wide = those.get(&(holder.0.clone(), None)).unwrap_or(&none);
        let others: Vec<&BTreeSet<Grant>> =
            own.iter().chain(cluster_wide).map(|role| role.grants.as_ref()).collect();
        let difference = subtract_grants(roles, &others, &mut budget);
        let by_object = split_by_object(difference, roles, &mut budget);
        all.extend(by_object.into_iter().map(|(object, difference)| (holder, object, difference)));
    }
    all
}

/// Splits a difference by the objects that decide its parts. What the budget does not cover is laid at the
/// first one.
fn split_by_object<'a>(
    difference: Difference,
    roles: &'a [GrantedRole],
    budget: &mut Budget,
) -> BTreeMap<&'a ObjectId, Difference> {
    let mut all: BTreeMap<&ObjectId, Difference> = BTreeMap::new();
    let Some(first) = roles.iter().find_map(|role| role.decided_by(|_| false)) else { return all };
    if difference.is_empty() {
        return all;
    }
    let sets = roles.iter().flat_map(|role| [Some(&role.grants), role.other.as_ref()]).flatten();
    let weight: usize = sets.flat_map(|set| set.iter()).map(Grant::weight).sum();
    let count =
        difference.permissions.len() + difference.large.iter().map(Grant::weight).sum::<usize>();
    if !budget.spend(count.saturating_mul(weight.max(1))) {
        return BTreeMap::from([(first, difference)]);
    }
    let decider = |includes: &dyn Fn(&Grant) -> bool| {
        let mut giving = roles.iter().filter(|role| role.grants.iter().any(includes));
        giving.find_map(|role| role.decided_by(includes)).unwrap_or(first)
    };
    for permission in difference.permissions {
        let object = decider(&|grant| grant.includes_permission(&permission));
        all.entry(object).or_default().permissions.insert(permission);
    }
    for large in difference.large {
        let object = decider(&|grant| grant.includes(&large));
        all.entry(object).or_default().large.insert(large);
    }
    if difference.not_compared {
        all.entry(first).or_default().not_compared = true;
    }
    all
}

fn subtract_grants(
    roles: &[GrantedRole],
    others: &[&BTreeSet<Grant>],
    budget: &mut Budget,
) -> Difference {
    let own_rules: usize = roles.iter().map(|role| role.grants.len()).sum();
    let rules: usize = others.iter().map(|role| role.len()).sum();
    if !budget.spend(own_rules + rules) {
        return Difference { not_compared: true, ..Difference::default() };
    }
    let others: BTreeSet<&Grant> = others.iter().flat_map(|role| role.iter()).collect();
    let own: BTreeSet<&Grant> = roles.iter().flat_map(|role| role.grants.iter()).collect();
    let mut remaining: Vec<&Grant> = Vec::new();
    for grant in own.difference(&others) {
        if !is_included(grant, &others, budget) {
            remaining.push(grant);
        }
    }
    let count = remaining.iter().fold(0, |sum: usize, grant| sum.saturating_add(grant.count()));
    let weight: usize = others.iter().map(|other| other.weight()).sum();
    if count > MAX_EXPANDED || !budget.spend(count.saturating_mul(weight.max(1))) {
        let large = remaining.into_iter().cloned().collect();
        return Difference { large, ..Difference::default() };
    }
    let permissions = remaining
        .into_iter()
        .flat_map(Grant::expand)
        .filter(|permission| !others.iter().any(|other| other.includes_permission(permission)))
        .collect();
    Difference { permissions, ..Difference::default() }
}

/// Returns true if one of the other grants includes this one. What the budget does not cover counts as not
/// included.
fn is_included(grant: &Grant, others: &BTreeSet<&Grant>, budget: &mut Budget) -> bool {
    others
        .iter()
        .take_while(|other| budget.spend(grant.weight().saturating_mul(other.weight())))
        .any(|other| other.includes(grant))
}

pub(super) fn changed_permissions(context: &RuleContext<'_>) -> Vec<Finding> {
    let changed = ChangedRbac::find(context);
    if changed.ids.is_empty() {
        return Vec::new();
    }
    let before = collect_grants(context.base, context.head, &changed);
    let after = collect_grants(context.head, context.base, &changed);
    let mut findings = Vec::new();
    for (holder, object, gained) in additional_permissions(&after, &before) {
        let (privileged, ordinary) = gained.split_privileged();
        findings.extend(finding(&PRIVILEGED, holder, object, &privileged));
        findings.extend(finding(&WIDENED, holder, object, &ordinary));
    }
    for (holder, object, lost) in additional_permissions(&before, &after) {
        findings.extend(finding(&NARROWED, holder, object, &lost));
    }
    findings
}

fn finding(
    rule: &'static Rule,
    holder: &Holder,
    object: &ObjectId,
    difference: &Difference,
) -> Option<Finding> {
    if difference.is_empty() {
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
        .codes(difference.describe(), MAX_LISTED)
        .then(scope);
    Some(Finding::new(rule, object, message))
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
