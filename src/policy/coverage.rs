//! The namespaces that each rule of a policy covers, so that two versions of it can be compared.

use std::collections::BTreeSet;

use super::cel;
use super::evaluate::{
    PolicyExclusions, RuleExclusions, Ternary, exception_matches, selector_namespaces,
};
use super::model::{Filter, Kind, Policy, Rule, string_at, string_items};
use yaml_spans::{Node, Path};

/// The namespaces that one rule of a policy covers. An exception has one for each rule that it names:
/// that rule's coverage, as far as the exception leaves it.
#[derive(Debug)]
pub struct Coverage<'a> {
    /// The rule's name, empty for a policy without rules. In an exception `POLICY/RULE`, or the
    /// policy's name alone.
    pub rule: String,
    /// The names and globs of namespaces that it mentions.
    pub namespaces: BTreeSet<String>,
    /// The only namespace that a namespaced policy applies to.
    own_namespace: Option<&'a str>,
    scope: Scope<'a>,
}

#[derive(Debug, Clone)]
enum Scope<'a> {
    Rule(RuleExclusions<'a>),
    Policy(PolicyExclusions<'a>),
    /// The `match` of a `kyverno.io` exception.
    Exception(Filter<'a>),
    /// The `matchConditions` of a `policies.kyverno.io` exception.
    ExceptionConditions(&'a [Node]),
    /// Nothing that can be evaluated.
    Unreadable,
}

impl Coverage<'_> {
    /// Evaluates whether the rule covers Pods of a namespace. A glob is treated as a namespace of
    /// that name: exactly the globs that include all its names match it.
    pub fn covers(&self, namespace: &str) -> Ternary {
        if self.own_namespace.is_some_and(|own| own != namespace) {
            return Ternary::No;
        }
        match &self.scope {
            Scope::Rule(exclusions) => !exclusions.exclude(namespace),
            Scope::Policy(exclusions) => !exclusions.exclude(namespace),
            Scope::Exception(filter) => !exception_matches(filter, namespace),
            Scope::ExceptionConditions(conditions) => !conditions
                .iter()
                .map(|condition| match required_namespace(condition) {
                    Some(required) => (required == namespace).into(),
                    None => Ternary::Unknown,
                })
                .min()
                .unwrap_or(Ternary::Yes),
            Scope::Unreadable => Ternary::Unknown,
        }
    }
}

/// The coverage of each rule of a policy, or of each rule that an exception names. Empty for any other
/// object.
pub fn policy_coverage(object: &Node) -> Vec<Coverage<'_>> {
    let group = string_at(object, "apiVersion").and_then(|version| version.split_once('/'));
    let (Some((group, _)), Some(kind)) = (group, string_at(object, "kind")) else {
        return Vec::new();
    };
    match (group, kind) {
        ("kyverno.io", "PolicyException") => rule_exceptions(object),
        ("policies.kyverno.io", "PolicyException") => policy_exceptions(object),
        ("kyverno.io", "ClusterPolicy" | "Policy") => {
            let policy = as_policy(object, Kind::ClusterPolicy);
            let own_namespace = if kind == "Policy" { namespace_of(object) } else { None };
            let rules = policy.rules().into_iter();
            rules.map(|rule| rule_coverage(rule, own_namespace)).collect()
        }
        ("policies.kyverno.io", _) => {
            let policy = as_policy(object, Kind::MutatingPolicy);
            let is_namespaced = kind.starts_with("Namespaced");
            vec![Coverage {
                rule: String::new(),
                namespaces: constraint_namespaces(&policy),
                own_namespace: if is_namespaced { namespace_of(object) } else { None },
                scope: Scope::Policy(PolicyExclusions::read(&policy)),
            }]
        }
        _ => Vec::new(),
    }
}

/// Reads any policy that has the shape of one of the two kinds.
fn as_policy(node: &Node, kind: Kind) -> Policy<'_> {
    Policy { kind, name: "", document: 0, path: Path::root(), node }
}

fn namespace_of(object: &Node) -> Option<&str> {
    string_at(object.get("metadata")?, "namespace")
}

fn rule_coverage<'a>(rule: Rule<'a>, own_namespace: Option<&'a str>) -> Coverage<'a> {
    let filters = ["match", "exclude"].into_iter().filter_map(|key| Filter::read(&rule, key).ok());
    let namespaces = filters.flat_map(|filter| filter_namespaces(&filter)).collect();
    let scope = Scope::Rule(RuleExclusions::read(&rule));
    Coverage { rule: rule.name.to_owned(), namespaces, own_namespace, scope }
}

fn filter_namespaces(filter: &Filter<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for block in filter.blocks() {
        let by_selector = block.attribute("namespaceSelector").map(selector_namespaces);
        let names = block.namespaces().into_iter().chain(by_selector.into_iter().flatten());
        found.extend(names.map(str::to_owned));
    }
    found
}

fn constraint_namespaces(policy: &Policy<'_>) -> BTreeSet<String> {
    let by_selector = policy.namespace_selector().map(selector_namespaces).unwrap_or_default();
    let expressions =
        policy.conditions().iter().filter_map(|condition| string_at(condition, "expression"));
    let lists = expressions.filter_map(cel::excluded_lists).flatten();
    let by_condition = lists.flat_map(|list| list.items).map(|item| item.text);
    by_selector.into_iter().map(str::to_owned).chain(by_condition).collect()
}

/// The rules that a `kyverno.io` exception names.
fn rule_exceptions(object: &Node) -> Vec<Coverage<'_>> {
    let Some(spec) = object.get("spec") else {
        return Vec::new();
    };
    let scope = match Filter::read(&Rule { name: "", path: Path::root(), node: spec }, "match") {
        Ok(filter) if spec.get("conditions").is_none() => Scope::Exception(filter),
        _ => Scope::Unreadable,
    };
    let namespaces = match &scope {
        Scope::Exception(filter) => filter_namespaces(filter),
        _ => BTreeSet::new(),
    };
    let mut found = Vec::new();
    for exception in spec.get("exceptions").and_then(Node::as_sequence).unwrap_or_default() {
        let policy = string_at(exception, "policyName").unwrap_or_default();
        for rule in string_items(exception.get("ruleNames")) {
            found.push(Coverage {
                rule: format!("{policy}/{rule}"),
                namespaces: namespaces.clone(),
                own_namespace: None,
                scope: scope.clone(),
            });
        }
    }
    found
}

/// The policies that a `policies.kyverno.io` exception names.
fn policy_exceptions(object: &Node) -> Vec<Coverage<'_>> {
    let Some(spec) = object.get("spec") else {
        return Vec::new();
    };
    let conditions = spec.get("matchConditions").and_then(Node::as_sequence).unwrap_or_default();
    let mut found = Vec::new();
    for policy in spec.get("policyRefs").and_then(Node::as_sequence).unwrap_or_default() {
        found.push(Coverage {
            rule: string_at(policy, "name").unwrap_or_default().to_owned(),
            namespaces: conditions.iter().filter_map(required_namespace).collect(),
            own_namespace: None,
            scope: Scope::ExceptionConditions(conditions),
        });
    }
    found
}

fn required_namespace(condition: &Node) -> Option<String> {
    cel::required_namespace(string_at(condition, "expression")?)
}
