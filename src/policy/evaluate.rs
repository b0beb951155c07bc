//! Evaluates whether a rule or a policy excludes a namespace, as far as the file alone can tell.
//!
//! The subject is a Pod of which only the kind and the namespace are known. The answer is
//! [`Ternary::Unknown`] where labels, users or names decide.

use super::cel;
use super::model::{
    Block, Filter, Policy, Rule, is_template, kind_selector, string_at, string_items,
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
        for (name, value) in &block.attributes {
            if attribute_matches(name, value, subject) == Unknown && !found.contains(name) {
                found.push(*name);
            }
        }
    }
    found
}

fn block_matches(block: &Block<'_>, subject: &Subject<'_>) -> Ternary {
    let attributes = block.attributes.iter();
    attributes.map(|(name, value)| attribute_matches(name, value, subject)).min().unwrap_or(No)
}

fn attribute_matches(name: &str, value: &Node, subject: &Subject<'_>) -> Ternary {
    let items = string_items(Some(value));
    match name {
        "kinds" => items.iter().any(|kind| selects_kind(kind, subject)).into(),
        "namespaces"
            if items.iter().any(|glob| wildcard::glob_matches(glob, subject.namespace)) =>
        {
            Yes
        }
        "namespaces" if items.iter().any(|glob| is_template(glob)) => Unknown,
        "namespaces" => No,
        "operations" if items.contains(&"CREATE") => Yes,
        "operations" if subject.has_updates && items.contains(&"UPDATE") => Unknown,
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
    let is_listed = string_items(expression.get("values")).contains(&namespace);
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

/// Evaluates whether a rule excludes the namespace: by `exclude`, or because `match` never matches
/// it. A filter that can't be read excludes nothing for certain.
pub(super) fn rule_excludes(rule: &Rule<'_>, namespace: &str) -> Ternary {
    let exclude = Filter::read(rule, "exclude")
        .map_or(Unknown, |filter| filter_matches(&filter, &Subject::pod(namespace)));
    exclude.max(match_excludes(rule, namespace))
}

/// Evaluates whether `match` excludes the namespace by its name or labels.
pub(super) fn match_excludes(rule: &Rule<'_>, namespace: &str) -> Ternary {
    let Ok(filter) = Filter::read(rule, "match") else {
        return Unknown;
    };
    let blocks = filter.blocks().iter().map(|block| {
        let attributes = block.attributes.iter();
        let by_namespace =
            attributes.filter(|(name, _)| matches!(*name, "namespaces" | "namespaceSelector"));
        let answers = by_namespace
            .map(|(name, value)| attribute_matches(name, value, &Subject::pod(namespace)));
        answers.min().unwrap_or(Yes)
    });
    let matched = match filter {
        Filter::All(_) => blocks.min(),
        _ => blocks.max(),
    };
    !matched.unwrap_or(Yes)
}

/// Evaluates whether a policy with `matchConstraints` excludes the namespace: by its selector or by
/// a condition.
pub(super) fn policy_excludes(policy: &Policy<'_>, namespace: &str) -> Ternary {
    let selected =
        policy.namespace_selector().map_or(Yes, |selector| selector_matches(selector, namespace));
    let conditions = policy.conditions().iter();
    let excluded = conditions.map(|condition| condition_excludes(condition, namespace)).max();
    (!selected).max(excluded.unwrap_or(No))
}

/// Evaluates whether a CEL condition excludes the namespace. A condition that does not mention
/// namespaces is about the Pod, and excludes none.
pub(super) fn condition_excludes(condition: &Node, namespace: &str) -> Ternary {
    let Some(expression) = string_at(condition, "expression") else {
        return Unknown;
    };
    let lists = cel::excluded_lists(expression).unwrap_or_default();
    if lists.iter().any(|list| list.contains(namespace)) {
        return Yes;
    }
    if cel::mentions_namespace_elsewhere(expression) { Unknown } else { No }
}

/// Evaluates whether the `match` of a PolicyException exempts the namespace, for the kinds and
/// operations that it is about.
pub(super) fn exception_matches(filter: &Filter<'_>, namespace: &str) -> Ternary {
    let blocks = filter.blocks().iter().map(|block| {
        let attributes = block.attributes.iter();
        let narrowing = attributes.filter(|(name, _)| !matches!(*name, "kinds" | "operations"));
        narrowing
            .map(|(name, value)| attribute_matches(name, value, &Subject::pod(namespace)))
            .min()
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
