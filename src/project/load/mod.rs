//! Loads a project's stacks, and renders them to the files of `rendered/`.
//!
//! In: a [`Project`] and a [`Request`]. Out: a [`RenderedProject`], every file with its object, in
//! memory; or each stack as a [`LoadedStack`], with its templates and texts.

mod duplicates;
mod extra_documents;
mod policies;
mod stack;

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::budget::{Budget, Trials};
use crate::explain::{Rendering, Subject};
use crate::parallel;
use crate::project::{Project, ProjectError, StackFile};
use crate::templates::Templates;
use crate::values::{Assignment, Layers, Loaded};
use kube_validate::{Object, ObjectId};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::{SourceId, Sources};

use duplicates::check_unique_objects;
use extra_documents::{PolicyCache, PolicyRequest, StackPolicies};
pub use stack::Stack;
use stack::{CheckedStack, Checks, RenderJob, file_name, header};

/// The folder of edited policies. It is an app of its own, since the objects have other owners.
pub const POLICIES: &str = "kyverno";

/// The most stacks that one thread handles alone.
const MAX_SEQUENTIAL_STACKS: usize = 3;

/// The stacks to load or render, with the layers of their values.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Stacks by name or path; empty for all of the project's.
    pub stacks: Vec<String>,
    /// Overlay files, the last the strongest.
    pub overlays: Vec<PathBuf>,
    /// Single assignments, stronger than overlays.
    pub assignments: Vec<Assignment>,
    /// A folder of templates in place of the repository's.
    pub templates: Option<PathBuf>,
    /// Skip edited policies; used when only the stacks' own folders, or only their values, are wanted.
    pub without_policies: bool,
    /// Drop object trees after rendering to save memory.
    pub files_only: bool,
}

/// One file of `rendered/`.
#[derive(Debug, Clone)]
pub struct File {
    /// Its folder: the app.
    pub folder: String,
    /// Its name in the folder.
    pub name: String,
    /// Its bytes.
    pub contents: String,
    /// The object in it. If [`Request::files_only`] is set, its tree is null; the bytes can be parsed.
    pub object: Object,
    /// The values files that it is rendered from, as messages name them.
    pub claimants: Vec<String>,
}

/// The result of rendering a [`Request`].
#[derive(Debug)]
pub struct RenderedProject {
    /// The stacks, by name.
    pub stacks: Vec<Stack>,
    /// Every file, by folder and name.
    pub files: Vec<File>,
}

impl RenderedProject {
    /// Renders the requested stacks. Folders that stacks share (policies, other namespaces) are complete
    /// only if all stacks are requested.
    ///
    /// # Errors
    /// Those of every stack, in the stacks' order.
    pub fn render(project: &Project, request: &Request) -> Result<Self, Diagnostics> {
        let mut sources = Sources::new();
        let budget = project.new_budget();
        let templates = load_templates(project, request, &mut sources)?;
        let stack_files = stack_files(project, request)?;
        let layers = load_layers(project, request, &mut sources)?;
        let base = sources.clone();
        let checks = Checks {
            project,
            templates: &templates,
            without_policies: request.without_policies,
            budget: &budget,
            stacks: stack_files.len(),
        };
        let job =
            RenderJob { checks, layers: &layers, base: &base, files_only: request.files_only };
        let rendered =
            parallel::map(&stack_files, MAX_SEQUENTIAL_STACKS, |file| job.render_stack(file));
        budget.check()?;
        let mut stacks = all_or_errors(rendered)?;
        let mut files: Vec<File> =
            stacks.iter_mut().flat_map(|stack| std::mem::take(&mut stack.files)).collect();
        if !request.without_policies {
            let values = stacks.iter().map(|stack| (stack.file.as_str(), &stack.values));
            files.extend(policies::render_policies(project, values, &mut sources)?);
        }
        files.sort_by(|a, b| (&a.folder, &a.name).cmp(&(&b.folder, &b.name)));
        let names = stacks.iter().map(|stack| stack.file.as_str());
        let named: Vec<(&StackFile, &str)> = stack_files.iter().zip(names).collect();
        check_unique_objects(&files, &named, &job)?;
        Ok(RenderedProject { stacks, files })
    }

    /// The files of one folder, or all, in the order in which a controller should apply them.
    pub fn in_apply_order(&self, folder: Option<&str>) -> Vec<&File> {
        let mut files: Vec<_> = self
            .files
            .iter()
            .filter(|file| folder.is_none_or(|folder| folder == file.folder))
            .collect();
        files.sort_by_cached_key(|file| kube_validate::apply_order(&file.object));
        files
    }
}

/// A loaded stack with its templates and texts, used by explain and lint.
#[derive(Debug)]
pub struct LoadedStack {
    /// Its values file, as messages name it.
    pub file: String,
    /// The templates, which all stacks share.
    pub templates: Arc<Templates>,
    /// Its values, with the tree that they were read from.
    pub loaded: Loaded,
    /// All texts.
    pub sources: Sources,
    /// The budget for finding the values behind its fields.
    pub trials: Trials,
    /// Its documents that no template makes.
    policies: StackPolicies,
}

impl LoadedStack {
    /// Loads the requested stacks.
    ///
    /// # Errors
    /// Those of templates, or of every stack's values.
    pub fn load_all(project: &Project, request: &Request) -> Result<Vec<Self>, Diagnostics> {
        let files = stack_files(project, request)?;
        let budget = project.new_budget();
        let mut base = Sources::new();
        let templates = Arc::new(load_templates(project, request, &mut base)?);
        let layers = load_layers(project, request, &mut base)?;
        let checks = Checks {
            project,
            templates: &templates,
            without_policies: request.without_policies,
            budget: &budget,
            stacks: files.len(),
        };
        let job = RenderJob { checks, layers: &layers, base: &base, files_only: false };
        let loaded = parallel::map(&files, MAX_SEQUENTIAL_STACKS, |file| {
            let mut sources = base.clone();
            let (file, loaded) = job.load_values(file, &mut sources)?;
            Ok((file, loaded, sources))
        });
        budget.check()?;
        let loaded = all_or_errors(loaded)?;
        let mut requests: Vec<PolicyRequest> = loaded
            .iter()
            .map(|(file, loaded, _)| PolicyRequest::of_stack(file, &loaded.values))
            .collect();
        // A policy lists the namespaces of all stacks, whichever are requested.
        if !request.stacks.is_empty()
            && !request.without_policies
            && requests.iter().any(PolicyRequest::edits_policy)
        {
            requests.extend(other_requests(project, request, &requests));
        }
        let cache = PolicyCache::new(project.clone(), requests);
        Ok(loaded
            .into_iter()
            .map(|(file, loaded, sources)| {
                let templates = Arc::clone(&templates);
                let policies = StackPolicies::new(&cache, &file);
                let trials = Trials::share_of(files.len());
                LoadedStack { file, templates, loaded, sources, trials, policies }
            })
            .collect())
    }

    /// The stack as the subject of an explanation.
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            templates: &self.templates,
            loaded: &self.loaded,
            sources: &self.sources,
            trials: &self.trials,
            extra: Some(&self.policies),
        }
    }
}

/// A check of loaded stacks one by one, with the same checks as [`RenderedProject::render`], which keeps no
/// rendering: that of a stack can be used before the next one is rendered.
#[derive(Debug)]
pub struct RenderCheck<'a> {
    project: &'a Project,
    stacks: &'a [LoadedStack],
    budget: Budget,
}

impl<'a> RenderCheck<'a> {
    /// A check of these stacks.
    pub fn new(project: &'a Project, stacks: &'a [LoadedStack]) -> Self {
        RenderCheck { project, stacks, budget: project.new_budget() }
    }

    /// Renders one of the stacks. Also returns its objects, for [`finish`](Self::finish).
    ///
    /// # Errors
    /// The stack does not render, or its objects are not valid.
    pub fn render(&self, stack: &LoadedStack) -> Result<(Rendering, Vec<ObjectId>), Diagnostics> {
        let checks = Checks {
            project: self.project,
            templates: &stack.templates,
            without_policies: false,
            budget: &self.budget,
            stacks: self.stacks.len(),
        };
        let mut sources = stack.sources.clone();
        let CheckedStack { objects, exception, .. } =
            checks.render(&stack.file, &stack.loaded, &mut sources)?;
        let ids = objects.iter().flatten().chain(&exception).map(Object::id).collect();
        let objects = objects.into_iter();
        let documents =
            objects.map(|objects| objects.into_iter().map(|object| object.node).collect());
        Ok((Rendering { documents: documents.collect(), sources }, ids))
    }

    /// Checks all stacks together: their edits of policies, and that each object is rendered once.
    ///
    /// # Errors
    /// The first problem. [`RenderedProject::render`] reports all of them, with the values to change.
    pub fn finish(self, objects: Vec<ObjectId>) -> Result<(), Diagnostics> {
        self.budget.check()?;
        let values = self.stacks.iter().map(|stack| (stack.file.as_str(), &stack.loaded.values));
        let policies = policies::render_policies(self.project, values, &mut Sources::new())?;
        let mut seen = BTreeSet::new();
        let policies = policies.iter().map(|file| file.object.id());
        match objects.into_iter().chain(policies).find(|id| !seen.insert(id.clone())) {
            Some(id) => Err(Diagnostic::new(format!("`{id}` is rendered twice")).into()),
            None => Ok(()),
        }
    }
}

/// The policy requests of the project's other stacks. A stack that can't be loaded has none: rendering
/// it reports the errors.
fn other_requests(
    project: &Project,
    request: &Request,
    known: &[PolicyRequest],
) -> Vec<PolicyRequest> {
    let mut sources = Sources::new();
    let budget = project.new_budget();
    let Ok(layers) = load_layers(project, request, &mut sources) else { return Vec::new() };
    let files = project.stacks().unwrap_or_default().into_iter();
    let others = files.filter_map(|file| {
        let mut sources = sources.clone();
        let source = project.read_stack(&file).ok()?;
        let name = source.name().to_owned();
        if known.iter().any(|request| request.is_from(&name)) {
            return None;
        }
        let id = sources.add(source);
        let loaded =
            Loaded::load(&mut sources, id, Path::new(&file.stem), &layers, &budget).ok()?;
        Some(PolicyRequest::of_stack(&name, &loaded.values))
    });
    others.collect()
}

fn load_templates(
    project: &Project,
    request: &Request,
    sources: &mut Sources,
) -> Result<Templates, Diagnostics> {
    let files = project.templates(request.templates.as_deref())?;
    let own = files.into_iter().map(|(name, source)| (name, sources.add(source))).collect();
    Templates::load(sources, own)
}

fn load_layers(
    project: &Project,
    request: &Request,
    sources: &mut Sources,
) -> Result<Layers, ProjectError> {
    let mut overlays: Vec<SourceId> = Vec::with_capacity(request.overlays.len());
    for path in &request.overlays {
        overlays.push(sources.add(project.read_named(path)?));
    }
    Ok(Layers { overlays, assignments: request.assignments.clone() })
}

fn stack_files(project: &Project, request: &Request) -> Result<Vec<StackFile>, ProjectError> {
    if request.stacks.is_empty() {
        return project.stacks();
    }
    let mut files: Vec<_> =
        request.stacks.iter().map(|name| project.stack(name)).collect::<Result<_, _>>()?;
    files.sort();
    files.dedup();
    Ok(files)
}

fn all_or_errors<T>(results: Vec<Result<T, Diagnostics>>) -> Result<Vec<T>, Diagnostics> {
    let mut items = Vec::with_capacity(results.len());
    let mut errors = Vec::new();
    let mut known = HashSet::new();
    for result in results {
        match result {
            Ok(item) => items.push(item),
            // An overlay or a template that all stacks share gives each of them the same error.
            Err(Diagnostics(more)) => {
                errors.extend(more.into_iter().filter(|error| known.insert(format!("{error:?}"))));
            }
        }
    }
    if errors.is_empty() { Ok(items) } else { Err(Diagnostics(errors)) }
}
