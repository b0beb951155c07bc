//! Admission policies: which namespaces they cover that they did not, and which they leave out now.

use std::collections::BTreeSet;

use super::{Case, Finding, Rule, Severity, Topic};
use crate::review::object::{Object, at, items, strings};
use crate::review::words::Words;
use crate::yaml::Node;

pub(super) const COVERS: Rule = Rule {
    id: "policy-covers",
    severity: Severity::Attention,
    topic: Topic::Policy,
    what: "A policy covers a namespace that it left out",
    source: "https://kyverno.io/docs/policy-types/cluster-policy/match-exclude/",
    detect: |case| difference(case, true),
};

pub(super) const FREES: Rule = Rule {
    id: "policy-frees",
    severity: Severity::Attention,
    topic: Topic::Policy,
    what: "A policy leaves out a namespace that it covered",
    source: "https://kyverno.io/docs/policy-types/cluster-policy/match-exclude/",
    detect: |case| difference(case, false),
};

/// The namespaces that are shown.
const SHOWN: usize = 8;

/// A rule of a policy, and the namespaces that it leaves out.
type Excluded = BTreeSet<(String, String)>;

fn difference(case: &Case<'_>, covers: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pair in case.changed() {
        // A policy that is new or gone covers or frees by all of itself: that it is, is said anyway.
        let exception = pair.change.id.kind == "PolicyException";
        let (before, after) = match (pair.before, pair.after, exception) {
            (Some(before), Some(after), _) => (excluded(before), excluded(after)),
            (None, Some(after), true) => (Excluded::new(), excluded(after)),
            (Some(before), None, true) => (excluded(before), Excluded::new()),
            _ => continue,
        };
        let (from, to) = if covers { (&before, &after) } else { (&after, &before) };
        let gone: Vec<&(String, String)> = from.difference(to).collect();
        let rules: BTreeSet<&str> = gone.iter().map(|(rule, _)| rule.as_str()).collect();
        for rule in rules {
            let names = gone.iter().filter(|(of, _)| of == rule).map(|(_, name)| name.as_str());
            let words = Words::of(if covers { "It now covers " } else { "It no longer covers " });
            let words = words.codes(names, SHOWN);
            let words =
                if rule.is_empty() { words } else { words.and(", by its rule ").code(rule) };
            findings.push(Finding::new(&pair.change.id, words));
        }
    }
    findings
}

/// The namespaces that a policy leaves out altogether: those that a block names and nothing else.
fn excluded(policy: &Object) -> Excluded {
    let id = &policy.id;
    match (id.group.as_str(), id.kind.as_str()) {
        ("kyverno.io", "ClusterPolicy" | "Policy") => {
            let rules = items(&policy.node, &["spec", "rules"]);
            rules.iter().flat_map(|rule| of_rule(rule, "exclude")).collect()
        }
        ("kyverno.io", "PolicyException") => exception(policy),
        ("policies.kyverno.io", _) => {
            let terms = ["spec", "matchConstraints", "namespaceSelector", "matchExpressions"];
            let not_in = items(&policy.node, &terms).iter().filter(|term| {
                let text = |key| at(term, &[key]).and_then(Node::as_str);
                text("key") == Some("kubernetes.io/metadata.name")
                    && text("operator") == Some("NotIn")
            });
            not_in
                .flat_map(|term| strings(term, &["values"]))
                .map(|name| (String::new(), name.to_owned()))
                .collect()
        }
        _ => Excluded::new(),
    }
}

/// The namespaces of a rule's block. `any` shadows the direct form.
fn of_rule(rule: &Node, block: &str) -> Vec<(String, String)> {
    let name = at(rule, &["name"]).and_then(Node::as_str).unwrap_or_default();
    let Some(block) = at(rule, &[block]) else { return Vec::new() };
    let blocks: Vec<&Node> = match block.get("any") {
        Some(any) => any.as_sequence().unwrap_or_default().iter().collect(),
        None => vec![block],
    };
    let names = blocks.into_iter().flat_map(namespaces);
    names.map(|namespace| (name.to_owned(), namespace.to_owned())).collect()
}

/// The namespaces of a block in which nothing else narrows them.
fn namespaces(block: &Node) -> Vec<&str> {
    let one = |node: &Node| node.as_mapping().is_some_and(|map| map.len() == 1);
    let alone = one(block) && at(block, &["resources"]).is_some_and(one);
    if alone { strings(block, &["resources", "namespaces"]) } else { Vec::new() }
}

/// An exception frees what it matches, its kinds apart.
fn exception(policy: &Object) -> Excluded {
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
