//! The three checks of an edited text: it is read again; its data is the old data with the one
//! change; and the policy leaves out whom it should, and nobody else.

use std::collections::BTreeSet;

use super::change::Change;
use super::decide;
use super::error::Error;
use super::evaluate::{Truth, mutating_leaves_out, names, rule_leaves_out};
use super::model::{Policy, policies, refuse};
use super::mutating;
use yaml_spans::diagnostic::Located;
use yaml_spans::source::{Source, SourceId, Sources};
use yaml_spans::{Dialect, Node, Path, parse};

/// Which policy of a file, and which of its rules, by number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chosen {
    pub policy: usize,
    pub rule: Option<usize>,
}

impl Chosen {
    fn policy<'a>(&self, documents: &'a [Node]) -> Option<Policy<'a>> {
        policies(documents).into_iter().nth(self.policy)
    }

    /// Whether it leaves a Pod of the namespace out.
    pub fn leaves_out(&self, documents: &[Node], namespace: &str) -> Option<Truth> {
        let policy = self.policy(documents)?;
        Some(match self.rule {
            Some(rule) => rule_leaves_out(policy.rules().get(rule)?, namespace),
            None => mutating_leaves_out(&policy, namespace),
        })
    }

    /// How often the namespace's own name stands in what is left out.
    pub fn times_listed(&self, documents: &[Node], namespace: &str) -> Option<usize> {
        let policy = self.policy(documents)?;
        let times = |names: &[&str]| names.iter().filter(|name| **name == namespace).count();
        Some(match self.rule {
            Some(rule) => times(&decide::certain(policy.rules().get(rule)?)),
            None => {
                let names = mutating::certain(&policy);
                times(&names.iter().map(String::as_str).collect::<Vec<_>>())
            }
        })
    }
}

/// A text of its own, with what is read from it.
pub(super) fn read_again(text: &str) -> Option<(Sources, SourceId, Vec<Node>)> {
    let mut sources = Sources::new();
    let source = sources.add(Source::written("", text));
    let documents = parse(&sources, source, Dialect::Kubectl).ok()?;
    Some((sources, source, documents))
}

/// Checks the edited text; `out` says whether the namespaces must be left out now, or one of the names of
/// each gone.
pub(super) fn check(
    before: &[Node],
    edited: &str,
    chosen: Chosen,
    change: &Change,
    namespaces: &[&str],
    out: bool,
) -> Result<(), Error> {
    let Some((_, _, after)) = read_again(edited) else {
        return Err(Error::Check("it is not YAML any more"));
    };
    let document = chosen.policy(before).map(|policy| policy.document);
    let meant = document.and_then(|document| {
        let mut meant = before.to_vec();
        change.mean(meant.get_mut(document)?)?;
        Some(meant)
    });
    if meant.as_ref() != Some(&after) {
        return Err(Error::Check("more than the one entry changed"));
    }
    for namespace in namespaces {
        if out && chosen.leaves_out(&after, namespace) != Some(Truth::Yes) {
            return Err(Error::Check("a Pod of the namespace would not be left out"));
        }
        let listed = |documents: &[Node]| chosen.times_listed(documents, namespace).unwrap_or(0);
        if !out && listed(&after) + 1 != listed(before) {
            return Err(Error::Check("the name would still be listed"));
        }
    }
    for other in others(before, &after, namespaces) {
        if chosen.leaves_out(before, &other) != chosen.leaves_out(&after, &other) {
            return Err(Error::Check("another namespace would be treated differently"));
        }
    }
    Ok(())
}

/// Namespaces to try: all that either text names, and some near those that are meant.
fn others(before: &[Node], after: &[Node], namespaces: &[&str]) -> BTreeSet<String> {
    let mut found = vec!["default".to_owned(), "x".to_owned()];
    before.iter().chain(after).for_each(|node| names(node, &mut found));
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

/// An error about the chosen rule or policy as a whole.
pub(super) fn refuse_chosen(documents: &[Node], chosen: Chosen, error: Error) -> Located<Error> {
    let Some(policy) = chosen.policy(documents) else {
        return Located::new(error, None, Path::root());
    };
    match chosen.rule.and_then(|rule| policy.rules().into_iter().nth(rule)) {
        Some(rule) => refuse(error, rule.node.span, &rule.path),
        None => refuse(error, policy.node.span, &policy.path),
    }
}
