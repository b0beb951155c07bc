//! What the policies of a file leave out, and what they make of a Pod, in words.

use super::Errors;
use super::cel;
use super::decide::{certain, covering};
use super::error::Error;
use super::evaluate::{Truth, chosen, mutating_leaves_out, rule_leaves_out};
use super::model::{Filter, Kind, Policy, Rule, policies, refuse, strings, text};
use super::mutating;
use super::wildcard;
use yaml_spans::source::{Source, SourceId, Sources, Span};
use yaml_spans::{Dialect, Node, Path, Value, parse};

/// The Pod that is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Tenant<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// The priority class that its template names.
    pub priority_class: Option<&'a str>,
    /// The extended resource that it asks for.
    pub resource: &'a str,
}

/// One policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its rules; a MutatingPolicy has one without a name.
    pub rules: Vec<ShownRule>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownRule {
    /// Its name.
    pub name: Option<String>,
    /// The namespaces and globs that are left out for certain, in the file's order.
    pub out: Vec<String>,
    /// What else leaves something out, in words.
    pub also: Vec<String>,
    /// What the Pod gets, in words, if one was asked about.
    pub effect: Option<String>,
    /// Whether that is a change.
    pub verdict: Option<Verdict>,
}

/// Whether a Pod keeps its priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Keeps,
    /// What the file does not say decides: labels, users, conditions.
    Perhaps,
    /// It gets another.
    Changes,
}

/// Reads the policies of a file, or of what `kubectl get clusterpolicy -o yaml` prints.
///
/// Errors: the text can't be read, or holds no policy.
pub fn show(
    sources: &Sources,
    source: SourceId,
    tenant: Option<&Tenant<'_>>,
) -> Result<Vec<Shown>, Errors> {
    let documents = parse(sources, source, Dialect::Kubectl).map_err(|errors| {
        errors.into_iter().map(|error| error.map(Error::Parse)).collect::<Errors>()
    })?;
    let policies = policies(&documents);
    if policies.is_empty() {
        let start = Some(Span::new(source, 0, 0));
        return Err(vec![refuse(Error::NoPolicy, start, &Path::root())]);
    }
    Ok(policies.iter().map(|policy| show_policy(policy, tenant)).collect())
}

fn show_policy(policy: &Policy<'_>, tenant: Option<&Tenant<'_>>) -> Shown {
    let rules = match policy.kind {
        Kind::ClusterPolicy => policy.rules().iter().map(|rule| show_rule(rule, tenant)).collect(),
        Kind::MutatingPolicy => {
            let (verdict, effect) = tenant.map(|tenant| mutating_effect(policy, tenant)).unzip();
            let also = other_conditions(policy);
            vec![ShownRule { name: None, out: mutating::certain(policy), also, effect, verdict }]
        }
    };
    Shown { kind: policy.kind, name: policy.name.to_owned(), rules }
}

fn show_rule(rule: &Rule<'_>, tenant: Option<&Tenant<'_>>) -> ShownRule {
    let out = certain(rule).into_iter().map(str::to_owned).collect();
    let (verdict, effect) = tenant.map(|tenant| rule_effect(rule, tenant)).unzip();
    ShownRule { name: Some(rule.name.to_owned()), out, also: also(rule), effect, verdict }
}

/// What leaves something out by more than a namespace's name.
fn also(rule: &Rule<'_>) -> Vec<String> {
    let attributes = |block: &super::model::Block<'_>| {
        let names: Vec<String> =
            block.attributes.iter().map(|(name, _)| format!("`{name}`")).collect();
        names.join(" and ")
    };
    let mut found: Vec<String> = match Filter::read(rule, "exclude") {
        Err(error) => vec![error.error.to_string()],
        Ok(Filter::All(blocks)) => {
            let all: Vec<String> = blocks.iter().map(attributes).collect();
            vec![format!("what all of these match: {}", all.join("; "))]
        }
        Ok(filter) => {
            let mixed = filter.blocks().iter().filter(|b| b.other_attribute().is_some());
            mixed.map(|block| format!("what {} match", attributes(block))).collect()
        }
    };
    if let Ok(filter) = Filter::read(rule, "match") {
        for name in ["namespaces", "namespaceSelector"] {
            if filter.blocks().iter().any(|block| block.attribute(name).is_some()) {
                found.push(format!("what `{name}` of `match` does not choose"));
            }
        }
    }
    found
}

/// What a mutation sets of a Pod's priority.
#[derive(Debug, Default, PartialEq)]
struct Sets {
    class: Option<String>,
    priority: Option<String>,
    /// Only where the Pod names no class.
    if_missing: bool,
    /// It changes something that is not understood here.
    unknown: bool,
}

fn rule_effect(rule: &Rule<'_>, tenant: &Tenant<'_>) -> (Verdict, String) {
    let sets = rule.node.get("mutate").map_or_else(Sets::default, mutation);
    let filter = Filter::read(rule, "match");
    let matched = filter.map_or(Truth::Perhaps, |filter| chosen(&filter, tenant.namespace));
    let conditions = rule.node.get("preconditions");
    let conditions = conditions.map_or(Truth::Yes, |node| preconditions(node, tenant));
    let out = rule_leaves_out(rule, tenant.namespace);
    let why = Filter::read(rule, "exclude")
        .ok()
        .filter(|filter| chosen(filter, tenant.namespace) == Truth::Yes)
        .map(|filter| format!("left out by {}", covering(&filter, tenant.namespace)));
    let applies = matched.min(conditions).min(!out);
    words(&sets, applies, why.as_deref(), &format!("rule {}", rule.name), tenant)
}

fn mutating_effect(policy: &Policy<'_>, tenant: &Tenant<'_>) -> (Verdict, String) {
    let spec = policy.node.get("spec");
    let mutations = spec.and_then(|spec| spec.get("mutations")?.as_sequence());
    let mut sets = Sets::default();
    for mutation in mutations.unwrap_or_default() {
        let expression = ["applyConfiguration", "jsonPatch"]
            .iter()
            .find_map(|kind| text(mutation.get(kind)?, "expression"));
        let set = |key| expression.and_then(|expression| cel::assigned(expression, key));
        let (class, priority) = (set("priorityClassName"), set("priority"));
        let mentions = expression.is_none_or(|text| text.contains("priority"));
        sets.unknown |= class.is_none() && priority.is_none() && mentions;
        sets.class = class.or(sets.class);
        sets.priority = priority.or(sets.priority);
    }
    let constraints = spec.and_then(|spec| spec.get("matchConstraints"));
    let rules = constraints.and_then(|c| c.get("resourceRules")?.as_sequence()).unwrap_or_default();
    let takes_pods = |rule: &Node| {
        strings(rule.get("resources")).iter().any(|name| matches!(*name, "pods" | "*" | "*/*"))
    };
    let matched = Truth::from(rules.iter().any(takes_pods));
    let objects = constraints.and_then(|c| c.get("objectSelector"));
    let objects = if objects.is_some() { Truth::Perhaps } else { Truth::Yes };
    let conditions = spec.and_then(|spec| spec.get("matchConditions")?.as_sequence());
    let holds = |condition: &Node| match text(condition, "expression") {
        // What asks for the resource, and what was looked at for namespaces.
        Some(text) if text.contains(tenant.resource) => Truth::Yes,
        Some(text) if cel::excluded_lists(text).is_some() => Truth::Yes,
        _ => Truth::Perhaps,
    };
    let conditions = conditions.unwrap_or_default().iter().map(holds).min().unwrap_or(Truth::Yes);
    let out = mutating_leaves_out(policy, tenant.namespace);
    // A condition that is understood and does not name the namespace lets it through.
    let out = if out == Truth::Perhaps && conditions == Truth::Yes { Truth::No } else { out };
    let named = mutating::certain(policy).iter().any(|name| name == tenant.namespace);
    let why = match (out, named) {
        (Truth::Yes, true) => Some("left out by its name"),
        (Truth::Yes, false) => Some("left out by the namespace selector"),
        _ => None,
    };
    let applies = matched.min(objects).min(conditions).min(!out);
    words(&sets, applies, why, &format!("policy {}", policy.name), tenant)
}

fn words(
    sets: &Sets,
    applies: Truth,
    why: Option<&str>,
    by: &str,
    tenant: &Tenant<'_>,
) -> (Verdict, String) {
    let kept = tenant.priority_class.unwrap_or("its own priority");
    let keeps = |why: String| (Verdict::Keeps, format!("keeps {kept}, {why}"));
    let got = match (&sets.priority, &sets.class) {
        (Some(priority), Some(class)) => format!("priority {priority} ({class})"),
        (Some(priority), None) => format!("priority {priority}"),
        (None, Some(class)) => format!("priority class {class}"),
        (None, None) if sets.unknown => "a change that is not understood here".to_owned(),
        (None, None) => return keeps(format!("as {by} sets no priority")),
    };
    match applies {
        Truth::No => match why {
            Some(why) => keeps(why.to_owned()),
            None => keeps(format!("as {by} does not apply to it")),
        },
        Truth::Yes if sets.if_missing && tenant.priority_class.is_some() => {
            keeps(format!("as {by} only sets a class that is missing"))
        }
        Truth::Yes => (Verdict::Changes, format!("{got} by {by}")),
        Truth::Perhaps => {
            let decides = "its labels, its user or other conditions decide";
            (Verdict::Perhaps, format!("perhaps {got} by {by}: {decides}"))
        }
    }
}

/// What `mutate` of a rule sets.
fn mutation(mutate: &Node) -> Sets {
    let mut sets = Sets::default();
    if let Some(patches) = mutate.get("patchesJson6902") {
        match patches.as_str().and_then(json_patches) {
            Some(patches) => patches.into_iter().for_each(|(path, value)| match path.as_str() {
                "/spec/priorityClassName" => sets.class = Some(value),
                "/spec/priority" => sets.priority = Some(value),
                _ => {}
            }),
            None => sets.unknown = true,
        }
    }
    if let Some(spec) = mutate.get("patchStrategicMerge").and_then(|patch| patch.get("spec")) {
        sets.class = spec.get("priorityClassName").map(in_words).or(sets.class);
        sets.priority = spec.get("priority").map(in_words).or(sets.priority);
        if let Some(class) = spec.get("+(priorityClassName)") {
            sets.class = Some(in_words(class));
            sets.if_missing = true;
        }
    }
    sets.unknown |= mutate.get("foreach").is_some();
    sets
}

/// The paths and values that patches set.
fn json_patches(patches: &str) -> Option<Vec<(String, String)>> {
    let mut sources = Sources::new();
    let source = sources.add(Source::written("", patches));
    let documents = parse(&sources, source, Dialect::Kubectl).ok()?;
    let patch = |patch: &Node| {
        let sets = matches!(text(patch, "op")?, "add" | "replace");
        let value = patch.get("value").filter(|_| sets).map(in_words);
        Some((text(patch, "path")?.to_owned(), value?))
    };
    let patches = documents.iter().flat_map(|list| list.as_sequence().unwrap_or_default());
    Some(patches.filter_map(patch).collect())
}

fn in_words(node: &Node) -> String {
    match &node.value {
        Value::String(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        _ => node.kind().to_owned(),
    }
}

/// `preconditions`: `any` and `all`, or a list, which means `all`.
fn preconditions(node: &Node, tenant: &Tenant<'_>) -> Truth {
    let each = |list: &Node| {
        let conditions = list.as_sequence().unwrap_or_default().iter();
        conditions.map(|c| condition(c, tenant)).collect::<Vec<_>>()
    };
    if node.as_sequence().is_some() {
        return each(node).into_iter().min().unwrap_or(Truth::Yes);
    }
    let any = node.get("any").map(each).and_then(|any| any.into_iter().max());
    let all = node.get("all").map(each).and_then(|all| all.into_iter().min());
    any.unwrap_or(Truth::Yes).min(all.unwrap_or(Truth::Yes))
}

/// A condition about what is known of the Pod: that it asks for the resource, its class, its
/// namespace.
fn condition(condition: &Node, tenant: &Tenant<'_>) -> Truth {
    let (Some(key), Some(operator)) = (text(condition, "key"), text(condition, "operator")) else {
        return Truth::Perhaps;
    };
    let Some(value) = condition.get("value") else {
        return Truth::Perhaps;
    };
    let variable = key.trim().strip_prefix("{{").and_then(|key| key.strip_suffix("}}"));
    let variable = variable.map(|inner| inner.split("||").next().unwrap_or("").trim());
    if key.contains(tenant.resource) {
        return match (operator, &value.value) {
            ("NotEquals" | "NotEqual", Value::String(text)) if text.is_empty() || text == "0" => {
                Truth::Yes
            }
            ("NotEquals" | "NotEqual" | "GreaterThan", Value::Int(0)) => Truth::Yes,
            ("Equals" | "Equal", Value::String(text)) if text.is_empty() => Truth::No,
            _ => Truth::Perhaps,
        };
    }
    let known = match variable {
        Some("request.namespace" | "request.object.metadata.namespace") => Some(tenant.namespace),
        Some("request.object.spec.priorityClassName") => tenant.priority_class,
        _ => None,
    };
    let Some(known) = known else {
        return Truth::Perhaps;
    };
    let listed = || match &value.value {
        Value::Sequence(_) => {
            strings(Some(value)).iter().any(|glob| wildcard::matches(glob, known))
        }
        _ => value.as_str().is_some_and(|glob| wildcard::matches(glob, known)),
    };
    match operator {
        "Equals" | "Equal" | "In" | "AnyIn" | "AllIn" => listed().into(),
        "NotEquals" | "NotEqual" | "NotIn" | "AnyNotIn" | "AllNotIn" => (!listed()).into(),
        _ => Truth::Perhaps,
    }
}

/// The conditions of a MutatingPolicy that are no list of namespaces, by name.
fn other_conditions(policy: &Policy<'_>) -> Vec<String> {
    let spec = policy.node.get("spec");
    let conditions = spec.and_then(|spec| spec.get("matchConditions")?.as_sequence());
    let other =
        |condition: &&Node| text(condition, "expression").and_then(cel::excluded_lists).is_none();
    let others = conditions.unwrap_or_default().iter().filter(other);
    others
        .map(|c| {
            format!("what the condition `{}` does not hold for", text(c, "name").unwrap_or(""))
        })
        .collect()
}
