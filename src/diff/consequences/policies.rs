//! Admission policies: the namespaces that they newly cover, and those that they no longer cover.

use std::collections::{BTreeMap, BTreeSet};

use super::{ChangedObject, Finding, Rule, RuleContext, Topic};
use crate::model::Message;
use crate::model::Severity;
use crate::policy::{Coverage, Ternary, policy_coverage};

pub(super) const COVERS: Rule = Rule {
    id: "policy-covers",
    severity: Severity::Warning,
    topic: Topic::Policy,
    summary: "A policy covers a namespace that it excluded before, or is new",
    source: "https://kyverno.io/docs/policy-types/cluster-policy/match-exclude/",
};

pub(super) const FREES: Rule = Rule {
    id: "policy-frees",
    severity: Severity::Warning,
    topic: Topic::Policy,
    summary: "A policy excludes a namespace that it covered before, or is removed",
    source: "https://kyverno.io/docs/policy-types/cluster-policy/match-exclude/",
};

/// The most namespaces that a message names.
const MAX_NAMED: usize = 8;

/// A name that represents every namespace that neither version mentions.
const ANY_OTHER: &str = "any-other-namespace";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Covers,
    Frees,
}

/// The coverage of a policy's rules, by name.
type Rules<'a> = BTreeMap<String, Coverage<'a>>;

pub(super) fn changed_policies(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pair in context.changed() {
        for (rule, direction) in [(&COVERS, Direction::Covers), (&FREES, Direction::Frees)] {
            let messages = policy_changes(&pair, direction).into_iter();
            findings.extend(messages.map(|message| Finding::new(rule, &pair.change.id, message)));
        }
    }
    findings
}

fn policy_changes(pair: &ChangedObject<'_>, direction: Direction) -> Vec<Message> {
    let [before, after] = [pair.before, pair.after].map(|object| {
        let coverage = object.map(|object| policy_coverage(&object.node)).unwrap_or_default();
        coverage.into_iter().map(|rule| (rule.rule.clone(), rule)).collect::<Rules<'_>>()
    });
    let id = &pair.change.id;
    let is_policy = matches!(id.group.as_str(), "kyverno.io" | "policies.kyverno.io");
    if is_policy && id.kind != "PolicyException" {
        match (pair.before, pair.after, direction) {
            (None, _, Direction::Covers) => {
                let message = Message::of("It is new, and applies wherever it matches");
                return vec![with_exclusions(message, after.values())];
            }
            (_, None, Direction::Frees) => {
                let message = "Once it is pruned, it no longer applies to any namespace";
                return vec![Message::of(message)];
            }
            (None, ..) | (_, None, _) => return Vec::new(),
            _ => {}
        }
    }
    let mut messages = Vec::new();
    for name in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        let subject = match (name.as_str(), id.kind.as_str()) {
            ("", _) => Message::of("It"),
            (name, "PolicyException") => Message::of("Rule ").code(name),
            (name, _) => Message::of("Its rule ").code(name),
        };
        match (before.get(name), after.get(name)) {
            (None, Some(rule)) if id.kind != "PolicyException" => {
                if direction == Direction::Covers {
                    let message = subject.and(" is new, and applies wherever it matches");
                    messages.push(with_exclusions(message, [rule]));
                }
            }
            (Some(_), None) if id.kind != "PolicyException" => {
                if direction == Direction::Frees {
                    messages
                        .push(subject.and(" is removed: it no longer applies to any namespace"));
                }
            }
            (before, after) => messages.extend(rule_changes(&subject, before, after, direction)),
        }
    }
    messages
}

fn with_exclusions<'a>(
    message: Message,
    rules: impl IntoIterator<Item = &'a Coverage<'a>>,
) -> Message {
    let mut excluded = BTreeSet::new();
    for rule in rules {
        let names = rule.namespaces.iter();
        excluded.extend(names.filter(|name| rule.covers(name) == Ternary::No));
    }
    match excluded.is_empty() {
        true => message,
        false => message.and(", except in ").codes(excluded, MAX_NAMED),
    }
}

/// Compares a rule's coverage of every namespace that either version mentions, and of the others.
/// Without an exception, a rule covers every namespace.
fn rule_changes(
    subject: &Message,
    before: Option<&Coverage<'_>>,
    after: Option<&Coverage<'_>>,
    direction: Direction,
) -> Vec<Message> {
    let mentioned: BTreeSet<&String> =
        before.iter().chain(after.iter()).flat_map(|rule| &rule.namespaces).collect();
    let of_others = coverage_change(before, after, ANY_OTHER, direction);
    let mut by_answer: BTreeMap<Ternary, Vec<&String>> = BTreeMap::new();
    for namespace in &mentioned {
        match coverage_change(before, after, namespace, direction) {
            Some(answer) if Some(answer) != of_others => {
                by_answer.entry(answer).or_default().push(namespace);
            }
            _ => {}
        }
    }
    let mut messages = Vec::new();
    if let Some(answer) = of_others {
        let message = subject.clone().and(verb(answer, direction));
        messages.push(match direction {
            Direction::Covers => message.and("every namespace that it does not exclude"),
            Direction::Frees => {
                let kept: Vec<&String> = mentioned
                    .into_iter()
                    .filter(|name| after.is_none_or(|rule| rule.covers(name) == Ternary::Yes))
                    .collect();
                let message = message.and("any namespace");
                if kept.is_empty() { message } else { message.and(" but ").codes(kept, MAX_NAMED) }
            }
        });
    }
    for (answer, names) in by_answer.into_iter().rev() {
        messages.push(subject.clone().and(verb(answer, direction)).codes(names, MAX_NAMED));
    }
    messages
}

/// The new answer for a namespace, if the rule's coverage of it changed in the direction.
fn coverage_change(
    before: Option<&Coverage<'_>>,
    after: Option<&Coverage<'_>>,
    namespace: &str,
    direction: Direction,
) -> Option<Ternary> {
    let [before, after] =
        [before, after].map(|rule| rule.map_or(Ternary::Yes, |rule| rule.covers(namespace)));
    match direction {
        Direction::Covers => (after > before).then_some(after),
        Direction::Frees => (after < before).then_some(after),
    }
}

fn verb(answer: Ternary, direction: Direction) -> &'static str {
    match (direction, answer) {
        (Direction::Covers, Ternary::Unknown) => " may now cover ",
        (Direction::Covers, _) => " now covers ",
        (Direction::Frees, Ternary::Unknown) => " may no longer cover ",
        (Direction::Frees, _) => " no longer covers ",
    }
}
