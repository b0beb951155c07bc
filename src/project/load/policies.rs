//! The owners' policies, edited for every stack that asks for it, or with an exception to them.

use std::collections::BTreeMap;

use super::{File, POLICIES, Stack, file_name, header};
use crate::policy::{self, ExceptionOf, Kind, Request};
use crate::project::Project;
use crate::values::{KyvernoMode, RelativePath, Values};
use kube_validate::{Object, ObjectId};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::{Source, SourceId, Sources};
use yaml_spans::{self, Dialect, Node};

/// The edited policies of all stacks: one file a policy, with all their namespaces.
pub(super) fn edited(
    project: &Project,
    stacks: &[Stack],
    sources: &mut Sources,
) -> Result<Vec<File>, Diagnostics> {
    let mut by_policy: BTreeMap<&RelativePath, Vec<&Stack>> = BTreeMap::new();
    for stack in stacks {
        let kyverno = &stack.values.kyverno;
        if let (KyvernoMode::Edit, Some(path)) = (kyverno.mode, &kyverno.policy) {
            by_policy.entry(path).or_default().push(stack);
        }
    }
    by_policy.into_iter().map(|(path, stacks)| edit(project, path, &stacks, sources)).collect()
}

/// What one stack asks of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claim<'a> {
    /// The namespace to leave out.
    pub namespace: &'a str,
    /// Of which rule.
    pub rule: Option<&'a str>,
}

impl<'a> Claim<'a> {
    pub(super) fn of(values: &'a Values) -> Self {
        Claim { namespace: values.namespace.name.as_str(), rule: values.kyverno.rule.as_deref() }
    }
}

/// A policy's text with the namespaces of some claims, and the name of the policy in it.
pub(super) fn with_claims(
    project: &Project,
    path: &RelativePath,
    claims: &[Claim<'_>],
    sources: &mut Sources,
) -> Result<(SourceId, String), Diagnostics> {
    let mut source = read(project, path, sources)?;
    let mut name = String::new();
    for claims in claims.chunk_by(|one, next| one.rule == next.rule) {
        let [Claim { namespace, rule }, more @ ..] = claims else { continue };
        let request = Request { namespace, rule: *rule, policy: None };
        let more: Vec<&str> = more.iter().map(|claim| claim.namespace).collect();
        let outcome = policy::exclude_all(sources, source, &request, &more)
            .map_err(|errors| diagnose(&errors, sources))?;
        source = sources.add(Source::written(path.as_str(), outcome.text));
        name = outcome.policy;
    }
    Ok((source, name))
}

/// One policy with the namespaces of all the stacks, otherwise as its owner wrote it.
fn edit(
    project: &Project,
    path: &RelativePath,
    stacks: &[&Stack],
    sources: &mut Sources,
) -> Result<File, Diagnostics> {
    let claims: Vec<Claim<'_>> = stacks.iter().map(|stack| Claim::of(&stack.values)).collect();
    let (source, name) = with_claims(project, path, &claims, sources)?;
    let claimants: Vec<String> = stacks.iter().map(|stack| stack.file.clone()).collect();
    let object = named(sources, source, &name)?;
    let from = format!("{path} for {}", claimants.join(", "));
    Ok(File {
        folder: POLICIES.to_owned(),
        name: file_name(&object),
        // A byte order mark is one at the start of a text alone; below the header it would be part of
        // the first key.
        contents: header(&from) + sources.get(source).text().trim_start_matches('\u{feff}'),
        object,
        claimants,
    })
}

/// The exception to a policy that keeps a stack out of it, and what it needs to count.
pub(super) fn exception(
    project: &Project,
    values: &Values,
    path: &RelativePath,
    sources: &mut Sources,
) -> Result<(Node, [String; 2]), Diagnostics> {
    let source = read(project, path, sources)?;
    let documents = documents(sources, source)?;
    let Some((kind, policy)) = the_policy(&documents) else {
        let message =
            format!("{path} must hold one ClusterPolicy or MutatingPolicy to except from");
        return Err(Diagnostic::new(message).into());
    };
    let namespace = values.kyverno.exception_namespace.as_ref().unwrap_or(&values.namespace.name);
    let name = format!("{}-{policy}", values.name);
    let of = ExceptionOf {
        name: &name,
        namespace: namespace.as_str(),
        kind,
        policy,
        rule: values.kyverno.rule.as_deref(),
        tenant: values.namespace.name.as_str(),
    };
    let node = yaml_spans::to_node(&policy::exception(&of))
        .map_err(|error| Diagnostic::new(format!("{path}: {error}")))?;
    Ok((node, policy::exception_needs(&of)))
}

/// The one policy among documents: its kind and its name.
pub(super) fn the_policy(documents: &[Node]) -> Option<(Kind, &str)> {
    let kind_of = |node: &Node| match node.get("kind").and_then(Node::as_str) {
        Some("ClusterPolicy") => Some(Kind::ClusterPolicy),
        Some("MutatingPolicy") => Some(Kind::MutatingPolicy),
        _ => None,
    };
    let mut policies = documents.iter().filter_map(|node| Some((kind_of(node)?, name_of(node)?)));
    let first = policies.next()?;
    policies.next().is_none().then_some(first)
}

pub(super) fn read(
    project: &Project,
    path: &RelativePath,
    sources: &mut Sources,
) -> Result<SourceId, Diagnostics> {
    let source = project.read_relative(path).map_err(|error| Diagnostic::new(error.to_string()))?;
    Ok(sources.add(source))
}

/// The owner's documents; they may hold anchors.
pub(super) fn documents(sources: &Sources, source: SourceId) -> Result<Vec<Node>, Diagnostics> {
    yaml_spans::parse(sources, source, Dialect::Kubectl)
        .map_err(|errors| diagnose(&errors, sources))
}

pub(super) fn name_of(node: &Node) -> Option<&str> {
    node.get("metadata")?.get("name")?.as_str()
}

/// The policy of a name, as an object.
fn named(sources: &Sources, source: SourceId, name: &str) -> Result<Object, Diagnostics> {
    let found = documents(sources, source)?.into_iter().find(|node| name_of(node) == Some(name));
    let object = found.and_then(|node| {
        let ObjectId { kind, namespace, name, .. } = ObjectId::read(&node).ok()?;
        let api_version = node.get("apiVersion")?.as_str()?.to_owned();
        Some(Object { api_version, kind, namespace, name, node })
    });
    object.ok_or_else(|| Diagnostic::new(format!("the policy `{name}` is gone")).into())
}

fn diagnose<E: std::fmt::Display>(
    errors: &[yaml_spans::diagnostic::Located<E>],
    sources: &Sources,
) -> Diagnostics {
    Diagnostics(errors.iter().map(|error| error.diagnose(sources)).collect())
}
