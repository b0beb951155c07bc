//! What a stack makes that no template does, as explain looks at it: the owners' policies with its
//! namespace in them, and exceptions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::policies::{self, Claim};
use crate::explain::Beyond;
use crate::project::Project;
use crate::values::{Kyverno, KyvernoMode, RelativePath, Values};
use yaml_spans::source::Sources;
use yaml_spans::{Node, Value};

/// What one stack asks of policies. In the order of the stacks' files, as they are rendered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asked {
    file: String,
    name: String,
    namespace: String,
    kyverno: Kyverno,
}

impl Asked {
    pub(super) fn of(file: &str, values: &Values) -> Self {
        Asked {
            file: file.to_owned(),
            name: values.name.to_string(),
            namespace: values.namespace.name.to_string(),
            kyverno: values.kyverno.clone(),
        }
    }

    /// Whether it is what the stack of a values file asks.
    pub(super) fn is_of(&self, file: &str) -> bool {
        self.file == file
    }

    /// Whether it has a part in what others may share.
    pub(super) fn shares(&self) -> bool {
        self.edits().is_some()
    }

    /// The policy that is to be edited, if one is.
    fn edits(&self) -> Option<&RelativePath> {
        self.kyverno.policy.as_ref().filter(|_| self.kyverno.mode == KyvernoMode::Edit)
    }

    fn claim(&self) -> Claim<'_> {
        Claim { namespace: &self.namespace, rule: self.kyverno.rule.as_deref() }
    }
}

/// What all stacks ask of the project's policies.
#[derive(Debug)]
pub(super) struct Shared {
    project: Project,
    all: Vec<Asked>,
    /// The policies as they are rendered, each made once: with a thousand stacks it is a thousand edits.
    rendered: Mutex<BTreeMap<RelativePath, Option<Node>>>,
}

impl Shared {
    pub(super) fn new(project: Project, mut all: Vec<Asked>) -> Arc<Self> {
        // As the project's stacks are: without the ending, which would sort after a dash.
        let stem = |asked: &Asked| asked.file.trim_end_matches(".yaml").to_owned();
        all.sort_by_cached_key(stem);
        Arc::new(Shared { project, all, rendered: Mutex::default() })
    }

    /// The policy with the edits of some claims, and the owner's document that it was made of.
    fn policy(
        &self,
        path: &RelativePath,
        claims: &[Claim<'_>],
        sources: &mut Sources,
    ) -> Option<Node> {
        let owners = policies::read(&self.project, path, sources).ok()?;
        let owners = policies::documents(sources, owners).ok()?;
        let (source, name) = policies::with_claims(&self.project, path, claims, sources).ok()?;
        let name = match claims {
            [] => policies::the_policy(&owners)?.1,
            _ => &name,
        };
        let edited = policies::documents(sources, source).ok()?;
        edited.into_iter().find(|node| policies::name_of(node) == Some(name))
    }

    /// The policy as it is rendered.
    fn rendered(&self, path: &RelativePath) -> Option<Node> {
        // A panic while it was held can't leave it half written: an entry is put in whole.
        let mut rendered = self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = rendered.get(path) {
            return known.clone();
        }
        let all = self.all.iter().filter(|asked| asked.edits() == Some(path));
        let claims: Vec<Claim<'_>> = all.map(Asked::claim).collect();
        let policy = self.policy(path, &claims, &mut Sources::new());
        rendered.insert(path.clone(), policy.clone());
        policy
    }
}

/// The policies of one stack among all.
#[derive(Debug)]
pub(super) struct Policies {
    shared: Arc<Shared>,
    file: String,
}

impl Policies {
    pub(super) fn new(shared: &Arc<Shared>, file: &str) -> Self {
        Policies { shared: Arc::clone(shared), file: file.to_owned() }
    }

    /// The policy if this stack asked something else, or nothing; its places are in the owner's text.
    fn policy(
        &self,
        path: &RelativePath,
        own: Option<&Asked>,
        sources: &mut Sources,
    ) -> Option<Node> {
        let mut edited = match own {
            Some(own) if self.shared.all.contains(own) => self.shared.rendered(path)?,
            own => {
                let of = |asked| if self.is_own(asked) { own } else { Some(asked) };
                let all = self.shared.all.iter().filter_map(of);
                let claims: Vec<Claim<'_>> =
                    all.filter(|asked| asked.edits() == Some(path)).map(Asked::claim).collect();
                self.shared.policy(path, &claims, sources)?
            }
        };
        let owners = policies::read(&self.shared.project, path, sources).ok()?;
        let owners = policies::documents(sources, owners).ok()?;
        let name = policies::name_of(&edited).map(str::to_owned);
        place_as(
            &mut edited,
            owners.iter().find(|node| policies::name_of(node) == name.as_deref()),
        );
        Some(edited)
    }

    fn is_own(&self, asked: &Asked) -> bool {
        asked.is_of(&self.file)
    }
}

impl Beyond for Policies {
    fn is_same(&self, values: &Values) -> bool {
        self.shared.all.contains(&Asked::of(&self.file, values))
    }

    fn documents(&self, values: &Values, sources: &mut Sources) -> Option<Vec<Vec<Node>>> {
        let own = Asked::of(&self.file, values);
        let (mut edited, mut exceptions) = (Vec::new(), Vec::new());
        if let Some(path) = own.edits() {
            edited.push(self.policy(path, Some(&own), sources)?);
        }
        if let (KyvernoMode::Exception, Some(path)) = (values.kyverno.mode, &values.kyverno.policy)
        {
            let project = &self.shared.project;
            exceptions.push(policies::exception(project, values, path, sources).ok()?.0);
        }
        Some(vec![edited, exceptions])
    }

    /// The policy without what can't be asked of it.
    fn remains(&self, values: &Values, sources: &mut Sources) -> Vec<Vec<Node>> {
        let own = Asked::of(&self.file, values);
        let left = own.edits().and_then(|path| self.policy(path, None, sources));
        vec![left.into_iter().collect(), Vec::new()]
    }
}

/// Gives each node the place that the node at its path has in the owner's document; none where the
/// owner has none.
fn place_as(node: &mut Node, owners: Option<&Node>) {
    node.span = owners.and_then(|owners| owners.span);
    match &mut node.value {
        Value::Mapping(map) => {
            for (key, entry) in map {
                place_as(&mut entry.node, owners.and_then(|owners| owners.get(key)));
            }
        }
        Value::Sequence(items) => {
            let theirs = owners.and_then(Node::as_sequence).unwrap_or_default();
            for (at, item) in items.iter_mut().enumerate() {
                place_as(item, theirs.get(at));
            }
        }
        _ => {}
    }
}
