//! What to do about a MutatingPolicy: its namespaces are left out by a label selector or by CEL.

use super::cel;
use super::change::Change;
use super::decide::{Decision, check_list};
use super::error::Error;
use super::evaluate::{NAME_LABEL, Truth, mutating_leaves_out};
use super::model::{Policy, position, refuse, strings, text};
use yaml_spans::diagnostic::Located;
use yaml_spans::{Node, Path};

/// A list of namespaces' names, which a policy leaves out.
struct Names<'a> {
    names: Vec<String>,
    /// The list itself, or the expression that it is part of.
    path: Path,
    node: &'a Node,
    /// Of an expression with lists, which one.
    in_expression: Option<usize>,
}

pub(super) fn decide(policy: &Policy<'_>, namespaces: &[&str]) -> Result<Decision, Located<Error>> {
    let lists = lists(policy);
    let (covered, missing): (Vec<&str>, Vec<&str>) =
        namespaces.iter().partition(|name| mutating_leaves_out(policy, name) == Truth::Yes);
    if let (Some(last), true) = (covered.last(), missing.is_empty()) {
        let named = lists.iter().any(|list| list.names.iter().any(|name| name == last));
        let by = if named { "its name" } else { "the namespace selector" };
        return Ok(Decision::Covered(by.to_owned()));
    }
    let path = policy.path.key("spec");
    let spec = policy.node.get("spec");
    if let Some(targets) = spec.and_then(|spec| spec.get("targetMatchConstraints")) {
        let path = path.key("targetMatchConstraints");
        return Err(refuse(Error::Targets, targets.span, &path));
    }
    // Selector and conditions must all hold: one list is enough, and the selector is the plainer.
    let selector = lists.iter().find(|list| list.in_expression.is_none());
    let expressions: Vec<&Names<'_>> =
        lists.iter().filter(|list| list.in_expression.is_some()).collect();
    let list = match (selector, &expressions[..]) {
        (Some(list), _) => list,
        (None, [list]) => *list,
        (None, []) => {
            let conditions = spec.and_then(|spec| spec.get("matchConditions"));
            let span = conditions.or(spec).and_then(|node| node.span);
            let path = conditions.map_or_else(|| path.clone(), |_| path.key("matchConditions"));
            return Err(refuse(Error::NoList, span, &path));
        }
        (None, [_, second, ..]) => {
            return Err(refuse(Error::SeveralLists, second.node.span, &second.path));
        }
    };
    if list.in_expression.is_none() {
        check_list(list.node, &list.path)?;
    }
    Ok(Decision::Change(vec![match list.in_expression {
        None => Change::append_names(list.path.clone(), &missing),
        Some(index) => Change::AppendInExpression {
            path: list.path.clone(),
            list: index,
            names: missing.into_iter().map(str::to_owned).collect(),
        },
    }]))
}

/// Where the namespace's own name stands.
pub(super) fn listed(policy: &Policy<'_>, namespace: &str) -> Vec<Change> {
    let lists = lists(policy);
    let removal = |list: &Names<'_>| {
        Some(match list.in_expression {
            None => Change::Remove(list.path.index(position(list.node, namespace)?)),
            Some(index) => {
                let item = list.names.iter().position(|name| name == namespace)?;
                Change::RemoveInExpression { path: list.path.clone(), list: index, item }
            }
        })
    };
    lists.iter().filter_map(removal).collect()
}

/// The names that a policy leaves out for certain.
pub(super) fn certain(policy: &Policy<'_>) -> Vec<String> {
    lists(policy).into_iter().flat_map(|list| list.names).collect()
}

fn lists<'a>(policy: &Policy<'a>) -> Vec<Names<'a>> {
    let mut found = Vec::new();
    let Some(spec) = policy.node.get("spec") else {
        return found;
    };
    let path = policy.path.key("spec");
    let selector = spec.get("matchConstraints").and_then(|m| m.get("namespaceSelector"));
    let expressions = selector.and_then(|selector| selector.get("matchExpressions")?.as_sequence());
    let expressions_path =
        path.key("matchConstraints").key("namespaceSelector").key("matchExpressions");
    for (at, expression) in expressions.unwrap_or_default().iter().enumerate() {
        let by_name = text(expression, "key") == Some(NAME_LABEL)
            && text(expression, "operator") == Some("NotIn");
        if let Some(node) = expression.get("values").filter(|_| by_name) {
            let names = strings(Some(node)).into_iter().map(str::to_owned).collect();
            let path = expressions_path.index(at).key("values");
            found.push(Names { names, path, node, in_expression: None });
        }
    }
    let conditions = spec.get("matchConditions").and_then(Node::as_sequence);
    for (at, condition) in conditions.unwrap_or_default().iter().enumerate() {
        let Some(node) = condition.get("expression") else {
            continue;
        };
        let lists = node.as_str().and_then(cel::excluded_lists).unwrap_or_default();
        for (index, list) in lists.into_iter().enumerate() {
            let names = list.items.into_iter().map(|item| item.text).collect();
            let path = path.key("matchConditions").index(at).key("expression");
            found.push(Names { names, path, node, in_expression: Some(index) });
        }
    }
    found
}
