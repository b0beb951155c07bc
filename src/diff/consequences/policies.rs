//! Admission policies: which namespaces they cover that they did not, and which they leave out now.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Rule, RuleContext, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::model::object::{Object, at, items, strings};
use yaml_spans::Node;

pub(super) const COVERS: Rule = Rule {
    id: "policy-covers",
    severity: Severity::Warning,
    topic: Topic::Policy,
    summary: "A policy covers a namespace that it left out, or is new",
    source: "https://kyverno.io/docs/policy-types/cluster-policy/match-exclude/",
};

pub(super) const FREES: Rule = Rule {
    id: "policy-frees",
    severity: Severity::Warning,
    topic: Topic::Policy,
    summary: "A policy leaves out a namespace that it covered, or is gone",
    source: "https://kyverno.io/docs/policy-types/cluster-policy/match-exclude/",
};

/// The namespaces that are shown.
const SHOWN: usize = 8;

/// The namespaces that one rule reaches, by their names.
#[derive(Debug, Default)]
struct Reach {
    /// The only ones that it matches; none if it does not go by names.
    only: Option<BTreeSet<String>>,
    /// Those that it leaves out.
    excluded: BTreeSet<String>,
}

impl Reach {
    fn covers(&self, namespace: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(namespace))
            && !self.excluded.contains(namespace)
    }

    fn named(&self) -> impl Iterator<Item = &String> {
        self.only.iter().flatten().chain(&self.excluded)
    }
}

/// What each rule of a policy reaches, by the rule's name; a kind without rules has one without a name.
type Rules = BTreeMap<String, Reach>;

pub(super) fn changed_policies(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = difference(context, true);
    findings.extend(difference(context, false));
    findings
}

fn difference(context: &RuleContext<'_>, covers: bool) -> Vec<Finding> {
    let rule = if covers { &COVERS } else { &FREES };
    let mut findings = Vec::new();
    for pair in context.changed() {
        let id = &pair.change.id;
        let said = match (pair.before, pair.after) {
            _ if id.kind == "PolicyException" => {
                let of = |side: Option<&Object>| side.map(exception).unwrap_or_default();
                excepted(&of(pair.before), &of(pair.after), covers)
            }
            (Some(before), Some(after)) => compared(&rules(before), &rules(after), covers),
            (before, after) => {
                let policy = after.or(before).filter(|policy| is_policy(policy));
                let wanted = covers == before.is_none();
                policy.filter(|_| wanted).map(|policy| whole(policy, covers)).into_iter().collect()
            }
        };
        findings.extend(said.into_iter().map(|words| Finding::new(rule, id, words)));
    }
    findings
}

/// Rule by rule, the namespaces that one side reaches and the other does not.
fn compared(before: &Rules, after: &Rules, covers: bool) -> Vec<Message> {
    let mut said = Vec::new();
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let by_rule = |words: Message| match name.is_empty() {
            true => words,
            false => words.and(", by its rule ").code(name),
        };
        match (before.get(name), after.get(name)) {
            (Some(old), Some(new)) => {
                match (&old.only, &new.only) {
                    (Some(_), None) if covers => said.push(by_rule(Message::of(
                        "It now covers every namespace that it does not leave out",
                    ))),
                    (None, Some(only)) if !covers => said.push(by_rule(
                        Message::of("It no longer covers any but ").codes(only, SHOWN),
                    )),
                    _ => {}
                }
                let (from, to) = if covers { (old, new) } else { (new, old) };
                let moved: BTreeSet<&String> = old
                    .named()
                    .chain(new.named())
                    .filter(|namespace| to.covers(namespace) && !from.covers(namespace))
                    .collect();
                if !moved.is_empty() {
                    said.push(by_rule(moves(moved, covers)));
                }
            }
            (None, Some(new)) if covers => {
                let words = Message::of("Its rule ")
                    .code(name)
                    .and(" is new, and applies wherever it matches");
                said.push(except(words, &new.excluded));
            }
            (Some(_), None) if !covers => said.push(
                Message::of("Its rule ")
                    .code(name)
                    .and(" is gone, for every namespace that it covered"),
            ),
            _ => {}
        }
    }
    said
}

/// Exceptions free what they name.
fn excepted(before: &Excepted, after: &Excepted, covers: bool) -> Vec<Message> {
    let (from, to) = if covers { (before, after) } else { (after, before) };
    let gone: Vec<&(String, String)> = from.difference(to).collect();
    let rules: BTreeSet<&String> = gone.iter().map(|(rule, _)| rule).collect();
    let words = |rule: &String| {
        let names = gone.iter().filter(|(of, _)| of == rule).map(|(_, name)| name);
        moves(names, covers).and(", by its rule ").code(rule)
    };
    rules.into_iter().map(words).collect()
}

fn moves<'a>(names: impl IntoIterator<Item = &'a String>, covers: bool) -> Message {
    Message::of(if covers { "It now covers " } else { "It no longer covers " }).codes(names, SHOWN)
}

fn except(words: Message, excluded: &BTreeSet<String>) -> Message {
    match excluded.is_empty() {
        true => words,
        false => words.and(", except in ").codes(excluded, SHOWN),
    }
}

fn is_policy(object: &Object) -> bool {
    matches!(object.id.group.as_str(), "kyverno.io" | "policies.kyverno.io")
}

/// Of a policy that is new or gone.
fn whole(policy: &Object, covers: bool) -> Message {
    if !covers {
        return Message::of(
            "Once it is pruned it applies nowhere any more, to no namespace that it covered",
        );
    }
    let excluded = rules(policy).into_values().flat_map(|reach| reach.excluded).collect();
    except(Message::of("It is new, and applies wherever it matches"), &excluded)
}

/// What a policy's rules reach, as far as namespaces' names say it: those that a block names and
/// nothing else.
fn rules(policy: &Object) -> Rules {
    let id = &policy.id;
    match (id.group.as_str(), id.kind.as_str()) {
        ("kyverno.io", "ClusterPolicy" | "Policy") => {
            let rules = items(&policy.node, &["spec", "rules"]);
            let named = |rule| {
                let name = at(rule, &["name"]).and_then(Node::as_str).unwrap_or_default();
                let excluded = blocks(rule, "exclude").into_iter().flat_map(namespaces);
                let excluded = excluded.map(str::to_owned).collect();
                (name.to_owned(), Reach { only: matched(rule), excluded })
            };
            rules.iter().map(named).collect()
        }
        ("policies.kyverno.io", _) => {
            let selector = ["spec", "matchConstraints", "namespaceSelector"];
            let terms = |operator: &'static str| {
                let terms = [&selector[..], &["matchExpressions"]].concat();
                let text =
                    |term: &Node, key| term.get(key).and_then(Node::as_str).map(str::to_owned);
                items(&policy.node, &terms)
                    .iter()
                    .filter(move |term| {
                        text(term, "key").as_deref() == Some(NAME_LABEL)
                            && text(term, "operator").as_deref() == Some(operator)
                    })
                    .flat_map(|term| strings(term, &["values"]))
                    .map(str::to_owned)
                    .collect::<BTreeSet<String>>()
            };
            let label = policy.text(&[&selector[..], &["matchLabels", NAME_LABEL]].concat());
            let only: BTreeSet<String> =
                terms("In").into_iter().chain(label.map(str::to_owned)).collect();
            let only = Some(only).filter(|only| !only.is_empty());
            Rules::from([(String::new(), Reach { only, excluded: terms("NotIn") })])
        }
        _ => Rules::new(),
    }
}

/// The label that every namespace has its name in.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The blocks of a rule's `match` or `exclude`. `any` shadows the direct form.
fn blocks<'a>(rule: &'a Node, which: &str) -> Vec<&'a Node> {
    let Some(block) = at(rule, &[which]) else { return Vec::new() };
    match block.get("any") {
        Some(any) => any.as_sequence().unwrap_or_default().iter().collect(),
        None => vec![block],
    }
}

/// The only namespaces that a rule matches: every block of `any` names some, or one of `all` does.
fn matched(rule: &Node) -> Option<BTreeSet<String>> {
    let of = |block: &Node| {
        let names = strings(block, &["resources", "namespaces"]);
        (!names.is_empty()).then(|| names.into_iter().map(str::to_owned).collect::<BTreeSet<_>>())
    };
    if let Some(found) = items(rule, &["match", "all"]).iter().find_map(of) {
        return Some(found);
    }
    let each: Option<Vec<_>> = blocks(rule, "match").into_iter().map(of).collect();
    each.filter(|each| !each.is_empty()).map(|each| each.into_iter().flatten().collect())
}

/// The namespaces of a block in which nothing else narrows them.
fn namespaces(block: &Node) -> Vec<&str> {
    let one = |node: &Node| node.as_mapping().is_some_and(|map| map.len() == 1);
    let alone = one(block) && at(block, &["resources"]).is_some_and(one);
    if alone { strings(block, &["resources", "namespaces"]) } else { Vec::new() }
}

/// A rule, with its policy's name before it, and a namespace.
type Excepted = BTreeSet<(String, String)>;

/// An exception frees what it matches, its kinds apart.
fn exception(policy: &Object) -> Excepted {
    let matched =
        ["any", "all"].into_iter().flat_map(|list| items(&policy.node, &["spec", "match", list]));
    let names: Vec<&str> =
        matched.flat_map(|block| strings(block, &["resources", "namespaces"])).collect();
    let excepted = items(&policy.node, &["spec", "exceptions"]).iter().flat_map(|exception| {
        let policy = at(exception, &["policyName"]).and_then(Node::as_str).unwrap_or_default();
        let rules = strings(exception, &["ruleNames"]);
        rules.into_iter().map(move |rule| format!("{policy}/{rule}"))
    });
    excepted
        .flat_map(|rule| names.iter().map(move |name| (rule.clone(), (*name).to_owned())))
        .collect()
}
