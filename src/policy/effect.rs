//! Evaluates the effect of a rule or a policy on the priority of a tenant's Pods: of the Pod itself,
//! and of the template of the controller that makes it.
//!
//! An answer is certain only if every part that decides it is understood.

use super::autogen::{Autogen, CONTROLLERS, Controller, is_about_pods};
use super::cel::{self, Facts, condition_holds};
use super::decide::{describe_exclusion, rule_exclusions};
use super::evaluate::{
    PolicyExclusions, Subject, Ternary, filter_matches, selector_matches, undecided_attributes,
};
use super::model::{Filter, Policy, Rule, is_template, kind_selector, string_at, string_items};
use super::mutating::policy_exclusions;
use super::mutation::{Changed, PriorityChange, policy_change, rule_change};
use super::show::{Tenant, Verdict};
use super::wildcard::{glob_matches, is_glob};
use yaml_spans::{Node, Value};

/// An answer, and the reason for it if it is not a plain yes.
#[derive(Debug, Clone, PartialEq)]
struct Answer {
    truth: Ternary,
    reason: String,
}

impl Answer {
    fn yes() -> Self {
        Answer { truth: Ternary::Yes, reason: String::new() }
    }

    fn no(reason: impl Into<String>) -> Self {
        Answer { truth: Ternary::No, reason: reason.into() }
    }

    fn unknown(reason: impl Into<String>) -> Self {
        Answer { truth: Ternary::Unknown, reason: reason.into() }
    }

    fn new(truth: Ternary, reason: &str) -> Self {
        Answer { truth, reason: reason.to_owned() }
    }

    /// Both; the reason is that of the lower answer.
    fn and(self, other: Answer) -> Self {
        if other.truth < self.truth { other } else { self }
    }
}

/// A change of one kind of object that reaches the tenant's Pods.
struct Candidate {
    change: PriorityChange,
    applies: Answer,
    /// The kind of the controller, for a change of its template.
    via: Option<String>,
}

/// The tenant's Pod as far as it is known while a rule is evaluated.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownPod<'a> {
    pub tenant: Tenant<'a>,
    /// No other rule of the text may change its class first.
    pub is_class_kept: bool,
}

impl<'a> KnownPod<'a> {
    fn class(&self) -> Option<&'a str> {
        self.tenant.priority_class.filter(|_| self.is_class_kept)
    }

    fn changed(&self, template: &'static [&'static str]) -> Changed<'static> {
        Changed { template, has_class: self.class().is_some() }
    }

    fn facts(&self, has_updates: bool) -> Facts<'a> {
        let Tenant { namespace, resource, .. } = self.tenant;
        Facts { namespace, class: self.class(), resource, has_updates }
    }

    /// Evaluates whether a template of this kind becomes the tenant's Pods.
    fn is_made_by(&self, kind: &str) -> Answer {
        let only = || Answer::unknown(format!("it depends on whether a {kind} makes the Pod"));
        match self.tenant.controller {
            Some(own) if own == kind => Answer::yes(),
            Some("Deployment") if kind == "ReplicaSet" => only(),
            Some("CronJob") if kind == "Job" => only(),
            Some(own) if CONTROLLERS.iter().any(|known| known.kind == own) => {
                Answer::no(format!("a {own} makes the Pod, not a {kind}"))
            }
            _ => only(),
        }
    }
}

/// The effect of a rule of a ClusterPolicy.
pub(super) fn rule_effect(
    policy: &Policy<'_>,
    autogen: Autogen,
    rule: &Rule<'_>,
    pod: &KnownPod<'_>,
) -> (Verdict, String) {
    let origin = format!("rule {}", rule.name);
    let Some(mutate) = rule.node.get("mutate") else {
        return describe_effect(&[], &origin, pod);
    };
    let candidates = match mutate.get("targets").and_then(Node::as_sequence) {
        Some(targets) if !targets.is_empty() => {
            targets.iter().flat_map(|target| target_candidates(rule, mutate, target, pod)).collect()
        }
        _ => admission_candidates(policy, autogen, rule, mutate, pod),
    };
    describe_effect(&candidates, &origin, pod)
}

fn admission_candidates(
    policy: &Policy<'_>,
    autogen: Autogen,
    rule: &Rule<'_>,
    mutate: &Node,
    pod: &KnownPod<'_>,
) -> Vec<Candidate> {
    let subject = Subject::pod(pod.tenant.namespace);
    let limits = policy_limits(policy, rule);
    let filters = RuleFilters::read(rule);
    let mut found = vec![Candidate {
        change: rule_change(mutate, pod.changed(&[])),
        applies: rule_applies(rule, &filters, &subject, pod).and(limits.clone()),
        via: None,
    }];
    if autogen == Autogen::On && is_about_pods(rule) {
        // The rule for the controllers has the same filters, but also sees their updates.
        let subject = Subject { has_updates: true, ..subject };
        let applies = rule_applies(rule, &filters, &subject, pod).and(limits.clone());
        let generated = Answer::unknown("it depends on the rule that Kyverno makes from it");
        found.push(Candidate {
            change: rule_change(mutate, pod.changed(&[])),
            applies: applies.and(generated),
            via: Some("controller".to_owned()),
        });
    }
    for Controller { kind, group, template, .. } in CONTROLLERS {
        let namespace = pod.tenant.namespace;
        let subject = Subject { namespace, kind, group, has_updates: true };
        found.push(Candidate {
            change: rule_change(mutate, pod.changed(template)),
            applies: rule_applies(rule, &filters, &subject, pod)
                .and(limits.clone())
                .and(pod.is_made_by(kind)),
            via: Some(kind.to_owned()),
        });
    }
    let blocks = filters.matched.iter().flat_map(Filter::blocks);
    let kinds = blocks.flat_map(|block| string_items(block.attribute("kinds")));
    found.extend(kinds.filter_map(|kind| other_candidate(kind_selector(kind).kind, mutate, pod)));
    found
}

/// A change of an object of a kind that is not known here, if it may be the maker of the Pod.
fn other_candidate(kind: &str, mutate: &Node, pod: &KnownPod<'_>) -> Option<Candidate> {
    let is_known = kind == "Pod" || CONTROLLERS.iter().any(|known| known.kind == kind);
    let made_by_known = CONTROLLERS.iter().any(|known| Some(known.kind) == pod.tenant.controller);
    let relevant = !is_known && !is_glob(kind) && !made_by_known && mentions_priority(mutate);
    let doubt = format!("it depends on whether a {kind} makes the Pod");
    relevant.then(|| Candidate {
        change: PriorityChange { doubt: Some(doubt.clone()), ..PriorityChange::default() },
        applies: Answer::unknown(doubt),
        via: Some(kind.to_owned()),
    })
}

fn mentions_priority(node: &Node) -> bool {
    match &node.value {
        Value::String(text) => text.contains("priority"),
        Value::Sequence(items) => items.iter().any(mentions_priority),
        Value::Mapping(map) => map
            .iter()
            .any(|(key, entry)| key.contains("priority") || mentions_priority(&entry.node)),
        _ => false,
    }
}

/// The changes of existing objects, which a rule makes when another object triggers it. `match` and
/// `exclude` are about that trigger (`pkg/engine/handlers/mutation/load_targets.go` of kyverno 1.19).
/// The priority of a Pod that exists can't change.
fn target_candidates(
    rule: &Rule<'_>,
    mutate: &Node,
    target: &Node,
    pod: &KnownPod<'_>,
) -> Vec<Candidate> {
    let kind = string_at(target, "kind").unwrap_or_default();
    let reached = match target_reach(target) {
        TargetReach::Trigger if is_excluded_by_name(rule, pod.tenant.namespace) => {
            Answer::no("excluded by its name")
        }
        TargetReach::Namespace(name) if !glob_matches(name, pod.tenant.namespace) => {
            Answer::no(format!("its targets are in `{name}`"))
        }
        _ => Answer::unknown("it changes existing objects, which `exclude` does not cover"),
    };
    let mut found: Vec<Candidate> = CONTROLLERS
        .into_iter()
        .filter(|known| glob_matches(kind, known.kind) || is_template(kind))
        .map(|known| Candidate {
            change: rule_change(mutate, pod.changed(known.template)),
            applies: reached.clone().and(pod.is_made_by(known.kind)),
            via: Some(known.kind.to_owned()),
        })
        .collect();
    found.extend(other_candidate(kind, mutate, pod));
    found
}

/// The namespaces in which a rule changes existing objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TargetReach<'a> {
    /// That of the object that triggers the rule.
    Trigger,
    /// A name or glob.
    Namespace(&'a str),
    /// All, or one that is computed.
    Any,
}

/// The namespaces of an item of `mutate.targets`.
pub(super) fn target_reach(target: &Node) -> TargetReach<'_> {
    let namespace = string_at(target, "namespace").unwrap_or_default();
    match variable_name(namespace) {
        Some("request.namespace" | "request.object.metadata.namespace") => TargetReach::Trigger,
        Some(_) => TargetReach::Any,
        None if namespace.is_empty() || is_template(namespace) => TargetReach::Any,
        None => TargetReach::Namespace(namespace),
    }
}

fn is_excluded_by_name(rule: &Rule<'_>, namespace: &str) -> bool {
    rule_exclusions(rule).iter().any(|glob| glob_matches(glob, namespace))
}

/// The filters of a rule, read once for all kinds of objects; `None` if one can't be read.
struct RuleFilters<'a> {
    matched: Option<Filter<'a>>,
    exclude: Option<Filter<'a>>,
}

impl<'a> RuleFilters<'a> {
    fn read(rule: &Rule<'a>) -> Self {
        let [matched, exclude] = ["match", "exclude"].map(|key| Filter::read(rule, key).ok());
        RuleFilters { matched, exclude }
    }
}

/// Evaluates whether a rule applies to an object.
fn rule_applies(
    rule: &Rule<'_>,
    filters: &RuleFilters<'_>,
    subject: &Subject<'_>,
    pod: &KnownPod<'_>,
) -> Answer {
    let preconditions = rule.node.get("preconditions");
    let preconditions = preconditions
        .map_or_else(Answer::yes, |node| preconditions_hold(node, subject, pod))
        .and_shadowed_by(rule);
    exclude_answer(filters.exclude.as_ref(), subject)
        .and(match_answer(filters.matched.as_ref(), subject))
        .and(preconditions)
        .and(context_answer(rule))
}

fn match_answer(filter: Option<&Filter<'_>>, subject: &Subject<'_>) -> Answer {
    let Some(filter) = filter else { return Answer::unknown("`match` can't be read") };
    match filter_matches(filter, subject) {
        Ternary::Unknown => Answer::unknown(undecided("match", filter, subject)),
        truth => Answer::new(truth, "does not apply to it"),
    }
}

fn exclude_answer(filter: Option<&Filter<'_>>, subject: &Subject<'_>) -> Answer {
    let Some(filter) = filter else { return Answer::unknown("`exclude` can't be read") };
    match filter_matches(filter, subject) {
        Ternary::Yes => {
            Answer::no(format!("excluded by {}", describe_exclusion(filter, subject.namespace)))
        }
        Ternary::Unknown => Answer::unknown(undecided("exclude", filter, subject)),
        Ternary::No => Answer::yes(),
    }
}

fn undecided(key: &str, filter: &Filter<'_>, subject: &Subject<'_>) -> String {
    let names: Vec<String> =
        undecided_attributes(filter, subject).into_iter().map(|name| format!("`{name}`")).collect();
    format!("it depends on {} of `{key}`", names.join(" and "))
}

/// A variable that can't be loaded stops the rule.
fn context_answer(rule: &Rule<'_>) -> Answer {
    let is_present = |key: &str| {
        let items = rule.node.get(key).map(|node| node.as_sequence().unwrap_or_default());
        items.is_some_and(|items| !items.is_empty())
    };
    match ["context", "celPreconditions"].into_iter().find(|key| is_present(key)) {
        Some(key) => Answer::unknown(format!("it depends on its `{key}`")),
        None => Answer::yes(),
    }
}

impl Answer {
    /// An entry of `context` may replace `request`, which the preconditions read.
    fn and_shadowed_by(self, rule: &Rule<'_>) -> Self {
        let context = rule.node.get("context").and_then(Node::as_sequence).unwrap_or_default();
        let names = context.iter().filter_map(|entry| string_at(entry, "name"));
        if self.truth == Ternary::No && names.into_iter().any(|name| name.starts_with("request")) {
            return Answer::unknown("its `context` replaces `request`");
        }
        self
    }
}

/// The parts of a policy that decide whether its rules run at all.
fn policy_limits(policy: &Policy<'_>, rule: &Rule<'_>) -> Answer {
    let Some(spec) = policy.node.get("spec") else {
        return Answer::yes();
    };
    let is_first = rule.path == policy.path.key("spec").key("rules").index(0);
    let has_conditions = spec
        .get("webhookConfiguration")
        .and_then(|webhook| webhook.get("matchConditions"))
        .is_some();
    if string_at(spec, "applyRules") == Some("One") && !is_first {
        return Answer::unknown("it depends on the rules before it, as `applyRules` is `One`");
    }
    if is_false(spec.get("admission")) {
        return Answer::unknown("`admission` is off");
    }
    if has_conditions {
        return Answer::unknown("it depends on the `matchConditions` of its webhook");
    }
    Answer::yes()
}

fn is_false(node: Option<&Node>) -> bool {
    node.is_some_and(|node| node.value == Value::Bool(false))
}

/// The effect of a MutatingPolicy.
pub(super) fn policy_effect(policy: &Policy<'_>, pod: &KnownPod<'_>) -> (Verdict, String) {
    let namespace = pod.tenant.namespace;
    let excluded = exclusion_answer(policy, namespace);
    let limits = excluded.and(mutating_limits(policy, namespace));
    let pod_change = policy_change(policy, pod.changed(&[]));
    let pods =
        resource_answer(policy, "", "pods", false).and(conditions_answer(policy, pod, false));
    let mut candidates = vec![Candidate {
        change: pod_change.clone(),
        applies: limits.clone().and(pods),
        via: None,
    }];
    // Kyverno makes a policy for the controllers from one for Pods; its operations are the same.
    let pods = resource_answer(policy, "", "pods", true).and(conditions_answer(policy, pod, true));
    let generated = Answer::unknown("it depends on the policy that Kyverno makes from it");
    candidates.push(Candidate {
        change: pod_change,
        applies: limits.clone().and(pods).and(generated),
        via: Some("controller".to_owned()),
    });
    for Controller { kind, group, resource, template } in CONTROLLERS {
        let matched = resource_answer(policy, group, resource, true);
        let conditions = template_conditions(policy, pod);
        candidates.push(Candidate {
            change: policy_change(policy, pod.changed(template)),
            applies: limits.clone().and(matched).and(conditions).and(pod.is_made_by(kind)),
            via: Some(kind.to_owned()),
        });
    }
    let mutations = policy.node.get("spec").and_then(|spec| spec.get("mutations"));
    for resource in other_resources(policy) {
        candidates.extend(mutations.and_then(|node| other_candidate(resource, node, pod)));
    }
    describe_effect(&candidates, &format!("policy {}", policy.name), pod)
}

fn exclusion_answer(policy: &Policy<'_>, namespace: &str) -> Answer {
    match PolicyExclusions::read(policy).exclude(namespace) {
        Ternary::Yes if policy_exclusions(policy).iter().any(|name| name == namespace) => {
            Answer::no("excluded by its name")
        }
        Ternary::Yes => Answer::no("excluded by the namespace selector"),
        Ternary::Unknown | Ternary::No => Answer::yes(),
    }
}

/// The parts of a MutatingPolicy that decide whether it runs at all.
fn mutating_limits(policy: &Policy<'_>, namespace: &str) -> Answer {
    let spec = policy.node.get("spec");
    let constraints = spec.and_then(|spec| spec.get("matchConstraints"));
    let within = |node: Option<&Node>, key: &str| node.and_then(|node| node.get(key)).is_some();
    let is_empty = |node: &Node| matches!(&node.value, Value::Sequence(items) if items.is_empty());
    let excludes = constraints.and_then(|node| node.get("excludeResourceRules"));
    let evaluation = spec.and_then(|spec| spec.get("evaluation"));
    let enabled = |key: &str| evaluation.and_then(|node| node.get(key)?.get("enabled"));
    if within(spec, "targetMatchConstraints")
        || enabled("mutateExisting").is_some_and(|node| node.value == Value::Bool(true))
    {
        return Answer::unknown("it changes existing objects");
    }
    if is_false(enabled("admission")) {
        return Answer::unknown("`admission` is off");
    }
    if within(constraints, "objectSelector") {
        return Answer::unknown("it depends on the `objectSelector`");
    }
    if excludes.is_some_and(|node| !is_empty(node)) {
        return Answer::unknown("it depends on `excludeResourceRules`");
    }
    match policy.namespace_selector().map(|selector| selector_matches(selector, namespace)) {
        Some(Ternary::Unknown) => Answer::unknown("it depends on the `namespaceSelector`"),
        _ => Answer::yes(),
    }
}

/// Evaluates whether a resource rule selects the objects of a resource.
fn resource_answer(policy: &Policy<'_>, group: &str, resource: &str, has_updates: bool) -> Answer {
    let matches = |rule: &Node| {
        let has = |key: &str, wanted: &str| {
            let items = string_items(rule.get(key));
            items.contains(&wanted) || items.contains(&"*")
        };
        let selects = string_items(rule.get("resources"));
        let is_selected = selects.iter().any(|name| [resource, "*", "*/*"].contains(name));
        let is_namespaced = string_at(rule, "scope") != Some("Cluster");
        if !(is_selected && is_namespaced && has("apiGroups", group) && has("apiVersions", "v1")) {
            return Ternary::No;
        }
        let by_operation = if has("operations", "CREATE") {
            Ternary::Yes
        } else if has_updates && has("operations", "UPDATE") {
            Ternary::Unknown
        } else {
            Ternary::No
        };
        let is_any_name = string_items(rule.get("resourceNames")).is_empty();
        by_operation.min(if is_any_name { Ternary::Yes } else { Ternary::Unknown })
    };
    let truth = resource_rules(policy).iter().map(matches).max().unwrap_or(Ternary::No);
    let reason = if truth == Ternary::No {
        "does not apply to it"
    } else {
        "it depends on the name or the operation"
    };
    Answer::new(truth, reason)
}

fn resource_rules<'a>(policy: &Policy<'a>) -> &'a [Node] {
    let constraints = policy.node.get("spec").and_then(|spec| spec.get("matchConstraints"));
    let rules = constraints.and_then(|constraints| constraints.get("resourceRules"));
    rules.and_then(Node::as_sequence).unwrap_or_default()
}

/// The resources that a policy selects and that are not Pods or known controllers.
fn other_resources<'a>(policy: &Policy<'a>) -> Vec<&'a str> {
    let all = resource_rules(policy).iter().flat_map(|rule| string_items(rule.get("resources")));
    let is_known =
        |name: &str| name == "pods" || CONTROLLERS.iter().any(|known| known.resource == name);
    all.filter(|name| !is_known(name) && !name.contains('/')).collect()
}

fn conditions_answer(policy: &Policy<'_>, pod: &KnownPod<'_>, has_updates: bool) -> Answer {
    let facts = pod.facts(has_updates);
    let answers = policy.conditions().iter().map(|condition| {
        let expression = string_at(condition, "expression").unwrap_or_default();
        match condition_holds(expression, &facts) {
            Ternary::Unknown => {
                let name = string_at(condition, "name").unwrap_or_default();
                Answer::unknown(format!("it depends on the condition `{name}`"))
            }
            truth => Answer::new(truth, "does not apply to it"),
        }
    });
    answers.fold(Answer::yes(), Answer::and)
}

/// Evaluates the conditions for a controller, of which only the namespace is known.
fn template_conditions(policy: &Policy<'_>, pod: &KnownPod<'_>) -> Answer {
    let answers = policy.conditions().iter().map(|condition| {
        let expression = string_at(condition, "expression").unwrap_or_default();
        let is_understood = !cel::mentions_object(expression);
        let truth = condition_holds(expression, &pod.facts(true));
        let name = string_at(condition, "name").unwrap_or_default();
        if is_understood && truth != Ternary::Unknown {
            Answer::new(truth, "does not apply to it")
        } else {
            Answer::unknown(format!("it depends on the condition `{name}`"))
        }
    });
    answers.fold(Answer::yes(), Answer::and)
}

/// Evaluates `preconditions`: `any` and `all`, or a list, which means `all`.
fn preconditions_hold(node: &Node, subject: &Subject<'_>, pod: &KnownPod<'_>) -> Answer {
    let evaluate = |list: &Node| -> Vec<Ternary> {
        let conditions = list.as_sequence().unwrap_or_default().iter();
        conditions.map(|condition| precondition_holds(condition, subject, pod)).collect()
    };
    let truth = match &node.value {
        Value::Sequence(_) => evaluate(node).into_iter().min().unwrap_or(Ternary::Yes),
        Value::Mapping(map) if map.keys().all(|key| key == "any" || key == "all") => {
            let any = node.get("any").and_then(|any| evaluate(any).into_iter().max());
            let all = node.get("all").and_then(|all| evaluate(all).into_iter().min());
            any.unwrap_or(Ternary::Yes).min(all.unwrap_or(Ternary::Yes))
        }
        Value::Null => Ternary::Yes,
        _ => Ternary::Unknown,
    };
    let reason = match truth {
        Ternary::Unknown => "it depends on its preconditions",
        _ => "does not apply to it",
    };
    Answer::new(truth, reason)
}

/// Evaluates a condition about the known properties of the Pod: its resource, class and namespace.
fn precondition_holds(condition: &Node, subject: &Subject<'_>, pod: &KnownPod<'_>) -> Ternary {
    let (Some(key), Some(operator), Some(value)) =
        (string_at(condition, "key"), string_at(condition, "operator"), condition.get("value"))
    else {
        return Ternary::Unknown;
    };
    let Some(variable) = variable_name(key) else {
        return Ternary::Unknown;
    };
    let is_pod = subject.kind == "Pod";
    if is_pod && is_requested_amounts(variable, pod.tenant.resource) {
        // A list, which is never a string; comparisons of lists are not evaluated.
        return match (operator, &value.value) {
            ("NotEquals" | "NotEqual", Value::String(text)) if !is_template(text) => Ternary::Yes,
            _ => Ternary::Unknown,
        };
    }
    // In the rules made for controllers, `request.object.metadata` is the template's.
    let known = match variable {
        "request.namespace" => Some(pod.tenant.namespace),
        "request.object.metadata.namespace" if !subject.has_updates => Some(pod.tenant.namespace),
        "request.object.spec.priorityClassName" if is_pod => pod.class(),
        _ => None,
    };
    let globs = match &value.value {
        Value::Sequence(items) => {
            let globs = string_items(Some(value));
            (globs.len() == items.len()).then_some(globs)
        }
        Value::String(text) => Some(vec![text.as_str()]),
        _ => None,
    };
    let (Some(known), Some(globs)) = (known, globs) else {
        return Ternary::Unknown;
    };
    if !globs.iter().all(|glob| is_plain(glob)) {
        return Ternary::Unknown;
    }
    let is_listed = globs.iter().any(|glob| glob_matches(glob, known));
    let is_list = matches!(value.value, Value::Sequence(_));
    match operator {
        "Equals" | "Equal" if !is_list => is_listed.into(),
        "NotEquals" | "NotEqual" if !is_list => (!is_listed).into(),
        "In" | "AnyIn" | "AllIn" if is_list => is_listed.into(),
        "NotIn" | "AnyNotIn" | "AllNotIn" if is_list => (!is_listed).into(),
        _ => Ternary::Unknown,
    }
}

/// A text of names and globs alone, which no operator reads as a range, an amount or a list. The
/// empty text is one.
fn is_plain(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.*?".contains(c);
    text.chars().all(allowed) && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// The variable of `{{ name }}` or `{{ name || 'default' }}`, as a whole.
fn variable_name(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let mut parts = inner.split("||");
    let name = parts.next()?.trim();
    let is_default = |part: &str| matches!(part.trim(), "''" | "'0'" | "`0`" | "\"\"" | "`[]`");
    (parts.all(is_default) && !name.contains(['{', '}'])).then_some(name)
}

/// Returns true for the amounts of the resource that the containers ask for.
fn is_requested_amounts(variable: &str, resource: &str) -> bool {
    let Some(rest) = variable.strip_prefix("request.object.spec.containers") else {
        return false;
    };
    let Some(rest) = rest.strip_prefix("[]").or_else(|| rest.strip_prefix("[*]")) else {
        return false;
    };
    let amounts =
        rest.strip_prefix(".resources.limits.").or(rest.strip_prefix(".resources.requests."));
    amounts.is_some_and(|name| name == format!("\"{resource}\""))
}

/// The strongest effect among some candidates, in words.
fn describe_effect(
    candidates: &[Candidate],
    origin: &str,
    pod: &KnownPod<'_>,
) -> (Verdict, String) {
    let kept = pod.tenant.priority_class.unwrap_or("its own priority");
    let effects = candidates.iter().filter(|candidate| !candidate.change.is_none());
    let effects = effects.map(|candidate| candidate_effect(candidate, origin, pod));
    // The first of the strongest: the Pod itself comes before its controllers.
    let strongest = effects.reduce(|best, next| if next.0 > best.0 { next } else { best });
    match strongest {
        Some((Verdict::Keeps, reason)) => (Verdict::Keeps, format!("keeps {kept}: {reason}")),
        Some(effect) => effect,
        None => (Verdict::Keeps, format!("keeps {kept}: {origin} sets no priority")),
    }
}

fn candidate_effect(candidate: &Candidate, origin: &str, pod: &KnownPod<'_>) -> (Verdict, String) {
    let Candidate { change, applies, via } = candidate;
    let result = match (&change.priority, &change.class) {
        (Some(priority), Some(class)) => format!("priority {priority} ({class})"),
        (Some(priority), None) => format!("priority {priority}"),
        (None, Some(class)) => format!("priority class {class}"),
        (None, None) => "another priority".to_owned(),
    };
    let origin_via = match via {
        Some(kind) => format!("{origin}, through its {kind}"),
        None => origin.to_owned(),
    };
    if applies.truth == Ternary::No {
        let is_exclusion = applies.reason.starts_with("excluded");
        let reason = &applies.reason;
        return match (is_exclusion, reason.starts_with("does")) {
            (false, true) => (Verdict::Keeps, format!("{origin} {reason}")),
            _ => (Verdict::Keeps, reason.clone()),
        };
    }
    let own = pod.tenant.priority_class;
    let is_sure = change.doubt.is_none();
    if change.if_missing
        && pod.class().is_some()
        && change.priority.is_none()
        && change.doubt.is_none()
    {
        return (Verdict::Keeps, format!("{origin} only sets a missing class"));
    }
    if is_sure && change.priority.is_none() && change.class.as_deref() == own {
        return (Verdict::Keeps, format!("{origin} sets the same class"));
    }
    let reason = match &change.doubt {
        _ if applies.truth == Ternary::Unknown => &applies.reason,
        Some(doubt) => doubt,
        None if change.if_missing => "it depends on whether the Pod has a class then",
        None => return (Verdict::Changes, format!("{result} by {origin_via}")),
    };
    (Verdict::MayChange, format!("perhaps {result} by {origin_via}: {reason}"))
}
