//! Evaluates whether a rule or a policy excludes a namespace, as far as the file alone can tell.
//!
//! The subject is a Pod of which only the kind and the namespace are known. The answer is
//! [`Ternary::Unknown`] where labels, users or names decide.

use super::cel;
use super::model::{Block, Filter, Policy, Rule, string_at, string_items};
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

/// Evaluates `match` or `exclude` for a Pod of the namespace. Within a block all attributes must
/// match; an empty block matches nothing (`pkg/engine/utils/match.go` of kyverno 1.19).
pub(super) fn filter_matches(filter: &Filter<'_>, namespace: &str) -> Ternary {
    let blocks = filter.blocks().iter().map(|block| block_matches(block, namespace));
    match filter {
        Filter::All(_) => blocks.min().unwrap_or(No),
        _ => blocks.max().unwrap_or(No),
    }
}

fn block_matches(block: &Block<'_>, namespace: &str) -> Ternary {
    let attributes = block.attributes.iter();
    attributes.map(|(name, value)| attribute_matches(name, value, namespace)).min().unwrap_or(No)
}

fn attribute_matches(name: &str, value: &Node, namespace: &str) -> Ternary {
    match name {
        "kinds" => string_items(Some(value)).iter().any(|kind| selects_pods(kind)).into(),
        "namespaces" => string_items(Some(value))
            .iter()
            .any(|glob| wildcard::glob_matches(glob, namespace))
            .into(),
        "operations" => string_items(Some(value)).contains(&"CREATE").into(),
        "namespaceSelector" => selector_matches(value, namespace),
        "name" if value.as_str() == Some("*") => Yes,
        _ => Unknown,
    }
}

/// Returns true if a kind selector (`Pod`, `v1/Pod`, `*`, `*/*`) includes Pods, which are in the
/// empty group (`pkg/utils/kube/kind.go` of kyverno 1.19, `ParseKindSelector`).
fn selects_pods(selector: &str) -> bool {
    let parts: Vec<&str> = selector.split('/').collect();
    let kind = match parts[..] {
        [kind] | [kind, "*"] => kind,
        [version, kind] if is_version(version) => kind,
        ["" | "*", version, kind] if is_version(version) => kind,
        _ => return false,
    };
    !kind.contains('.') && wildcard::glob_matches(kind, "Pod")
}

fn is_version(part: &str) -> bool {
    part == "*" || part.strip_prefix('v').is_some_and(|v| v.starts_with(char::is_numeric))
}

/// Evaluates a selector over the namespace's labels, of which only [`NAME_LABEL`] is known.
fn selector_matches(selector: &Node, namespace: &str) -> Ternary {
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
    let exclude =
        Filter::read(rule, "exclude").map_or(Unknown, |filter| filter_matches(&filter, namespace));
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
        let answers = by_namespace.map(|(name, value)| attribute_matches(name, value, namespace));
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
        narrowing.map(|(name, value)| attribute_matches(name, value, namespace)).min()
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
