//! Shows which namespaces the policies of a file exclude, and their effect on a Pod.

use super::Errors;
use super::autogen::Autogen;
use super::cel;
use super::decide::{cluster_scoped_kinds, rule_exclusions, targets_beyond_exclude};
use super::effect::{KnownPod, policy_effect, rule_effect};
use super::error::Error;
use super::model::{
    Block, Filter, Kind, Policy, Rule, error_at, find_policies, found_kinds, string_at,
};
use super::mutating::{cluster_scoped_resources, policy_exclusions};
use super::wildcard::glob_matches;
use serde::{Serialize, Serializer};
use yaml_spans::source::{SourceId, Sources, Span};
use yaml_spans::{Dialect, Node, Path, parse};

/// The Pod whose priority is of interest.
#[derive(Debug, Clone, Copy)]
pub struct Tenant<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// The priority class in its template.
    pub priority_class: Option<&'a str>,
    /// The extended resource that one of its containers has in its limits and requests.
    pub resource: &'a str,
    /// The kind of the object that makes it, such as `Deployment`; none if it is not known.
    pub controller: Option<&'a str>,
}

/// One policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Its kind.
    #[serde(serialize_with = "serialize_kind")]
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its rules; other policies have one without a name.
    pub rules: Vec<ShownRule>,
}

fn serialize_kind<S: Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name())
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownRule {
    /// Its name.
    pub name: Option<String>,
    /// The namespaces and globs that it excludes for certain, in the file's order.
    pub excluded: Vec<String>,
    /// The other objects that it excludes, in words.
    pub also_excluded: Vec<String>,
    /// Limits of what its exclusions can do, in words.
    pub notes: Vec<String>,
    /// Its effect on the Pod, in words, if there is a tenant.
    pub effect: Option<String>,
    /// The kind of that effect.
    pub verdict: Option<Verdict>,
}

/// A rule's effect on the priority of a Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// The Pod keeps its priority.
    Keeps,
    /// It depends on what the file does not show, or on a part that is not understood.
    MayChange,
    /// The Pod gets another priority.
    Changes,
}

/// Reads the policies of a file, or of the output of `kubectl get clusterpolicy -o yaml`.
///
/// # Errors
/// The text can't be read, or contains no policy.
pub fn show_policies(
    sources: &Sources,
    source: SourceId,
    tenant: Option<&Tenant<'_>>,
) -> Result<Vec<Shown>, Errors> {
    Ok(show_documents(&read_policies(sources, source)?, tenant))
}

/// Reads the documents of a file with policies, for [`show_documents`].
///
/// # Errors
/// Those of [`show_policies`].
pub fn read_policies(sources: &Sources, source: SourceId) -> Result<Vec<Node>, Errors> {
    let documents = parse(sources, source, Dialect::Kubectl).map_err(|errors| {
        errors.into_iter().map(|error| error.map(Error::Parse)).collect::<Errors>()
    })?;
    if find_policies(&documents).is_empty() {
        let start = Some(Span::new(source, 0, 0));
        return Err(vec![error_at(Error::NoPolicy(found_kinds(&documents)), start, &Path::root())]);
    }
    Ok(documents)
}

/// Shows the policies among some documents.
pub fn show_documents(documents: &[Node], tenant: Option<&Tenant<'_>>) -> Vec<Shown> {
    let policies = find_policies(documents);
    let Some(tenant) = tenant.copied() else {
        return show_all(&policies, || None);
    };
    let shown = show_all(&policies, || Some(KnownPod { tenant, is_class_kept: true }));
    // The order in which Kyverno applies rules is not known here, so a rule sees the Pod's class only
    // if no other rule may change it.
    let rules = shown.iter().flat_map(|policy| &policy.rules);
    let changing: Vec<bool> = rules.map(|rule| rule.verdict != Some(Verdict::Keeps)).collect();
    let count = changing.iter().filter(|changes| **changes).count();
    if count == 0 {
        return shown;
    }
    let mut own = changing.into_iter();
    show_all(&policies, || {
        let others = count - usize::from(own.next().unwrap_or_default());
        Some(KnownPod { tenant, is_class_kept: others == 0 })
    })
}

/// Shows all policies; each of their rules takes the next Pod.
fn show_all<'a>(
    policies: &[Policy<'_>],
    mut next_pod: impl FnMut() -> Option<KnownPod<'a>>,
) -> Vec<Shown> {
    let mut found = Vec::with_capacity(policies.len());
    for policy in policies {
        let rules = match policy.kind {
            Kind::ClusterPolicy => {
                let autogen = Autogen::of(policy);
                let rules = policy.rules().into_iter();
                rules.map(|rule| show_rule(policy, autogen, &rule, next_pod().as_ref())).collect()
            }
            Kind::MutatingPolicy | Kind::ValidatingPolicy => {
                vec![show_mutating(policy, next_pod().as_ref())]
            }
        };
        found.push(Shown { kind: policy.kind, name: policy.name.to_owned(), rules });
    }
    found
}

fn show_mutating(policy: &Policy<'_>, pod: Option<&KnownPod<'_>>) -> ShownRule {
    let (verdict, effect) = pod.map(|pod| policy_effect(policy, pod)).unzip();
    ShownRule {
        name: None,
        excluded: policy_exclusions(policy),
        also_excluded: describe_conditions(policy),
        notes: policy_notes(policy),
        effect,
        verdict,
    }
}

fn show_rule(
    policy: &Policy<'_>,
    autogen: Autogen,
    rule: &Rule<'_>,
    pod: Option<&KnownPod<'_>>,
) -> ShownRule {
    let (verdict, effect) = pod.map(|pod| rule_effect(policy, autogen, rule, pod)).unzip();
    ShownRule {
        name: Some(rule.name.to_owned()),
        excluded: rule_exclusions(rule).into_iter().map(str::to_owned).collect(),
        also_excluded: describe_other_exclusions(rule),
        notes: rule_notes(rule),
        effect,
        verdict,
    }
}

/// The limits of what a rule's `exclude` can do.
fn rule_notes(rule: &Rule<'_>) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(kinds) = cluster_scoped_kinds(rule) {
        found.push(format!("it is only about {kinds}: no namespace to exclude"));
    }
    if let Some(kinds) = targets_beyond_exclude(rule) {
        found.push(format!(
            "`exclude` is about the object that triggers the rule; its `mutate.targets` ({kinds}) are also changed in excluded namespaces"
        ));
    }
    found
}

fn policy_notes(policy: &Policy<'_>) -> Vec<String> {
    let targets = policy.node.get("spec").and_then(|spec| spec.get("targetMatchConstraints"));
    let note = "exclusions are about the object that triggers the policy; those that `targetMatchConstraints` select are also changed in excluded namespaces";
    let nothing = cluster_scoped_resources(policy)
        .map(|resources| format!("it is only about {resources}: no namespace to exclude"));
    nothing.into_iter().chain(targets.map(|_| note.to_owned())).collect()
}

impl ShownRule {
    /// The first name or glob that excludes a namespace.
    pub fn entry_excluding(&self, namespace: &str) -> Option<&str> {
        self.excluded.iter().map(String::as_str).find(|entry| glob_matches(entry, namespace))
    }
}

/// Describes what a rule excludes by more than a namespace's name.
fn describe_other_exclusions(rule: &Rule<'_>) -> Vec<String> {
    let mut found = match Filter::read(rule, "exclude") {
        Err(error) => vec![error.error.to_string()],
        Ok(Filter::All(blocks)) => {
            let blocks: Vec<String> = blocks.iter().map(attribute_names).collect();
            vec![format!("objects that match all of: {}", blocks.join("; "))]
        }
        Ok(filter) => {
            let mixed = filter.blocks().iter().filter(|block| block.other_attribute().is_some());
            mixed.map(|block| format!("objects that match {}", attribute_names(block))).collect()
        }
    };
    if let Ok(filter) = Filter::read(rule, "match") {
        for name in ["namespaces", "namespaceSelector"] {
            if filter.blocks().iter().any(|block| block.attribute(name).is_some()) {
                found.push(format!("objects that `{name}` of `match` does not select"));
            }
        }
    }
    found
}

fn attribute_names(block: &Block<'_>) -> String {
    let names: Vec<String> =
        block.attributes.iter().map(|found| format!("`{}`", found.name)).collect();
    names.join(" and ")
}

/// Describes the conditions of a MutatingPolicy that are not lists of namespaces.
fn describe_conditions(policy: &Policy<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for condition in policy.conditions() {
        if string_at(condition, "expression").and_then(cel::excluded_lists).is_none() {
            let name = string_at(condition, "name").unwrap_or("");
            found.push(format!("objects for which the condition `{name}` is false"));
        }
    }
    found
}
