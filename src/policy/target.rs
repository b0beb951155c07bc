//! Selects the policy of a file, and the rule in it, that a request is about.

use super::decide::{rule_exclusions, rule_names};
use super::error::Error;
use super::evaluate::{Exclusions, PolicyExclusions, RuleExclusions};
use super::model::{Filter, Kind, Policy, Rule, error_at, find_policies, found_kinds};
use super::mutating::policy_exclusions;
use super::{Errors, Request};
use yaml_spans::diagnostic::Located;
use yaml_spans::source::{SourceId, Span};
use yaml_spans::{Node, suggestion};

/// A policy of a file, and of a ClusterPolicy one of its rules, by index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub policy: usize,
    pub rule: Option<usize>,
}

impl Target {
    /// The policy among the documents that the target was selected from, or an edited version.
    pub fn policy<'a>(&self, documents: &'a [Node]) -> Option<Policy<'a>> {
        find_policies(documents).into_iter().nth(self.policy)
    }

    /// The rule of the policy.
    pub fn rule<'a>(&self, policy: &Policy<'a>) -> Option<Rule<'a>> {
        policy.rules().into_iter().nth(self.rule?)
    }

    /// The target's exclusions.
    pub fn exclusions<'a>(&self, documents: &'a [Node]) -> Option<Exclusions<'a>> {
        let policy = self.policy(documents)?;
        Some(match self.rule {
            Some(_) => Exclusions::Rule(RuleExclusions::read(&self.rule(&policy)?)),
            None => Exclusions::Policy(PolicyExclusions::read(&policy)),
        })
    }

    /// Counts how often the namespace's own name is in the excluded lists.
    pub fn count_listed(&self, documents: &[Node], namespace: &str) -> Option<usize> {
        let policy = self.policy(documents)?;
        Some(match self.rule {
            Some(_) => {
                let names = rule_exclusions(&self.rule(&policy)?);
                names.into_iter().filter(|name| *name == namespace).count()
            }
            None => policy_exclusions(&policy).iter().filter(|name| *name == namespace).count(),
        })
    }
}

/// Finds the policy and, in a ClusterPolicy, the rule. The rule need not be named if there is only
/// one, or only one that excludes something.
pub(super) fn select_target(
    documents: &[Node],
    request: &Request<'_>,
    source: SourceId,
) -> Result<Target, Errors> {
    let policies = find_policies(documents);
    let at = select_policy(&policies, request.policy, documents).map_err(|mut error| {
        error.span = Some(Span::new(source, 0, 0));
        vec![error]
    })?;
    let policy = &policies[at];
    let rule = match (policy.kind, request.rule) {
        (Kind::MutatingPolicy | Kind::ValidatingPolicy, None) => None,
        (kind @ (Kind::MutatingPolicy | Kind::ValidatingPolicy), Some(_)) => {
            let error = Error::RuleOfPolicy(kind.name());
            return Err(vec![error_at(error, policy.node.span, &policy.path)]);
        }
        (Kind::ClusterPolicy, name) => {
            Some(select_rule(policy, name).map_err(|error| vec![error])?)
        }
    };
    Ok(Target { policy: at, rule })
}

fn select_policy(
    policies: &[Policy<'_>],
    name: Option<&str>,
    documents: &[Node],
) -> Result<usize, Located<Error>> {
    let root = yaml_spans::Path::root();
    let candidates: Vec<usize> = (0..policies.len())
        .filter(|&at| name.is_none_or(|name| name == policies[at].name))
        .collect();
    match (&candidates[..], name) {
        ([at], _) => Ok(*at),
        ([], Some(name)) if !policies.is_empty() => {
            let names: Vec<&str> = policies.iter().map(|policy| policy.name).collect();
            let error = error_at(Error::UnknownPolicy(name.to_owned()), None, &root);
            Err(with_suggestion(error, name, &names))
        }
        ([], _) => Err(error_at(Error::NoPolicy(found_kinds(documents)), None, &root)),
        _ => Err(error_at(Error::WhichPolicy(candidates.len()), None, &root)),
    }
}

fn select_rule(policy: &Policy<'_>, name: Option<&str>) -> Result<usize, Located<Error>> {
    let rules = policy.rules();
    let path = policy.path.key("spec").key("rules");
    let node = policy.node.get("spec").and_then(|spec| spec.get("rules"));
    let span = node.and_then(|node| node.span).or(policy.node.span);
    if rules.is_empty() {
        return Err(error_at(Error::NoRules, span, &path));
    }
    if let Some(name) = name {
        return rules.iter().position(|rule| rule.name == name).ok_or_else(|| {
            let error = error_at(Error::UnknownRule(name.to_owned()), span, &path);
            with_suggestion(error, name, &rule_names(&rules))
        });
    }
    let excluding: Vec<usize> = (0..rules.len())
        .filter(|&at| !matches!(Filter::read(&rules[at], "exclude"), Ok(Filter::Empty)))
        .collect();
    match (rules.len(), &excluding[..]) {
        (1, _) => Ok(0),
        (_, [at]) => Ok(*at),
        (count, _) => {
            let names: Vec<String> =
                rule_names(&rules).iter().map(|name| format!("`{name}`")).collect();
            let mut error = error_at(Error::WhichRule(count), span, &path);
            if let Some(fix) = error.hint {
                error.hint = Some(format!("{fix}: {}", names.join(", ")).into());
            }
            Err(error)
        }
    }
}

fn with_suggestion(error: Located<Error>, wrong: &str, names: &[&str]) -> Located<Error> {
    match suggestion(wrong, names) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
