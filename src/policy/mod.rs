//! What a Kyverno policy leaves out, and the edit that adds one namespace to it.
//!
//! In: the owner's text and a namespace. Out: the same text with one entry more, or the reason why
//! not; what a policy does to a Pod, in words; a PolicyException. `render`, `lint` and the command
//! line call it; it calls `edit`, `yaml`, `source` and `diagnostic`.
//!
//! The policy is somebody else's: an edit touches the one list, or refuses. The shapes that it knows
//! are those of kyverno/policies and of the cluster the stack runs in; the semantics are those of
//! Kyverno 1.19.

mod cel;
mod change;
mod check;
mod choose;
mod decide;
mod error;
mod evaluate;
mod exception;
mod model;
mod mutating;
mod show;
mod wildcard;

use std::collections::BTreeSet;

use self::change::Change;
use self::check::{Chosen, check, read_again, refuse_chosen};
use self::decide::Decision;
pub use self::error::Error;
use self::evaluate::Truth;
pub use self::exception::{Exception, ExceptionOf, exception, exception_needs};
pub use self::model::Kind;
use self::model::{Policy, policies, refuse};
pub use self::show::{Shown, ShownRule, Tenant, Verdict, show};
pub use self::wildcard::matches;
use yaml_spans::diagnostic::Located;
use yaml_spans::edit::Editor;
use yaml_spans::source::{SourceId, Sources};
use yaml_spans::{Dialect, Node, Path, parse};

/// Whom to leave out of what.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The rule, where a ClusterPolicy has several.
    pub rule: Option<&'a str>,
    /// The policy's name, where the file holds several.
    pub policy: Option<&'a str>,
}

/// What an edit came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The text with the edit; as it was where nothing was to be done.
    pub text: String,
    /// What was done.
    pub status: Status,
    /// The policy's name.
    pub policy: String,
    /// The rule's name; none for a MutatingPolicy.
    pub rule: Option<String>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// The namespace was added.
    Added,
    /// It is left out already.
    AlreadyCovered {
        /// By what, in words: its name, or a glob in backticks.
        by: String,
    },
    /// The namespace was taken out.
    Removed {
        /// What leaves it out still, in words.
        still_covered_by: Option<String>,
    },
    /// Its name stands in no list, so there is nothing to take out.
    NotListed {
        /// What leaves it out all the same, in words.
        still_covered_by: Option<String>,
    },
}

type Errors = Vec<Located<Error>>;

/// Adds a namespace to what a policy leaves out; every other byte stays as it is. The result is
/// checked: it is read again, its data is the old with the one entry more, the namespace's Pods are
/// left out and every other namespace's are treated as before.
///
/// Errors: the text can't be read, the policy or rule is not clear, or its shape is not one where
/// one entry does exactly that; each with its place.
pub fn exclude(
    sources: &Sources,
    source: SourceId,
    request: &Request<'_>,
) -> Result<Outcome, Errors> {
    exclude_all(sources, source, request, &[])
}

/// The same for more namespaces, in one edit: the text is what [`exclude`] makes of it, called for one
/// after the other, without the time that so many edits take.
pub fn exclude_all(
    sources: &Sources,
    source: SourceId,
    request: &Request<'_>,
    more: &[&str],
) -> Result<Outcome, Errors> {
    let mut seen = BTreeSet::new();
    let all = std::iter::once(request.namespace).chain(more.iter().copied());
    let namespaces: Vec<&str> = all.filter(|name| seen.insert(*name)).collect();
    let documents = read(sources, source, &namespaces)?;
    let chosen = choose::choose(&documents, request, source)?;
    let (policy, decision) = decision(&documents, chosen, &namespaces)?;
    let outcome = |text: String, status| Outcome {
        text,
        status,
        policy: policy.name.to_owned(),
        rule: rule_name(&policy, chosen),
    };
    let changes = match decision {
        Decision::Covered(by) => {
            let text = sources.get(source).text().to_owned();
            return Ok(outcome(text, Status::AlreadyCovered { by }));
        }
        Decision::Change(changes) => changes,
    };
    let editor = open(sources, source)?;
    let attempt = |change: &Change| {
        let text = change.apply(&editor, policy.document)?;
        check(&documents, &text, chosen, change, &namespaces, true)
            .map_err(|error| refuse_chosen(&documents, chosen, error))?;
        Ok(text)
    };
    let text = first(changes.iter().map(attempt))?;
    Ok(outcome(text, Status::Added))
}

/// Takes a namespace's own name out again. What [`exclude`] put in is taken out byte for byte, the
/// block or the key that it had to make included; a name that the owner put there goes with its
/// line.
///
/// Errors: as [`exclude`].
pub fn include(
    sources: &Sources,
    source: SourceId,
    request: &Request<'_>,
) -> Result<Outcome, Errors> {
    let documents = read(sources, source, &[request.namespace])?;
    let chosen = choose::choose(&documents, request, source)?;
    let all = policies(&documents);
    let policy = &all[chosen.policy];
    let changes = match chosen.rule {
        Some(rule) => decide::listed(&policy.rules()[rule], request.namespace).map_err(one)?,
        None => mutating::listed(policy, request.namespace),
    };
    let original = sources.get(source).text();
    let outcome = |text: String, status| Outcome {
        text,
        status,
        policy: policy.name.to_owned(),
        rule: rule_name(policy, chosen),
    };
    if changes.is_empty() {
        let still_covered_by = covered_by(&documents, chosen, request.namespace);
        return Ok(outcome(original.to_owned(), Status::NotListed { still_covered_by }));
    }
    let editor = open(sources, source)?;
    let attempt = |change: &Change| {
        let text = change.apply(&editor, policy.document)?;
        check(&documents, &text, chosen, change, &[request.namespace], false)
            .map_err(|error| refuse_chosen(&documents, chosen, error))?;
        Ok(text)
    };
    let attempts: Vec<Result<String, Located<Error>>> = changes.iter().map(attempt).collect();
    let undoes = |text: &String| {
        let again = read_again(text).and_then(|(sources, source, _)| {
            exclude(&sources, source, request).ok().map(|outcome| outcome.text)
        });
        again.as_deref() == Some(original)
    };
    let exact = attempts.iter().flatten().find(|text| undoes(text)).cloned();
    let text = match exact {
        Some(text) => text,
        None => first(attempts.into_iter())?,
    };
    let after = read_again(&text).map(|(_, _, documents)| documents).unwrap_or_default();
    let still_covered_by = covered_by(&after, chosen, request.namespace);
    Ok(outcome(text, Status::Removed { still_covered_by }))
}

/// Whether Kubernetes takes a text for a namespace's name: a DNS label (RFC 1123)
/// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>).
pub(crate) fn is_namespace(name: &str) -> bool {
    let is_end = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = name.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|&b| is_end(b) || b == b'-')
        && is_end(bytes[0])
        && is_end(bytes[bytes.len() - 1])
}

fn read(sources: &Sources, source: SourceId, namespaces: &[&str]) -> Result<Vec<Node>, Errors> {
    if let Some(name) = namespaces.iter().find(|name| !is_namespace(name)) {
        let error = Error::Namespace((*name).to_owned());
        return Err(one(refuse(error, None, &Path::root())));
    }
    parse(sources, source, Dialect::Kubectl)
        .map_err(|errors| errors.into_iter().map(|error| error.map(Error::Parse)).collect())
}

fn open<'a>(sources: &'a Sources, source: SourceId) -> Result<Editor<'a>, Errors> {
    Editor::open(sources, source).map_err(|error| one(error.map(Error::Edit)))
}

fn decision<'a>(
    documents: &'a [Node],
    chosen: Chosen,
    namespaces: &[&str],
) -> Result<(Policy<'a>, Decision), Errors> {
    let policy = policies(documents).swap_remove(chosen.policy);
    let decision = match chosen.rule {
        Some(rule) => decide::decide(&policy.rules()[rule], namespaces),
        None => mutating::decide(&policy, namespaces),
    };
    Ok((policy, decision.map_err(one)?))
}

/// What leaves the namespace out, in words, if anything does for certain.
fn covered_by(documents: &[Node], chosen: Chosen, namespace: &str) -> Option<String> {
    if chosen.leaves_out(documents, namespace) != Some(Truth::Yes) {
        return None;
    }
    match decision(documents, chosen, &[namespace]) {
        Ok((_, Decision::Covered(by))) => Some(by),
        _ => None,
    }
}

fn rule_name(policy: &Policy<'_>, chosen: Chosen) -> Option<String> {
    Some(policy.rules().get(chosen.rule?)?.name.to_owned())
}

/// The first that works; else the first error.
fn first(attempts: impl Iterator<Item = Result<String, Located<Error>>>) -> Result<String, Errors> {
    let mut errors = Vec::new();
    for attempt in attempts {
        match attempt {
            Ok(text) => return Ok(text),
            Err(error) => errors.push(error),
        }
    }
    errors.truncate(1);
    Err(errors)
}

fn one(error: Located<Error>) -> Errors {
    vec![error]
}

#[cfg(test)]
mod tests;
