//! Shows which namespaces the policies of a file exclude, and their effect on a Pod.

use super::Errors;
use super::cel;
use super::decide::{describe_exclusion, rule_exclusions};
use super::error::Error;
use super::evaluate::{
    Ternary, condition_excludes, filter_matches, policy_excludes, rule_excludes,
};
use super::model::{
    Block, Filter, Kind, Policy, Rule, error_at, find_policies, string_at, string_items,
};
use super::mutating::policy_exclusions;
use super::wildcard;
use super::wildcard::glob_matches;
use serde::{Serialize, Serializer};
use yaml_spans::source::{Source, SourceId, Sources, Span};
use yaml_spans::{Dialect, Node, Path, Value, parse};

/// The Pod whose priority is of interest.
#[derive(Debug, Clone, Copy)]
pub struct Tenant<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// The priority class in its template.
    pub priority_class: Option<&'a str>,
    /// The extended resource that it requests.
    pub resource: &'a str,
}

/// One policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Its kind.
    #[serde(serialize_with = "serialize_kind")]
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its rules; a MutatingPolicy has one without a name.
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
    /// Its effect on the Pod, in words, if there is a tenant.
    pub effect: Option<String>,
    /// The kind of that effect.
    pub verdict: Option<Verdict>,
}

/// A rule's effect on the priority of a Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// The Pod keeps its priority.
    Keeps,
    /// It depends on labels, users or conditions that the file does not show.
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
    let documents = parse(sources, source, Dialect::Kubectl).map_err(|errors| {
        errors.into_iter().map(|error| error.map(Error::Parse)).collect::<Errors>()
    })?;
    let policies = find_policies(&documents);
    if policies.is_empty() {
        let start = Some(Span::new(source, 0, 0));
        return Err(vec![error_at(Error::NoPolicy, start, &Path::root())]);
    }
    Ok(policies.iter().map(|policy| show_policy(policy, tenant)).collect())
}

fn show_policy(policy: &Policy<'_>, tenant: Option<&Tenant<'_>>) -> Shown {
    let rules = match policy.kind {
        Kind::ClusterPolicy => policy.rules().iter().map(|rule| show_rule(rule, tenant)).collect(),
        Kind::MutatingPolicy => {
            let (verdict, effect) = tenant.map(|tenant| policy_effect(policy, tenant)).unzip();
            vec![ShownRule {
                name: None,
                excluded: policy_exclusions(policy),
                also_excluded: describe_conditions(policy),
                effect,
                verdict,
            }]
        }
    };
    Shown { kind: policy.kind, name: policy.name.to_owned(), rules }
}

fn show_rule(rule: &Rule<'_>, tenant: Option<&Tenant<'_>>) -> ShownRule {
    let (verdict, effect) = tenant.map(|tenant| rule_effect(rule, tenant)).unzip();
    ShownRule {
        name: Some(rule.name.to_owned()),
        excluded: rule_exclusions(rule).into_iter().map(str::to_owned).collect(),
        also_excluded: describe_other_exclusions(rule),
        effect,
        verdict,
    }
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
    let names: Vec<String> = block.attributes.iter().map(|(name, _)| format!("`{name}`")).collect();
    names.join(" and ")
}

/// The part of a mutation that sets a Pod's priority.
#[derive(Debug, Default, PartialEq)]
struct PriorityChange {
    class: Option<String>,
    priority: Option<String>,
    /// It only applies to a Pod without a class.
    if_missing: bool,
    /// There is a change that is not understood here.
    unknown: bool,
}

fn rule_effect(rule: &Rule<'_>, tenant: &Tenant<'_>) -> (Verdict, String) {
    let change =
        rule.node.get("mutate").map_or_else(PriorityChange::default, mutate_priority_change);
    let matched = Filter::read(rule, "match")
        .map_or(Ternary::Unknown, |filter| filter_matches(&filter, tenant.namespace));
    let preconditions = rule.node.get("preconditions");
    let preconditions = preconditions.map_or(Ternary::Yes, |node| preconditions_hold(node, tenant));
    let excluded = rule_excludes(rule, tenant.namespace);
    let exclusion = Filter::read(rule, "exclude")
        .ok()
        .filter(|filter| filter_matches(filter, tenant.namespace) == Ternary::Yes)
        .map(|filter| format!("excluded by {}", describe_exclusion(&filter, tenant.namespace)));
    let applies = matched.min(preconditions).min(!excluded);
    let origin = format!("rule {}", rule.name);
    describe_effect(&change, applies, exclusion.as_deref(), &origin, tenant)
}

/// The parts of a MutatingPolicy that decide whether it applies to the tenant's Pod.
struct Matched {
    pods: Ternary,
    selector: Ternary,
    conditions: Ternary,
    excluded: Ternary,
}

impl Matched {
    fn evaluate(policy: &Policy<'_>, tenant: &Tenant<'_>) -> Self {
        let constraints = policy.node.get("spec").and_then(|spec| spec.get("matchConstraints"));
        let rules = constraints.and_then(|constraints| constraints.get("resourceRules"));
        let rules = rules.and_then(Node::as_sequence).unwrap_or_default();
        let selects_objects = constraints.is_some_and(|c| c.get("objectSelector").is_some());
        let conditions = policy.conditions().iter();
        Matched {
            pods: rules.iter().any(selects_pods).into(),
            selector: if selects_objects { Ternary::Unknown } else { Ternary::Yes },
            conditions: conditions
                .map(|condition| cel_condition_holds(condition, tenant))
                .min()
                .unwrap_or(Ternary::Yes),
            excluded: policy_excludes(policy, tenant.namespace),
        }
    }

    fn applies(&self) -> Ternary {
        self.pods.min(self.selector).min(self.conditions).min(!self.excluded)
    }
}

/// Returns true if a resource rule includes Pods.
fn selects_pods(rule: &Node) -> bool {
    let resources = string_items(rule.get("resources"));
    resources.iter().any(|name| matches!(*name, "pods" | "*" | "*/*"))
}

/// Evaluates a CEL condition for the tenant's Pod. It holds if it asks for the tenant's resource, or
/// has a list of excluded namespaces without the tenant's.
fn cel_condition_holds(condition: &Node, tenant: &Tenant<'_>) -> Ternary {
    let excluded = condition_excludes(condition, tenant.namespace);
    let expression = string_at(condition, "expression").unwrap_or_default();
    let is_understood =
        expression.contains(tenant.resource) || cel::excluded_lists(expression).is_some();
    if is_understood || excluded == Ternary::Yes { !excluded } else { Ternary::Unknown }
}

fn policy_effect(policy: &Policy<'_>, tenant: &Tenant<'_>) -> (Verdict, String) {
    let matched = Matched::evaluate(policy, tenant);
    let is_named = policy_exclusions(policy).iter().any(|name| name == tenant.namespace);
    let exclusion = match (matched.excluded, is_named) {
        (Ternary::Yes, true) => Some("excluded by its name"),
        (Ternary::Yes, false) => Some("excluded by the namespace selector"),
        _ => None,
    };
    let change = cel_priority_change(policy);
    let origin = format!("policy {}", policy.name);
    describe_effect(&change, matched.applies(), exclusion, &origin, tenant)
}

/// Reads the `mutations` of a MutatingPolicy.
fn cel_priority_change(policy: &Policy<'_>) -> PriorityChange {
    let mutations = policy.node.get("spec").and_then(|spec| spec.get("mutations")?.as_sequence());
    let mut change = PriorityChange::default();
    for mutation in mutations.unwrap_or_default() {
        let expression = ["applyConfiguration", "jsonPatch"]
            .iter()
            .find_map(|kind| string_at(mutation.get(kind)?, "expression"));
        let class = expression.and_then(|text| cel::assigned_value(text, "priorityClassName"));
        let priority = expression.and_then(|text| cel::assigned_value(text, "priority"));
        let mentions_priority = expression.is_none_or(|text| text.contains("priority"));
        change.unknown |= class.is_none() && priority.is_none() && mentions_priority;
        change.class = class.or(change.class);
        change.priority = priority.or(change.priority);
    }
    change
}

fn describe_effect(
    change: &PriorityChange,
    applies: Ternary,
    exclusion: Option<&str>,
    origin: &str,
    tenant: &Tenant<'_>,
) -> (Verdict, String) {
    let result = match (&change.priority, &change.class) {
        (Some(priority), Some(class)) => Some(format!("priority {priority} ({class})")),
        (Some(priority), None) => Some(format!("priority {priority}")),
        (None, Some(class)) => Some(format!("priority class {class}")),
        (None, None) if change.unknown => Some("a change that is not understood here".to_owned()),
        (None, None) => None,
    };
    let reason = match (result, applies) {
        (None, _) => format!("{origin} sets no priority"),
        (Some(_), Ternary::No) => match exclusion {
            Some(exclusion) => exclusion.to_owned(),
            None => format!("{origin} does not apply to it"),
        },
        (Some(_), Ternary::Yes) if change.if_missing && tenant.priority_class.is_some() => {
            format!("{origin} only sets a missing class")
        }
        (Some(result), Ternary::Yes) => return (Verdict::Changes, format!("{result} by {origin}")),
        (Some(result), Ternary::Unknown) => {
            let words = format!(
                "perhaps {result} by {origin}: it depends on labels, the user or other conditions"
            );
            return (Verdict::MayChange, words);
        }
    };
    let kept = tenant.priority_class.unwrap_or("its own priority");
    (Verdict::Keeps, format!("keeps {kept}: {reason}"))
}

/// Reads the `mutate` of a rule.
fn mutate_priority_change(mutate: &Node) -> PriorityChange {
    let mut change = PriorityChange::default();
    if let Some(patches) = mutate.get("patchesJson6902") {
        match patches.as_str().and_then(json_patches) {
            Some(patches) => patches.into_iter().for_each(|(path, value)| match path.as_str() {
                "/spec/priorityClassName" => change.class = Some(value),
                "/spec/priority" => change.priority = Some(value),
                _ => {}
            }),
            None => change.unknown = true,
        }
    }
    if let Some(spec) = mutate.get("patchStrategicMerge").and_then(|patch| patch.get("spec")) {
        change.class = spec.get("priorityClassName").map(scalar_text).or(change.class);
        change.priority = spec.get("priority").map(scalar_text).or(change.priority);
        if let Some(class) = spec.get("+(priorityClassName)") {
            change.class = Some(scalar_text(class));
            change.if_missing = true;
        }
    }
    change.unknown |= mutate.get("foreach").is_some();
    change
}

/// The paths and values that JSON patches set.
fn json_patches(patches: &str) -> Option<Vec<(String, String)>> {
    let mut sources = Sources::new();
    let source = sources.add(Source::written("", patches));
    let documents = parse(&sources, source, Dialect::Kubectl).ok()?;
    let patches = documents.iter().flat_map(|list| list.as_sequence().unwrap_or_default());
    Some(patches.filter_map(json_patch).collect())
}

fn json_patch(patch: &Node) -> Option<(String, String)> {
    let sets_value = matches!(string_at(patch, "op")?, "add" | "replace");
    let value = patch.get("value").filter(|_| sets_value).map(scalar_text);
    Some((string_at(patch, "path")?.to_owned(), value?))
}

fn scalar_text(node: &Node) -> String {
    match &node.value {
        Value::String(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        _ => node.kind().to_owned(),
    }
}

/// Evaluates `preconditions`: `any` and `all`, or a list, which means `all`.
fn preconditions_hold(node: &Node, tenant: &Tenant<'_>) -> Ternary {
    if node.as_sequence().is_some() {
        return evaluate_preconditions(node, tenant).into_iter().min().unwrap_or(Ternary::Yes);
    }
    let any = node.get("any").and_then(|any| evaluate_preconditions(any, tenant).into_iter().max());
    let all = node.get("all").and_then(|all| evaluate_preconditions(all, tenant).into_iter().min());
    any.unwrap_or(Ternary::Yes).min(all.unwrap_or(Ternary::Yes))
}

fn evaluate_preconditions(list: &Node, tenant: &Tenant<'_>) -> Vec<Ternary> {
    let conditions = list.as_sequence().unwrap_or_default().iter();
    conditions.map(|condition| precondition_holds(condition, tenant)).collect()
}

/// Evaluates a condition about the known properties of the Pod: its resource, class and namespace.
fn precondition_holds(condition: &Node, tenant: &Tenant<'_>) -> Ternary {
    let (Some(key), Some(operator)) =
        (string_at(condition, "key"), string_at(condition, "operator"))
    else {
        return Ternary::Unknown;
    };
    let Some(value) = condition.get("value") else {
        return Ternary::Unknown;
    };
    let variable = key.trim().strip_prefix("{{").and_then(|key| key.strip_suffix("}}"));
    let variable = variable.map(|inner| inner.split("||").next().unwrap_or("").trim());
    if key.contains(tenant.resource) {
        return match (operator, &value.value) {
            ("NotEquals" | "NotEqual", Value::String(text)) if text.is_empty() || text == "0" => {
                Ternary::Yes
            }
            ("NotEquals" | "NotEqual" | "GreaterThan", Value::Int(0)) => Ternary::Yes,
            ("Equals" | "Equal", Value::String(text)) if text.is_empty() => Ternary::No,
            _ => Ternary::Unknown,
        };
    }
    let known = match variable {
        Some("request.namespace" | "request.object.metadata.namespace") => Some(tenant.namespace),
        Some("request.object.spec.priorityClassName") => tenant.priority_class,
        _ => None,
    };
    let Some(known) = known else {
        return Ternary::Unknown;
    };
    let globs = match &value.value {
        Value::Sequence(_) => string_items(Some(value)),
        _ => value.as_str().into_iter().collect(),
    };
    let is_listed = globs.iter().any(|glob| wildcard::glob_matches(glob, known));
    match operator {
        "Equals" | "Equal" | "In" | "AnyIn" | "AllIn" => is_listed.into(),
        "NotEquals" | "NotEqual" | "NotIn" | "AnyNotIn" | "AllNotIn" => (!is_listed).into(),
        _ => Ternary::Unknown,
    }
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
