//! The owners' policies, edited for the stacks that request it, and exceptions to them.

use std::collections::BTreeMap;

use super::{File, POLICIES, file_name, header};
use crate::policy::{self, ExceptionRequest, Request};
use crate::project::Project;
use crate::values::{KyvernoMode, RelativePath, Values};
use kube_validate::{Object, ObjectId};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::{Source, SourceId, Sources};
use yaml_spans::{self, Dialect, Node};

/// A stack's values, with the name of their file in messages.
type NamedValues<'a> = (&'a str, &'a Values);

/// The edited policies of all stacks: one file for each policy, with all their namespaces.
pub(super) fn render_policies<'a>(
    project: &Project,
    stacks: impl Iterator<Item = NamedValues<'a>>,
    sources: &mut Sources,
) -> Result<Vec<File>, Diagnostics> {
    let mut by_policy: BTreeMap<&RelativePath, Vec<NamedValues<'_>>> = BTreeMap::new();
    for (file, values) in stacks {
        let kyverno = &values.kyverno;
        if let (KyvernoMode::Edit, Some(path)) = (kyverno.mode, &kyverno.policy) {
            by_policy.entry(path).or_default().push((file, values));
        }
    }
    by_policy
        .into_iter()
        .map(|(path, stacks)| render_policy(project, path, &stacks, sources))
        .collect()
}

/// The exclusion that one stack requests from a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exclusion<'a> {
    /// The namespace to exclude.
    pub namespace: &'a str,
    /// The rule, if one is named.
    pub rule: Option<&'a str>,
}

impl<'a> Exclusion<'a> {
    fn of_values(values: &'a Values) -> Self {
        Exclusion {
            namespace: values.namespace.name.as_str(),
            rule: values.kyverno.rule.as_deref(),
        }
    }
}

/// The text of a policy with some exclusions added, and the policy's name.
pub(super) fn add_exclusions(
    project: &Project,
    path: &RelativePath,
    exclusions: &[Exclusion<'_>],
    sources: &mut Sources,
) -> Result<(SourceId, String), Diagnostics> {
    let mut source = read_policy(project, path, sources)?;
    let mut name = String::new();
    for of_one_rule in exclusions.chunk_by(|one, next| one.rule == next.rule) {
        let [Exclusion { namespace, rule }, more @ ..] = of_one_rule else { continue };
        let request = Request { namespace, rule: *rule, policy: None };
        let more: Vec<&str> = more.iter().map(|exclusion| exclusion.namespace).collect();
        let outcome = policy::exclude_namespaces(sources, source, &request, &more)
            .map_err(|errors| Diagnostics::locate(&errors, sources))?;
        source = sources.add(Source::written(path.as_str(), outcome.text));
        name = outcome.policy;
    }
    Ok((source, name))
}

/// One policy with the namespaces of the stacks, otherwise as its owner wrote it.
fn render_policy(
    project: &Project,
    path: &RelativePath,
    stacks: &[NamedValues<'_>],
    sources: &mut Sources,
) -> Result<File, Diagnostics> {
    let exclusions: Vec<Exclusion<'_>> =
        stacks.iter().map(|(_, values)| Exclusion::of_values(values)).collect();
    let (source, name) = add_exclusions(project, path, &exclusions, sources)?;
    let claimants: Vec<String> = stacks.iter().map(|(file, _)| (*file).to_owned()).collect();
    let object = policy_object(sources, source, &name)?;
    let from = format!("{path} for {}", claimants.join(", "));
    Ok(File {
        folder: POLICIES.to_owned(),
        name: file_name(&object),
        // A byte order mark is removed: below the header it would be part of the first key.
        contents: header(&from) + sources.get(source).text().trim_start_matches('\u{feff}'),
        object,
        claimants,
    })
}

/// The exception to a policy for a stack, and the settings of Kyverno that it requires.
pub(super) fn make_exception(
    project: &Project,
    values: &Values,
    path: &RelativePath,
    sources: &mut Sources,
) -> Result<(Node, [String; 2]), Diagnostics> {
    let source = read_policy(project, path, sources)?;
    let documents = parse_documents(sources, source)?;
    let Some((kind, policy)) = policy::single_policy(&documents) else {
        let message = format!(
            "`{path}` must contain exactly one ClusterPolicy, MutatingPolicy or ValidatingPolicy"
        );
        return Err(Diagnostic::new(message).into());
    };
    let namespace = values.kyverno.exception_namespace.as_ref().unwrap_or(&values.namespace.name);
    let name = format!("{}-{policy}", values.name);
    let request = ExceptionRequest {
        name: &name,
        namespace: namespace.as_str(),
        kind,
        policy,
        rule: values.kyverno.rule.as_deref(),
        has_generated_rules: policy::has_generated_rules(
            &documents,
            values.kyverno.rule.as_deref(),
        ),
        tenant: values.namespace.name.as_str(),
    };
    let node = yaml_spans::to_node(&policy::policy_exception(&request))
        .map_err(|error| Diagnostic::new(format!("`{path}`: {error}")))?;
    Ok((node, policy::exception_requirements(&request)))
}

pub(super) fn read_policy(
    project: &Project,
    path: &RelativePath,
    sources: &mut Sources,
) -> Result<SourceId, Diagnostics> {
    let source = project.read_relative(path)?;
    Ok(sources.add(source))
}

/// The owner's documents, which may contain anchors.
pub(super) fn parse_documents(
    sources: &Sources,
    source: SourceId,
) -> Result<Vec<Node>, Diagnostics> {
    yaml_spans::parse(sources, source, Dialect::Kubectl)
        .map_err(|errors| Diagnostics::locate(&errors, sources))
}

pub(super) fn name_of(node: &Node) -> Option<&str> {
    node.get("metadata")?.get("name")?.as_str()
}

/// The policy with a name, as an object.
fn policy_object(sources: &Sources, source: SourceId, name: &str) -> Result<Object, Diagnostics> {
    let policy =
        parse_documents(sources, source)?.into_iter().find(|node| name_of(node) == Some(name));
    let object = policy.and_then(|node| {
        let ObjectId { kind, namespace, name, .. } = ObjectId::read(&node).ok()?;
        let api_version = node.get("apiVersion")?.as_str()?.to_owned();
        Some(Object { api_version, kind, namespace, name, node })
    });
    object
        .ok_or_else(|| Diagnostic::new(format!("the edited file lacks the policy `{name}`")).into())
}
