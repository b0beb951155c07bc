//! The documents of a stack that no template renders: the owners' policies with its namespace added,
//! and exceptions to policies.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::policies::{self, Exclusion};
use crate::explain::ExtraDocuments;
use crate::policy;
use crate::project::Project;
use crate::values::{Kyverno, KyvernoMode, RelativePath, Values};
use yaml_spans::source::Sources;
use yaml_spans::{Node, Path, Value};

/// The values that [`PolicyRequest::of_stack`] reads.
const REQUEST_VALUES: [&str; 3] = ["name", "namespace.name", "kyverno"];

/// The change of policies that one stack requests.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PolicyRequest {
    file: String,
    name: String,
    namespace: String,
    kyverno: Kyverno,
}

impl PolicyRequest {
    pub(super) fn of_stack(file: &str, values: &Values) -> Self {
        PolicyRequest {
            file: file.to_owned(),
            name: values.name.to_string(),
            namespace: values.namespace.name.to_string(),
            kyverno: values.kyverno.clone(),
        }
    }

    /// Returns true if the request is that of a values file.
    pub(super) fn is_from(&self, file: &str) -> bool {
        self.file == file
    }

    /// Returns true if the request edits a policy, which other stacks may edit too.
    pub(super) fn edits_policy(&self) -> bool {
        self.edited_policy().is_some()
    }

    /// The policy to edit, if there is one.
    fn edited_policy(&self) -> Option<&RelativePath> {
        self.kyverno.policy.as_ref().filter(|_| self.kyverno.mode == KyvernoMode::Edit)
    }

    fn exclusion(&self) -> Exclusion<'_> {
        Exclusion { namespace: &self.namespace, rule: self.kyverno.rule.as_deref() }
    }
}

/// The requests of all stacks, and the policies that result.
#[derive(Debug)]
pub(super) struct PolicyCache {
    project: Project,
    /// In the order of the stacks' files, like the rendered lists.
    requests: Vec<PolicyRequest>,
    /// The rendered policies. Each is made once, since it has an edit for every stack.
    rendered: Mutex<BTreeMap<RelativePath, Option<Node>>>,
}

impl PolicyCache {
    pub(super) fn new(project: Project, mut requests: Vec<PolicyRequest>) -> Arc<Self> {
        // The project's stacks are sorted without the ending, which would sort after a dash.
        requests.sort_by_cached_key(|request| request.file.trim_end_matches(".yaml").to_owned());
        Arc::new(PolicyCache { project, requests, rendered: Mutex::default() })
    }

    /// The policy with some exclusions added.
    fn edit_policy<'r>(
        &self,
        path: &RelativePath,
        requests: impl Iterator<Item = &'r PolicyRequest>,
        sources: &mut Sources,
    ) -> Option<Node> {
        let exclusions: Vec<Exclusion<'_>> = requests
            .filter(|request| request.edited_policy() == Some(path))
            .map(PolicyRequest::exclusion)
            .collect();
        let original = self.owners_documents(path, sources)?;
        let (source, name) =
            policies::add_exclusions(&self.project, path, &exclusions, sources).ok()?;
        let name = match exclusions.as_slice() {
            [] => policy::single_policy(&original)?.1,
            _ => &name,
        };
        let edited = policies::parse_documents(sources, source).ok()?;
        edited.into_iter().find(|node| policies::name_of(node) == Some(name))
    }

    fn owners_documents(&self, path: &RelativePath, sources: &mut Sources) -> Option<Vec<Node>> {
        let source = policies::read_policy(&self.project, path, sources).ok()?;
        policies::parse_documents(sources, source).ok()
    }

    /// The policy as it is rendered, with the exclusions of all stacks.
    fn rendered_policy(&self, path: &RelativePath) -> Option<Node> {
        // A panic while the lock is held leaves the map whole: entries are inserted complete.
        let mut rendered = self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = rendered.get(path) {
            return known.clone();
        }
        let policy = self.edit_policy(path, self.requests.iter(), &mut Sources::new());
        rendered.insert(path.clone(), policy.clone());
        policy
    }
}

/// The policies of one stack among all.
#[derive(Debug)]
pub(super) struct StackPolicies {
    cache: Arc<PolicyCache>,
    file: String,
}

impl StackPolicies {
    pub(super) fn new(cache: &Arc<PolicyCache>, file: &str) -> Self {
        StackPolicies { cache: Arc::clone(cache), file: file.to_owned() }
    }

    /// The policy if this stack made the request in place of its own.
    fn policy_with(
        &self,
        request: &PolicyRequest,
        path: &RelativePath,
        sources: &mut Sources,
    ) -> Option<Node> {
        let policy = if self.cache.requests.contains(request) {
            self.cache.rendered_policy(path)?
        } else {
            let requests = self.cache.requests.iter();
            let requests = requests.map(|other| if self.is_own(other) { request } else { other });
            self.cache.edit_policy(path, requests, sources)?
        };
        self.with_owners_places(policy, path, sources)
    }

    /// The policy if this stack made no request.
    fn policy_without_own(&self, path: &RelativePath, sources: &mut Sources) -> Option<Node> {
        let requests = self.cache.requests.iter().filter(|request| !self.is_own(request));
        let policy = self.cache.edit_policy(path, requests, sources)?;
        self.with_owners_places(policy, path, sources)
    }

    /// The policy with each node's place in the owner's text.
    fn with_owners_places(
        &self,
        mut policy: Node,
        path: &RelativePath,
        sources: &mut Sources,
    ) -> Option<Node> {
        let documents = self.cache.owners_documents(path, sources)?;
        let name = policies::name_of(&policy).map(str::to_owned);
        let original = documents.iter().find(|node| policies::name_of(node) == name.as_deref());
        copy_places(&mut policy, original);
        Some(policy)
    }

    fn is_own(&self, request: &PolicyRequest) -> bool {
        request.is_from(&self.file)
    }
}

impl ExtraDocuments for StackPolicies {
    /// Those of the request: an exception is made from them alone, too.
    fn read_paths(&self) -> Vec<Path> {
        REQUEST_VALUES.into_iter().filter_map(|path| path.parse().ok()).collect()
    }

    fn are_same(&self, values: &Values) -> bool {
        self.cache.requests.contains(&PolicyRequest::of_stack(&self.file, values))
    }

    fn documents(&self, values: &Values, sources: &mut Sources) -> Option<Vec<Vec<Node>>> {
        let own = PolicyRequest::of_stack(&self.file, values);
        let (mut edited, mut exceptions) = (Vec::new(), Vec::new());
        if let Some(path) = own.edited_policy() {
            edited.push(self.policy_with(&own, path, sources)?);
        }
        if let (KyvernoMode::Exception, Some(path)) = (values.kyverno.mode, &values.kyverno.policy)
        {
            let project = &self.cache.project;
            exceptions.push(policies::make_exception(project, values, path, sources).ok()?.0);
        }
        Some(vec![edited, exceptions])
    }

    fn without_own_request(&self, values: &Values, sources: &mut Sources) -> Vec<Vec<Node>> {
        let own = PolicyRequest::of_stack(&self.file, values);
        let policy = own.edited_policy().and_then(|path| self.policy_without_own(path, sources));
        vec![policy.into_iter().collect(), Vec::new()]
    }
}

/// Gives each node the place of the node at the same path in the original; none if there is no such
/// node.
fn copy_places(node: &mut Node, original: Option<&Node>) {
    node.span = original.and_then(|original| original.span);
    match &mut node.value {
        Value::Mapping(map) => {
            for (key, entry) in map {
                copy_places(&mut entry.node, original.and_then(|original| original.get(key)));
            }
        }
        Value::Sequence(items) => {
            let originals = original.and_then(Node::as_sequence).unwrap_or_default();
            for (at, item) in items.iter_mut().enumerate() {
                copy_places(item, originals.get(at));
            }
        }
        _ => {}
    }
}
