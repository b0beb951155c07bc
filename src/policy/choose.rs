//! Which policy of a file and which of its rules is meant.

use super::check::Chosen;
use super::decide::rule_names;
use super::error::Error;
use super::model::{Filter, Kind, Policy, policies, refuse};
use super::{Errors, Request};
use yaml_spans::diagnostic::Located;
use yaml_spans::source::{SourceId, Span};
use yaml_spans::{Node, name_hint};

/// Finds the policy and, of a ClusterPolicy, the rule. A rule need not be named where there is one
/// alone, or one alone that leaves something out.
pub(super) fn choose(
    documents: &[Node],
    request: &Request<'_>,
    source: SourceId,
) -> Result<Chosen, Errors> {
    let all = policies(documents);
    let start = Some(Span::new(source, 0, 0));
    let named = |policy: &Policy<'_>| request.policy.is_none_or(|name| name == policy.name);
    let found: Vec<usize> = (0..all.len()).filter(|&at| named(&all[at])).collect();
    let names: Vec<&str> = all.iter().map(|policy| policy.name).collect();
    let root = yaml_spans::Path::root();
    let at = match (&found[..], request.policy) {
        ([at], _) => *at,
        ([], None) => return Err(vec![refuse(Error::NoPolicy, start, &root)]),
        ([], Some(_)) if all.is_empty() => {
            return Err(vec![refuse(Error::NoPolicy, start, &root)]);
        }
        ([], Some(name)) => {
            let error = refuse(Error::UnknownPolicy(name.to_owned()), start, &root);
            return Err(vec![with_names(error, name, &names)]);
        }
        _ => {
            let error = refuse(Error::WhichPolicy(found.len()), start, &root);
            return Err(vec![error]);
        }
    };
    let policy = &all[at];
    let rule = match (policy.kind, request.rule) {
        (Kind::MutatingPolicy, None) => None,
        (Kind::MutatingPolicy, Some(_)) => {
            return Err(vec![refuse(Error::RuleOfMutatingPolicy, policy.node.span, &policy.path)]);
        }
        (Kind::ClusterPolicy, name) => Some(rule(policy, name).map_err(|error| vec![error])?),
    };
    Ok(Chosen { policy: at, rule })
}

fn rule(policy: &Policy<'_>, name: Option<&str>) -> Result<usize, Located<Error>> {
    let rules = policy.rules();
    let path = policy.path.key("spec").key("rules");
    let node = policy.node.get("spec").and_then(|spec| spec.get("rules"));
    let span = node.and_then(|node| node.span).or(policy.node.span);
    if rules.is_empty() {
        return Err(refuse(Error::NoRules, span, &path));
    }
    if let Some(name) = name {
        let error = || {
            let error = refuse(Error::UnknownRule(name.to_owned()), span, &path);
            with_names(error, name, &rule_names(&rules))
        };
        return rules.iter().position(|rule| rule.name == name).ok_or_else(error);
    }
    let excludes = |at: &usize| {
        let filter = Filter::read(&rules[*at], "exclude");
        !matches!(filter, Ok(Filter::Empty))
    };
    let excluding: Vec<usize> = (0..rules.len()).filter(excludes).collect();
    match (rules.len(), &excluding[..]) {
        (1, _) => Ok(0),
        (_, [at]) => Ok(*at),
        (count, _) => {
            let names: Vec<String> =
                rule_names(&rules).iter().map(|name| format!("`{name}`")).collect();
            let mut error = refuse(Error::WhichRule(count), span, &path);
            let cure = error.hint.unwrap_or_default();
            error.hint = Some(format!("{cure}: {}", names.join(", ")));
            Err(error)
        }
    }
}

fn with_names(error: Located<Error>, wrong: &str, names: &[&str]) -> Located<Error> {
    match name_hint(wrong, names) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
