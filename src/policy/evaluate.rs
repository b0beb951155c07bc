//! Whether a rule or a policy leaves a Pod of a namespace out, as far as the file alone can tell.
//!
//! Of the Pod, its kind and its namespace are known, nothing else. So an answer may be "perhaps":
//! where labels, users or names decide.

use super::cel;
use super::model::{Block, Filter, Policy, Rule, strings, text};
use super::wildcard;
use yaml_spans::{Node, Value};

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Truth {
    No,
    Perhaps,
    Yes,
}

use Truth::{No, Perhaps, Yes};

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Yes } else { No }
    }
}

impl std::ops::Not for Truth {
    type Output = Truth;

    fn not(self) -> Truth {
        match self {
            No => Yes,
            Perhaps => Perhaps,
            Yes => No,
        }
    }
}

/// The label that Kubernetes sets on every namespace
/// (<https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name>).
pub(super) const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Whether a Pod of the namespace is chosen by `match` or `exclude`. Within a block all attributes
/// must hold; an empty block chooses nothing (`pkg/engine/utils/match.go` of kyverno 1.19).
pub(super) fn chosen(filter: &Filter<'_>, namespace: &str) -> Truth {
    let blocks = filter.blocks().iter().map(|block| block_chooses(block, namespace));
    match filter {
        Filter::All(_) => blocks.min().unwrap_or(No),
        _ => blocks.max().unwrap_or(No),
    }
}

fn block_chooses(block: &Block<'_>, namespace: &str) -> Truth {
    let attributes = block.attributes.iter();
    attributes.map(|(name, value)| attribute_holds(name, value, namespace)).min().unwrap_or(No)
}

fn attribute_holds(name: &str, value: &Node, namespace: &str) -> Truth {
    match name {
        "kinds" => strings(Some(value)).iter().any(|kind| is_pod(kind)).into(),
        "namespaces" => {
            strings(Some(value)).iter().any(|glob| wildcard::matches(glob, namespace)).into()
        }
        "operations" => strings(Some(value)).contains(&"CREATE").into(),
        "namespaceSelector" => selector_holds(value, namespace),
        "name" if value.as_str() == Some("*") => Yes,
        _ => Perhaps,
    }
}

/// Whether a kind selector (`Pod`, `v1/Pod`, `*`, `*/*`) takes Pods
/// (`pkg/utils/kube/kind.go` of kyverno 1.19, `ParseKindSelector`); Pods are of the empty group.
fn is_pod(selector: &str) -> bool {
    let parts: Vec<&str> = selector.split('/').collect();
    let is_version = |part: &str| {
        part == "*" || part.strip_prefix('v').is_some_and(|v| v.starts_with(char::is_numeric))
    };
    let kind = match parts[..] {
        [kind] | [kind, "*"] => kind,
        [version, kind] if is_version(version) => kind,
        ["" | "*", version, kind] if is_version(version) => kind,
        _ => return false,
    };
    !kind.contains('.') && wildcard::matches(kind, "Pod")
}

/// A label selector over the namespace's labels, of which only [`NAME_LABEL`] is known.
pub(super) fn selector_holds(selector: &Node, namespace: &str) -> Truth {
    let labels = selector.get("matchLabels").and_then(Node::as_mapping);
    let labels = labels.into_iter().flatten().map(|(key, entry)| match entry.node.as_str() {
        Some(value) if key == NAME_LABEL => wildcard::matches(value, namespace).into(),
        _ => Perhaps,
    });
    let expressions = selector.get("matchExpressions").and_then(Node::as_sequence);
    let expressions = expressions.unwrap_or_default().iter().map(|expression| {
        if text(expression, "key") != Some(NAME_LABEL) {
            return Perhaps;
        }
        let named = strings(expression.get("values")).contains(&namespace);
        match text(expression, "operator") {
            Some("In") => named.into(),
            Some("NotIn") => (!named).into(),
            Some("Exists") => Yes,
            Some("DoesNotExist") => No,
            _ => Perhaps,
        }
    });
    labels.chain(expressions).min().unwrap_or(Yes)
}

/// Whether a rule leaves a Pod of the namespace out: by `exclude`, or because `match` never chooses
/// it by its namespace. A block that a mistake makes unreadable leaves nothing out for sure.
pub(super) fn rule_leaves_out(rule: &Rule<'_>, namespace: &str) -> Truth {
    let exclude =
        Filter::read(rule, "exclude").map_or(Perhaps, |filter| chosen(&filter, namespace));
    exclude.max(match_leaves_out(rule, namespace))
}

/// Whether `match` leaves the namespace out by what it says about namespaces.
pub(super) fn match_leaves_out(rule: &Rule<'_>, namespace: &str) -> Truth {
    let Ok(filter) = Filter::read(rule, "match") else {
        return Perhaps;
    };
    let about_namespaces = |block: &Block<'_>| {
        let named = |name: &str| {
            block.attribute(name).map_or(Yes, |value| attribute_holds(name, value, namespace))
        };
        named("namespaces").min(named("namespaceSelector"))
    };
    let blocks = filter.blocks().iter().map(about_namespaces);
    let chosen = match filter {
        Filter::All(_) => blocks.min(),
        _ => blocks.max(),
    };
    !chosen.unwrap_or(Yes)
}

/// Whether a MutatingPolicy leaves a Pod of the namespace out: by its selector or a condition.
pub(super) fn mutating_leaves_out(policy: &Policy<'_>, namespace: &str) -> Truth {
    let spec = policy.node.get("spec");
    let selector = spec.and_then(|s| s.get("matchConstraints")?.get("namespaceSelector"));
    let selected = selector.map_or(Yes, |selector| selector_holds(selector, namespace));
    let conditions = spec.and_then(|spec| spec.get("matchConditions")?.as_sequence());
    let conditions = conditions.unwrap_or_default().iter().map(|condition| {
        let lists = text(condition, "expression").and_then(cel::excluded_lists);
        match lists {
            Some(lists) => {
                let named = |list: &cel::List| list.items.iter().any(|item| item.text == namespace);
                if lists.iter().any(named) { Yes } else { Perhaps }
            }
            None => Perhaps,
        }
    });
    (!selected).max(conditions.max().unwrap_or(No))
}

/// Every name of a namespace that a policy speaks of, globs left out.
pub(super) fn names(node: &Node, found: &mut Vec<String>) {
    match &node.value {
        Value::String(name) if super::is_namespace(name) => found.push(name.clone()),
        Value::Sequence(items) => items.iter().for_each(|item| names(item, found)),
        Value::Mapping(map) => map.values().for_each(|entry| names(&entry.node, found)),
        _ => {}
    }
}
