//! Evaluates whether a rule or a policy excludes a namespace, as far as the file alone can tell.
//!
//! The subject is a Pod of which only the kind and the namespace are known. The answer is
//! [`Ternary::Unknown`] where labels, users or names decide.

use std::collections::HashSet;

use super::cel;
use super::model::{
    Attribute, Block, Filter, Policy, Rule, kind_selector, string_at, string_items, string_position,
};
use super::wildcard;
use kube_formats::name::is_dns_label;
use yaml_spans::{Node, Value};

/// An answer that may be unknown. Ordered, so that `min` is "and" and `max` is "or".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ternary {
    /// Certainly not.
    No,
    /// The file alone does not tell.
    Unknown,
    /// Certainly.
    Yes,
}

use Ternary::{No, Unknown, Yes};

impl From<bool> for Ternary {
    fn from(value: bool) -> Self {
        if value { Yes } else { No }
    }
}

impl std::ops::Not for Ternary {
    type Output = Ternary;

    fn not(self) -> Ternary {
        match self {
            No => Yes,
            Unknown => Unknown,
            Yes => No,
        }
    }
}

/// The label that Kubernetes sets on every namespace
/// (<https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name>).
pub(super) const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The object that a filter is evaluated for, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub namespace: &'a str,
    pub kind: &'a str,
    /// The API group; empty for Kubernetes' core.
    pub group: &'a str,
    /// Its updates count too, not only its creation.
    pub has_updates: bool,
}

impl<'a> Subject<'a> {
    /// A new Pod of a namespace.
    pub fn pod(namespace: &'a str) -> Self {
        Subject { namespace, kind: "Pod", group: "", has_updates: false }
    }
}

/// Evaluates `match` or `exclude` for an object. Within a block all attributes must match; an empty
/// block matches nothing (`pkg/engine/utils/match.go` of kyverno 1.19).
pub(super) fn filter_matches(filter: &Filter<'_>, subject: &Subject<'_>) -> Ternary {
    let blocks = filter.blocks().iter().map(|block| block_matches(block, subject));
    match filter {
        Filter::All(_) => blocks.min().unwrap_or(No),
        _ => blocks.max().unwrap_or(No),
    }
}

/// The attributes of a filter whose answer is not known, each once.
pub(super) fn undecided_attributes<'a>(filter: &Filter<'a>, subject: &Subject<'_>) -> Vec<&'a str> {
    let mut found = Vec::new();
    let undecided = |block: &&Block<'a>| block_matches(block, subject) == Unknown;
    for block in filter.blocks().iter().filter(undecided) {
        for attribute in &block.attributes {
            if attribute_matches(attribute, subject) == Unknown && !found.contains(&attribute.name)
            {
                found.push(attribute.name);
            }
        }
    }
    found
}

fn block_matches(block: &Block<'_>, subject: &Subject<'_>) -> Ternary {
    let attributes = block.attributes.iter();
    attributes.map(|attribute| attribute_matches(attribute, subject)).min().unwrap_or(No)
}

fn attribute_matches(attribute: &Attribute<'_>, subject: &Subject<'_>) -> Ternary {
    let Attribute { name, value, patterns } = attribute;
    match *name {
        "kinds" => string_items(Some(value)).iter().any(|kind| selects_kind(kind, subject)).into(),
        "namespaces" if patterns.matches(subject.namespace) => Yes,
        "namespaces" if patterns.has_templates => Unknown,
        "namespaces" => No,
        "operations" if string_position(value, "CREATE").is_some() => Yes,
        "operations" if subject.has_updates && string_position(value, "UPDATE").is_some() => {
            Unknown
        }
        "operations" => No,
        "namespaceSelector" => selector_matches(value, subject.namespace),
        "name" if value.as_str() == Some("*") => Yes,
        _ => Unknown,
    }
}

/// Returns true if an entry of `kinds` selects the object itself. All of Kubernetes' Pods and
/// controllers are at version `v1`.
fn selects_kind(selector: &str, subject: &Subject<'_>) -> bool {
    let selector = kind_selector(selector);
    [
        (selector.group, subject.group),
        (selector.version, "v1"),
        (selector.kind, subject.kind),
        (selector.subresource, ""),
    ]
    .iter()
    .all(|(pattern, name)| wildcard::glob_matches(pattern, name))
}

/// Evaluates a selector over the namespace's labels, of which only [`NAME_LABEL`] is known.
pub(super) fn selector_matches(selector: &Node, namespace: &str) -> Ternary {
    let labels = selector.get("matchLabels").and_then(Node::as_mapping);
    let labels = labels.into_iter().flatten().map(|(key, entry)| match entry.node.as_str() {
        Some(value) if key == NAME_LABEL => wildcard::glob_matches(value, namespace).into(),
        _ => Unknown,
    });
    let expressions = selector.get("matchExpressions").and_then(Node::as_sequence);
    let expressions = expressions.unwrap_or_default().iter();
    let expressions = expressions.map(|expression| expression_matches(expression, namespace));
    labels.chain(expressions).min().unwrap_or(Yes)
}

/// Evaluates one of a selector's `matchExpressions`.
fn expression_matches(expression: &Node, namespace: &str) -> Ternary {
    if string_at(expression, "key") != Some(NAME_LABEL) {
        return Unknown;
    }
    let values = expression.get("values");
    let is_listed = values.and_then(|values| string_position(values, namespace)).is_some();
    match string_at(expression, "operator") {
        Some("In") => is_listed.into(),
        Some("NotIn") => (!is_listed).into(),
        Some("Exists") => Yes,
        Some("DoesNotExist") => No,
        _ => Unknown,
    }
}

/// The names and globs that a namespace selector mentions.
pub(super) fn selector_namespaces(selector: &Node) -> Vec<&str> {
    let label = selector.get("matchLabels").and_then(|labels| string_at(labels, NAME_LABEL));
    let expressions = selector.get("matchExpressions").and_then(Node::as_sequence);
    let expressions = expressions.unwrap_or_default().iter();
    let by_name = expressions.filter(|term| string_at(term, "key") == Some(NAME_LABEL));
    label.into_iter().chain(by_name.flat_map(|term| string_items(term.get("values")))).collect()
}

/// The exclusions of a rule or a policy, read once for questions about many namespaces.
#[derive(Debug, Clone)]
pub(super) enum Exclusions<'a> {
    /// Those of a rule of a ClusterPolicy.
    Rule(RuleExclusions<'a>),
    /// Those of a policy with `matchConstraints`.
    Policy(PolicyExclusions<'a>),
}

impl Exclusions<'_> {
    /// Evaluates whether a Pod of the namespace is excluded.
    pub fn exclude(&self, namespace: &str) -> Ternary {
        match self {
            Exclusions::Rule(rule) => rule.exclude(namespace),
            Exclusions::Policy(policy) => policy.exclude(namespace),
        }
    }
}

/// A rule's filters; none for one that can't be read.
#[derive(Debug, Clone)]
pub(super) struct RuleExclusions<'a> {
    exclude: Option<Filter<'a>>,
    matched: Option<Filter<'a>>,
}

impl<'a> RuleExclusions<'a> {
    pub fn read(rule: &Rule<'a>) -> Self {
        let [exclude, matched] = ["exclude", "match"].map(|key| Filter::read(rule, key).ok());
        RuleExclusions { exclude, matched }
    }

    /// Evaluates whether the rule excludes the namespace: by `exclude`, or because `match` never matches
    /// it. A filter that can't be read excludes nothing for certain.
    pub fn exclude(&self, namespace: &str) -> Ternary {
        let exclude = self.exclude.as_ref();
        exclude
            .map_or(Unknown, |filter| filter_matches(filter, &Subject::pod(namespace)))
            .max(self.match_excludes(namespace))
    }

    /// Evaluates whether `match` excludes the namespace by its name or labels.
    pub fn match_excludes(&self, namespace: &str) -> Ternary {
        let Some(filter) = &self.matched else {
            return Unknown;
        };
        let blocks = filter.blocks().iter().map(|block| {
            let attributes = block.attributes.iter();
            let by_namespace =
                attributes.filter(|found| matches!(found.name, "namespaces" | "namespaceSelector"));
            let answers =
                by_namespace.map(|found| attribute_matches(found, &Subject::pod(namespace)));
            answers.min().unwrap_or(Yes)
        });
        let matched = match filter {
            Filter::All(_) => blocks.min(),
            _ => blocks.max(),
        };
        !matched.unwrap_or(Yes)
    }
}

/// The selector and the conditions of a policy with `matchConstraints`.
#[derive(Debug, Clone)]
pub(super) struct PolicyExclusions<'a> {
    selector: Option<&'a Node>,
    conditions: Vec<ConditionExclusions>,
}

/// The exclusions of a CEL condition.
#[derive(Debug, Clone)]
struct ConditionExclusions {
    /// The names in its lists.
    names: HashSet<String>,
    /// The answer for any other namespace.
    otherwise: Ternary,
}

impl<'a> PolicyExclusions<'a> {
    pub fn read(policy: &Policy<'a>) -> Self {
        PolicyExclusions {
            selector: policy.namespace_selector(),
            conditions: policy.conditions().iter().map(ConditionExclusions::read).collect(),
        }
    }

    /// Evaluates whether the policy excludes the namespace: by its selector or by a condition.
    pub fn exclude(&self, namespace: &str) -> Ternary {
        let selected = self.selector.map_or(Yes, |selector| selector_matches(selector, namespace));
        let conditions = self.conditions.iter();
        let excluded = conditions.map(|condition| match condition.names.contains(namespace) {
            true => Yes,
            false => condition.otherwise,
        });
        (!selected).max(excluded.max().unwrap_or(No))
    }
}

impl ConditionExclusions {
    /// A condition that does not mention namespaces is about the Pod, and excludes none.
    fn read(condition: &Node) -> Self {
        let Some(expression) = string_at(condition, "expression") else {
            return ConditionExclusions { names: HashSet::new(), otherwise: Unknown };
        };
        let lists = cel::excluded_lists(expression).unwrap_or_default();
        let items = lists.into_iter().flat_map(|list| list.items);
        let is_unknown = cel::mentions_namespace_elsewhere(expression);
        ConditionExclusions {
            names: items.map(|item| item.text).collect(),
            otherwise: if is_unknown { Unknown } else { No },
        }
    }
}

/// Evaluates whether the `match` of a PolicyException exempts the namespace, for the kinds and
/// operations that it is about.
pub(super) fn exception_matches(filter: &Filter<'_>, namespace: &str) -> Ternary {
    let blocks = filter.blocks().iter().map(|block| {
        let attributes = block.attributes.iter();
        let narrowing = attributes.filter(|found| !matches!(found.name, "kinds" | "operations"));
        narrowing.map(|found| attribute_matches(found, &Subject::pod(namespace))).min()
    });
    let blocks = blocks.map(|answer| answer.unwrap_or(Yes));
    match filter {
        Filter::All(_) => blocks.min().unwrap_or(No),
        _ => blocks.max().unwrap_or(No),
    }
}

/// Collects every string of a policy that could be a namespace's name.
pub(super) fn collect_names(node: &Node, found: &mut Vec<String>) {
    match &node.value {
        Value::String(name) if is_dns_label(name) => found.push(name.clone()),
        Value::Sequence(items) => items.iter().for_each(|item| collect_names(item, found)),
        Value::Mapping(map) => map.values().for_each(|entry| collect_names(&entry.node, found)),
        _ => {}
    }
}
