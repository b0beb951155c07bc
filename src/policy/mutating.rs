//! Decides how a MutatingPolicy excludes a namespace: by a label selector or by CEL.

use super::cel;
use super::change::Change;
use super::decide::{Decision, check_name_list};
use super::error::Error;
use super::evaluate::{NAME_LABEL, PolicyExclusions, Ternary};
use super::model::{Policy, error_at, string_at, string_items, string_position};
use yaml_spans::diagnostic::Located;
use yaml_spans::{Node, Path};

/// A list of namespaces that a policy excludes.
struct NameList<'a> {
    names: Vec<String>,
    /// The list itself, or the expression that it is part of.
    path: Path,
    node: &'a Node,
    /// The index of the list among those of an expression.
    in_expression: Option<usize>,
}

/// Decides how a policy excludes some namespaces. Those that it excludes already need nothing.
pub(super) fn decide_for_policy(
    policy: &Policy<'_>,
    namespaces: &[&str],
) -> Result<Decision, Located<Error>> {
    let lists = name_lists(policy);
    let exclusions = PolicyExclusions::read(policy);
    let (excluded, missing): (Vec<&str>, Vec<&str>) =
        namespaces.iter().partition(|name| exclusions.exclude(name) == Ternary::Yes);
    if let (Some(last), true) = (excluded.last(), missing.is_empty()) {
        let is_named = lists.iter().any(|list| list.names.iter().any(|name| name == last));
        let reason = if is_named { "its name" } else { "the namespace selector" };
        return Ok(Decision::AlreadyExcluded(reason.to_owned()));
    }
    let targets = policy.node.get("spec").and_then(|spec| spec.get("targetMatchConstraints"));
    if let Some(targets) = targets {
        let path = policy.path.key("spec").key("targetMatchConstraints");
        return Err(error_at(Error::Targets, targets.span, &path));
    }
    if let Some(resources) = cluster_scoped_resources(policy) {
        return Ok(Decision::NothingToExclude(resources));
    }
    let Some(list) = editable_list(&lists)? else {
        return Ok(Decision::Change(vec![own_condition(policy, &missing)]));
    };
    Ok(Decision::Change(vec![match list.in_expression {
        None => Change::append_names(list.path.clone(), &missing),
        Some(index) => Change::AppendInExpression {
            path: list.path.clone(),
            list: index,
            names: missing.into_iter().map(str::to_owned).collect(),
        },
    }]))
}

/// The resources that a policy is only about, if all are cluster-scoped. Namespaces are not among them: a request for
/// one has its name as the namespace.
pub(super) fn cluster_scoped_resources(policy: &Policy<'_>) -> Option<String> {
    let constraints = policy.node.get("spec")?.get("matchConstraints")?;
    let mut names = Vec::new();
    for rule in constraints.get("resourceRules")?.as_sequence()? {
        let groups = string_items(rule.get("apiGroups"));
        let resources = string_items(rule.get("resources"));
        if groups.is_empty() || resources.is_empty() {
            return None;
        }
        for resource in resources {
            let plural = resource.split('/').next().unwrap_or_default();
            let is_cluster_scoped =
                |group: &&str| kube_validate::is_cluster_scoped_resource(group, plural);
            if plural == "namespaces" || !groups.iter().all(is_cluster_scoped) {
                return None;
            }
            names.push(format!("`{resource}`"));
        }
    }
    (!names.is_empty()).then(|| names.join(", "))
}

/// The list to append to, if there is one. Selector and conditions must all match, so one list is
/// enough, and the selector's is the simpler one.
fn editable_list<'l, 'a>(
    lists: &'l [NameList<'a>],
) -> Result<Option<&'l NameList<'a>>, Located<Error>> {
    if let Some(list) = lists.iter().find(|list| list.in_expression.is_none()) {
        check_name_list(list.node, &list.path)?;
        return Ok(Some(list));
    }
    match lists {
        [list] => Ok(Some(list)),
        [] => Ok(None),
        [_, second, ..] => Err(error_at(Error::SeveralLists, second.node.span, &second.path)),
    }
}

/// The name of the condition that is added to a policy without a list.
const OWN_CONDITION: &str = "exclude-namespaces";

/// A condition of its own. All conditions must be true, so it changes nothing for other namespaces.
fn own_condition(policy: &Policy<'_>, namespaces: &[&str]) -> Change {
    let spec = policy.path.key("spec");
    let names: Vec<&str> =
        policy.conditions().iter().filter_map(|condition| string_at(condition, "name")).collect();
    let numbered = (2..).map(|number| format!("{OWN_CONDITION}-{number}"));
    let name = std::iter::once(OWN_CONDITION.to_owned())
        .chain(numbered)
        .find(|name| !names.contains(&name.as_str()))
        .unwrap_or_default();
    let has_key = policy.node.get("spec").is_some_and(|spec| spec.get("matchConditions").is_some());
    if has_key {
        Change::append_condition(spec.key("matchConditions"), &name, namespaces)
    } else {
        Change::insert_conditions(spec, &name, namespaces)
    }
}

/// The possible removals of a namespace's own name, the largest first: all conditions, the condition
/// that an edit added, the name alone.
pub(super) fn policy_removals(policy: &Policy<'_>, namespace: &str) -> Vec<Change> {
    let mut found = Vec::new();
    for list in name_lists(policy) {
        if list.in_expression.is_some() && list.names == [namespace] {
            let condition = list.path.parent();
            let conditions = condition.as_ref().and_then(Path::parent);
            if policy.conditions().len() == 1 {
                found.extend(conditions.map(Change::Remove));
            }
            found.extend(condition.map(Change::Remove));
        }
        found.extend(list_removal(&list, namespace));
    }
    found
}

fn list_removal(list: &NameList<'_>, namespace: &str) -> Option<Change> {
    Some(match list.in_expression {
        None => Change::Remove(list.path.index(string_position(list.node, namespace)?)),
        Some(index) => {
            let item = list.names.iter().position(|name| name == namespace)?;
            Change::RemoveInExpression { path: list.path.clone(), list: index, item }
        }
    })
}

/// The names that a policy excludes for certain.
pub(super) fn policy_exclusions(policy: &Policy<'_>) -> Vec<String> {
    name_lists(policy).into_iter().flat_map(|list| list.names).collect()
}

fn name_lists<'a>(policy: &Policy<'a>) -> Vec<NameList<'a>> {
    let mut found = Vec::new();
    let path = policy.path.key("spec");
    let expressions = policy
        .namespace_selector()
        .and_then(|selector| selector.get("matchExpressions")?.as_sequence());
    let expressions_path =
        path.key("matchConstraints").key("namespaceSelector").key("matchExpressions");
    for (at, expression) in expressions.unwrap_or_default().iter().enumerate() {
        let by_name = string_at(expression, "key") == Some(NAME_LABEL)
            && string_at(expression, "operator") == Some("NotIn");
        if let Some(node) = expression.get("values").filter(|_| by_name) {
            let names = string_items(Some(node)).into_iter().map(str::to_owned).collect();
            let path = expressions_path.index(at).key("values");
            found.push(NameList { names, path, node, in_expression: None });
        }
    }
    for (at, condition) in policy.conditions().iter().enumerate() {
        let Some(node) = condition.get("expression") else {
            continue;
        };
        let lists = node.as_str().and_then(cel::excluded_lists).unwrap_or_default();
        for (index, list) in lists.into_iter().enumerate() {
            let names = list.items.into_iter().map(|item| item.text).collect();
            let path = path.key("matchConditions").index(at).key("expression");
            found.push(NameList { names, path, node, in_expression: Some(index) });
        }
    }
    found
}
