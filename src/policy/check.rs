//! The three checks of an edited text: it can be read again; its data is the old data with the one
//! change; and the policy excludes the namespaces that it should, and no other.

use std::collections::BTreeSet;

use super::change::Change;
use super::error::Error;
use super::evaluate::{Exclusions, Ternary, collect_names};
use super::model::error_at;
use super::target::Target;
use yaml_spans::diagnostic::Located;
use yaml_spans::source::{Source, SourceId, Sources};
use yaml_spans::{Dialect, Node, Path, parse};

/// The state that an edit must reach for its namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// They are excluded.
    Excluded,
    /// Their name is listed once less.
    Unlisted,
}

/// A text that was read, with its sources.
pub(super) struct Parsed {
    pub sources: Sources,
    pub source: SourceId,
    pub documents: Vec<Node>,
}

/// Reads a text on its own. None if it is not valid YAML.
pub(super) fn parse_alone(text: &str) -> Option<Parsed> {
    let mut sources = Sources::new();
    let source = sources.add(Source::written("", text));
    let documents = parse(&sources, source, Dialect::Kubectl).ok()?;
    Some(Parsed { sources, source, documents })
}

/// Checks an edited text against the documents before the edit.
pub(super) fn check_edit(
    before: &[Node],
    edited: &str,
    target: Target,
    change: &Change,
    namespaces: &[&str],
    expected: Expected,
) -> Result<(), Error> {
    let Some(Parsed { documents: after, .. }) = parse_alone(edited) else {
        return Err(Error::Check("it is not valid YAML"));
    };
    if changed_data(before, target, change).as_ref() != Some(&after) {
        return Err(Error::Check("more than the one entry changed"));
    }
    let (old, new) = (target.exclusions(before), target.exclusions(&after));
    let excludes = |exclusions: &Option<Exclusions<'_>>, namespace: &str| {
        exclusions.as_ref().map(|exclusions| exclusions.exclude(namespace))
    };
    for namespace in namespaces {
        match expected {
            Expected::Excluded => {
                if excludes(&new, namespace) != Some(Ternary::Yes) {
                    return Err(Error::Check("a Pod of the namespace would not be excluded"));
                }
            }
            Expected::Unlisted => {
                let listed_before = target.count_listed(before, namespace).unwrap_or(0);
                let listed_after = target.count_listed(&after, namespace).unwrap_or(0);
                if listed_after + 1 != listed_before {
                    return Err(Error::Check("the name would still be listed"));
                }
            }
        }
    }
    for other in other_namespaces(before, &after, namespaces) {
        if excludes(&old, &other) != excludes(&new, &other) {
            return Err(Error::Check("another namespace would be affected"));
        }
    }
    Ok(())
}

/// The documents with the change made in data instead of text.
fn changed_data(before: &[Node], target: Target, change: &Change) -> Option<Vec<Node>> {
    let document = target.policy(before)?.document;
    let mut documents = before.to_vec();
    change.apply_to_data(documents.get_mut(document)?)?;
    Some(documents)
}

/// Namespaces to try: all that either text names, and some with names near the edited ones.
fn other_namespaces(before: &[Node], after: &[Node], namespaces: &[&str]) -> BTreeSet<String> {
    let mut found = vec!["default".to_owned(), "x".to_owned()];
    before.iter().chain(after).for_each(|node| collect_names(node, &mut found));
    for namespace in namespaces {
        let shorter = &namespace[..namespace.len().saturating_sub(1)];
        let near = [shorter, &format!("{namespace}-x"), &format!("x-{namespace}")];
        found.extend(near.into_iter().filter(|name| !name.is_empty()).map(str::to_owned));
    }
    let mut found = BTreeSet::from_iter(found);
    for namespace in namespaces {
        found.remove(*namespace);
    }
    found
}

/// An error about the target as a whole.
pub(super) fn error_at_target(documents: &[Node], target: Target, error: Error) -> Located<Error> {
    let Some(policy) = target.policy(documents) else {
        return Located::new(error, None, Path::root());
    };
    match target.rule(&policy) {
        Some(rule) => error_at(error, rule.node.span, &rule.path),
        None => error_at(error, policy.node.span, &policy.path),
    }
}
