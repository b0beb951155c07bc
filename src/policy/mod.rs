//! Kyverno policies: their exclusions, their effect on a Pod, and the edit that excludes one more
//! namespace.
//!
//! In: the owner's text and a namespace. Out: the same text with one entry more, or the reason for a
//! refusal; a policy's effect on a Pod, in words; a PolicyException.
//!
//! The policy is somebody else's: an edit changes the one list, or refuses. The known shapes are
//! those of kyverno/policies and of the cluster the stack runs in; the semantics are those of
//! Kyverno 1.19.

mod autogen;
mod cel;
mod change;
mod check;
mod coverage;
mod decide;
mod effect;
mod error;
mod evaluate;
mod exception;
mod model;
mod mutating;
mod mutation;
mod show;
mod target;
mod wildcard;

use std::collections::BTreeSet;

use self::autogen::generates_rules;
use self::change::Change;
use self::check::{Expected, check_edit, error_at_target, parse_alone};
pub use self::coverage::{Coverage, policy_coverage};
use self::decide::Decision;
pub use self::error::Error;
pub use self::evaluate::Ternary;
pub use self::exception::{Exception, ExceptionRequest, exception_requirements, policy_exception};
pub use self::model::Kind;
use self::model::{Policy, error_at, find_policies};
pub use self::show::{Shown, ShownRule, Tenant, Verdict, show_documents, show_policies};
use self::target::{Target, select_target};
use kube_formats::name::is_dns_label;
use yaml_spans::diagnostic::Located;
use yaml_spans::edit::Editor;
use yaml_spans::source::{Source, SourceId, Sources};
use yaml_spans::{Dialect, Node, Path, parse};

/// A namespace, and the policy and rule to exclude it from.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The rule, for a ClusterPolicy with several.
    pub rule: Option<&'a str>,
    /// The policy's name, for a file with several.
    pub policy: Option<&'a str>,
}

/// The result of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The edited text; the original if there was nothing to do.
    pub text: String,
    /// The change that was made.
    pub status: Status,
    /// The policy's name.
    pub policy: String,
    /// The rule's name; only a ClusterPolicy has one.
    pub rule: Option<String>,
}

/// The change that an edit made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// The namespace was added.
    Added,
    /// The namespace is excluded already.
    AlreadyExcluded {
        /// The cause: "its name", or a glob in backticks.
        by: String,
    },
    /// The rule is only about cluster-scoped kinds, so no object of it is in a namespace.
    NothingToExclude {
        /// The kinds, in backticks.
        kinds: String,
    },
    /// The namespace's name was removed.
    Removed {
        /// The entry that still excludes the namespace, in words.
        still_excluded_by: Option<String>,
    },
    /// No list has the namespace's name, so there is nothing to remove.
    NotListed {
        /// The entry that excludes the namespace all the same, in words.
        still_excluded_by: Option<String>,
    },
}

type Errors = Vec<Located<Error>>;

/// Adds a namespace to a policy's exclusions; every other byte stays the same. The result is checked:
/// it can be read again, its data is the old data with the one entry more, the namespace's Pods are
/// excluded, and Pods of any other namespace are treated as before.
///
/// # Errors
/// The text can't be read, the policy or the rule is ambiguous, or one more entry would not do exactly
/// that; each with its place.
pub fn exclude_namespace(
    sources: &Sources,
    source: SourceId,
    request: &Request<'_>,
) -> Result<Outcome, Errors> {
    exclude_namespaces(sources, source, request, &[])
}

/// Adds several namespaces in one edit. The text is the same as after [`exclude_namespace`] for one
/// after the other, but it takes no longer than one edit.
///
/// # Errors
/// Those of [`exclude_namespace`].
pub fn exclude_namespaces(
    sources: &Sources,
    source: SourceId,
    request: &Request<'_>,
    more: &[&str],
) -> Result<Outcome, Errors> {
    let mut seen = BTreeSet::new();
    let all = std::iter::once(request.namespace).chain(more.iter().copied());
    let namespaces: Vec<&str> = all.filter(|name| seen.insert(*name)).collect();
    let edit = Edit::open(sources, source, request, &namespaces)?;
    match decide_exclusion(&edit.policy()?, edit.target, &namespaces)? {
        Decision::AlreadyExcluded(by) => {
            edit.outcome(edit.original().to_owned(), Status::AlreadyExcluded { by })
        }
        Decision::NothingToExclude(kinds) => {
            edit.outcome(edit.original().to_owned(), Status::NothingToExclude { kinds })
        }
        Decision::Change(changes) => {
            let editor = edit.editor()?;
            let attempts = changes
                .iter()
                .map(|change| edit.attempt(&editor, change, &namespaces, Expected::Excluded));
            edit.outcome(first_success(attempts)?, Status::Added)
        }
    }
}

/// Removes a namespace's own name from a policy's exclusions. An entry that [`exclude_namespace`]
/// added is removed byte for byte, including the block or the key that it had to add; a name that the
/// owner wrote is removed with its line.
///
/// # Errors
/// Those of [`exclude_namespace`].
pub fn remove_exclusion(
    sources: &Sources,
    source: SourceId,
    request: &Request<'_>,
) -> Result<Outcome, Errors> {
    let namespace = request.namespace;
    let edit = Edit::open(sources, source, request, &[namespace])?;
    let policy = edit.policy()?;
    let changes = match edit.target.rule(&policy) {
        Some(rule) => decide::rule_removals(&rule, namespace).map_err(|error| vec![error])?,
        None => mutating::policy_removals(&policy, namespace),
    };
    if changes.is_empty() {
        let still_excluded_by = excluded_by(&edit.documents, edit.target, namespace);
        return edit.outcome(edit.original().to_owned(), Status::NotListed { still_excluded_by });
    }
    let editor = edit.editor()?;
    let attempts: Vec<_> = changes
        .iter()
        .map(|change| edit.attempt(&editor, change, &[namespace], Expected::Unlisted))
        .collect();
    let exact = attempts
        .iter()
        .flatten()
        .find(|text| is_exact_inverse(text, edit.original(), request))
        .cloned();
    let text = match exact {
        Some(text) => text,
        None => first_success(attempts.into_iter())?,
    };
    let after = parse_alone(&text).map(|parsed| parsed.documents).unwrap_or_default();
    let still_excluded_by = excluded_by(&after, edit.target, namespace);
    edit.outcome(text, Status::Removed { still_excluded_by })
}

/// The kind and the name of the only policy in some documents.
pub fn single_policy(documents: &[Node]) -> Option<(Kind, &str)> {
    match find_policies(documents).as_slice() {
        [policy] if !policy.name.is_empty() => Some((policy.kind, policy.name)),
        _ => None,
    }
}

/// Returns true if Kyverno makes rules for controllers from a rule of the only policy, or from any of
/// its rules if none is named.
pub fn has_generated_rules(documents: &[Node], rule: Option<&str>) -> bool {
    let policies = find_policies(documents);
    let [policy] = policies.as_slice() else {
        return false;
    };
    let mut rules = policy.rules().into_iter();
    policy.kind == Kind::ClusterPolicy
        && rules.any(|found| {
            rule.is_none_or(|name| name == found.name) && generates_rules(policy, &found)
        })
}

/// The direction of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Adds the namespace, as [`exclude_namespace`] does.
    Exclude,
    /// Removes it, as [`remove_exclusion`] does.
    Remove,
}

impl Direction {
    /// Makes one edit.
    ///
    /// # Errors
    /// Those of [`exclude_namespace`].
    pub fn edit(
        self,
        sources: &Sources,
        source: SourceId,
        request: &Request<'_>,
    ) -> Result<Outcome, Errors> {
        match self {
            Direction::Exclude => exclude_namespace(sources, source, request),
            Direction::Remove => remove_exclusion(sources, source, request),
        }
    }
}

/// Edits every rule of a policy, in order. The last outcome has the whole text.
///
/// # Errors
/// Those of [`exclude_namespace`], of all rules; then nothing is edited.
pub fn edit_all_rules(
    sources: &Sources,
    source: SourceId,
    request: &Request<'_>,
    direction: Direction,
) -> Result<Vec<Outcome>, Errors> {
    let documents = parse(sources, source, Dialect::Kubectl).map_err(|errors| {
        errors.into_iter().map(|error| error.map(Error::Parse)).collect::<Errors>()
    })?;
    let policies = find_policies(&documents);
    let mut named =
        policies.iter().filter(|policy| request.policy.is_none_or(|name| name == policy.name));
    let rules = match (named.next(), named.next()) {
        (Some(policy), None) => policy.rules(),
        _ => Vec::new(),
    };
    if rules.is_empty() {
        return Ok(vec![direction.edit(sources, source, request)?]);
    }
    let of_rule = |name| Request { rule: Some(name), ..*request };
    let refusals = rules
        .iter()
        .filter_map(|rule| direction.edit(sources, source, &of_rule(rule.name)).err())
        .flatten();
    let refusals: Errors = refusals.collect();
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let mut found: Vec<Outcome> = Vec::with_capacity(rules.len());
    for rule in &rules {
        let text = found.last().map_or(sources.get(source).text(), |last| last.text.as_str());
        let mut edited = Sources::new();
        let id = edited.add(Source::written(sources.get(source).name(), text));
        found.push(direction.edit(&edited, id, &of_rule(rule.name))?);
    }
    Ok(found)
}

/// A text that is being edited, and the policy and rule in it.
struct Edit<'a> {
    sources: &'a Sources,
    source: SourceId,
    documents: Vec<Node>,
    target: Target,
}

impl<'a> Edit<'a> {
    fn open(
        sources: &'a Sources,
        source: SourceId,
        request: &Request<'_>,
        namespaces: &[&str],
    ) -> Result<Self, Errors> {
        if let Some(name) = namespaces.iter().find(|name| !is_dns_label(name)) {
            let error = Error::Namespace((*name).to_owned());
            return Err(vec![error_at(error, None, &Path::root())]);
        }
        let documents = parse(sources, source, Dialect::Kubectl).map_err(|errors| {
            errors.into_iter().map(|error| error.map(Error::Parse)).collect::<Errors>()
        })?;
        let target = select_target(&documents, request, source)?;
        Ok(Edit { sources, source, documents, target })
    }

    fn original(&self) -> &'a str {
        self.sources.get(self.source).text()
    }

    fn policy(&self) -> Result<Policy<'_>, Errors> {
        self.target
            .policy(&self.documents)
            .ok_or_else(|| vec![error_at(Error::NoPolicy(String::new()), None, &Path::root())])
    }

    fn editor(&self) -> Result<Editor<'a>, Errors> {
        Editor::open(self.sources, self.source).map_err(|error| vec![error.map(Error::Edit)])
    }

    /// Makes one change in the text, and checks the result.
    fn attempt(
        &self,
        editor: &Editor<'_>,
        change: &Change,
        namespaces: &[&str],
        expected: Expected,
    ) -> Result<String, Located<Error>> {
        let document = self.target.policy(&self.documents).map_or(0, |policy| policy.document);
        let text = change.apply_to_text(editor, document)?;
        check_edit(&self.documents, &text, self.target, change, namespaces, expected)
            .map_err(|error| error_at_target(&self.documents, self.target, error))?;
        Ok(text)
    }

    fn outcome(&self, text: String, status: Status) -> Result<Outcome, Errors> {
        let policy = self.policy()?;
        let rule = self.target.rule(&policy).map(|rule| rule.name.to_owned());
        Ok(Outcome { text, status, policy: policy.name.to_owned(), rule })
    }
}

fn decide_exclusion(
    policy: &Policy<'_>,
    target: Target,
    namespaces: &[&str],
) -> Result<Decision, Errors> {
    let decision = match target.rule(policy) {
        Some(rule) => decide::decide_for_rule(&rule, namespaces),
        None => mutating::decide_for_policy(policy, namespaces),
    };
    decision.map_err(|error| vec![error])
}

/// Describes what excludes the namespace, if anything does for certain.
fn excluded_by(documents: &[Node], target: Target, namespace: &str) -> Option<String> {
    if target.excludes(documents, namespace) != Some(Ternary::Yes) {
        return None;
    }
    match decide_exclusion(&target.policy(documents)?, target, &[namespace]) {
        Ok(Decision::AlreadyExcluded(by)) => Some(by),
        _ => None,
    }
}

/// Returns true if excluding the namespace again restores the original text.
fn is_exact_inverse(edited: &str, original: &str, request: &Request<'_>) -> bool {
    let Some(parsed) = parse_alone(edited) else {
        return false;
    };
    exclude_namespace(&parsed.sources, parsed.source, request)
        .is_ok_and(|outcome| outcome.text == original)
}

/// The first attempt that succeeded; else the first error.
fn first_success(
    attempts: impl Iterator<Item = Result<String, Located<Error>>>,
) -> Result<String, Errors> {
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

#[cfg(test)]
mod tests;
