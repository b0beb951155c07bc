//! All stacks of a project to all files of `rendered/`.
//!
//! In: a [`Project`] and what the user asks of it. Out: [`Fleet`], every file with its object, in
//! memory. The commands call it; it calls values, render, objects and policy, and writes nothing.

mod beyond;
mod policies;
mod stack;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::explain::Subject;
use crate::parallel;
use crate::project::{Project, ProjectError, StackFile, read_named};
use crate::templates::Templates;
use crate::values::{Assignment, Layers, Loaded};
use kube_validate::{Object, ObjectId};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::{SourceId, Sources};

use beyond::{Asked, Policies, Shared};
pub use stack::Stack;
use stack::{file_name, header};

/// The folder of edited policies: an app of its own, since another owner's objects lie in it.
pub const POLICIES: &str = "kyverno";

/// The stacks that one thread has done before another would start.
const FEW: usize = 3;

/// What is to be rendered.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Stacks by name or path. None: all of the project's.
    pub stacks: Vec<String>,
    /// Overlay files, the last the strongest.
    pub overlays: Vec<PathBuf>,
    /// Single assignments, stronger than overlays.
    pub assignments: Vec<Assignment>,
    /// A folder of templates in place of the repository's.
    pub templates: Option<PathBuf>,
    /// Whether edited policies are left out: for who speaks of stacks' own folders alone.
    pub without_policies: bool,
    /// Leave the objects' trees out, for who wants the files alone: of a thousand stacks they are most
    /// of the memory.
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
    /// The object in it; its tree is null where the request is for files alone.
    pub object: Object,
    /// The values files that it comes from, as messages name them.
    pub claimants: Vec<String>,
}

/// All that a request renders.
#[derive(Debug)]
pub struct Fleet {
    /// The stacks, by name.
    pub stacks: Vec<Stack>,
    /// Every file, by folder and name.
    pub files: Vec<File>,
}

impl Fleet {
    /// Renders what is asked for. Policies and other namespaces' folders are whole only where all
    /// stacks are asked for.
    ///
    /// Errors: those of every stack, in the stacks' order.
    pub fn build(project: &Project, request: &Request) -> Result<Self, Diagnostics> {
        let mut sources = Sources::new();
        let templates = load_templates(project, request, &mut sources)?;
        let files = stack_files(project, request).map_err(plain)?;
        let layers = load_layers(request, &mut sources).map_err(plain)?;
        let job = stack::Job {
            project,
            templates: &templates,
            layers: &layers,
            base: &sources,
            files_only: request.files_only,
        };
        let mut stacks = all_or_errors(parallel::map(&files, FEW, |file| job.run(file)))?;
        let mut files: Vec<File> =
            stacks.iter_mut().flat_map(|stack| std::mem::take(&mut stack.files)).collect();
        if !request.without_policies {
            files.extend(policies::edited(project, &stacks, &mut sources)?);
        }
        files.sort_by(|a, b| (&a.folder, &a.name).cmp(&(&b.folder, &b.name)));
        refuse_twice(&files)?;
        Ok(Fleet { stacks, files })
    }

    /// The files of one folder, or all; in the order in which a controller should apply them.
    pub fn in_apply_order(&self, folder: Option<&str>) -> Vec<&File> {
        let wanted = |file: &&File| folder.is_none_or(|folder| folder == file.folder);
        let mut files: Vec<_> = self.files.iter().filter(wanted).collect();
        files.sort_by_cached_key(|file| kube_validate::apply_order(&file.object));
        files
    }
}

/// One stack with its templates and texts, for who looks closer than at the files: explain, lint.
#[derive(Debug)]
pub struct Opened {
    /// Its values file, as messages name it.
    pub file: String,
    /// The templates.
    pub templates: Templates,
    /// Its values, with the tree that they were read from.
    pub loaded: Loaded,
    /// All texts.
    pub sources: Sources,
    /// What it makes beyond templates.
    policies: Policies,
}

impl Opened {
    /// Opens the stacks that are asked for.
    ///
    /// Errors: those of templates, or of every stack's values.
    pub fn open(project: &Project, request: &Request) -> Result<Vec<Self>, Diagnostics> {
        let files = stack_files(project, request).map_err(plain)?;
        let open = |file: &StackFile| {
            let mut sources = Sources::new();
            let templates = load_templates(project, request, &mut sources)?;
            let layers = load_layers(request, &mut sources).map_err(plain)?;
            let base = sources.clone();
            let job = stack::Job {
                project,
                templates: &templates,
                layers: &layers,
                base: &base,
                files_only: false,
            };
            let (file, loaded) = job.load(file, &mut sources)?;
            Ok((file, templates, loaded, sources))
        };
        let opened = all_or_errors(parallel::map(&files, FEW, open))?;
        let mut asked: Vec<Asked> =
            opened.iter().map(|(file, _, loaded, _)| Asked::of(file, &loaded.values)).collect();
        // A policy holds the namespaces of all stacks, whichever were asked for.
        if !request.stacks.is_empty() && asked.iter().any(Asked::shares) {
            asked.extend(others(project, request, &asked));
        }
        let shared = Shared::new(project.clone(), asked);
        let with_policies = |(file, templates, loaded, sources): (String, _, _, _)| {
            let policies = Policies::new(&shared, &file);
            Opened { file, templates, loaded, sources, policies }
        };
        Ok(opened.into_iter().map(with_policies).collect())
    }

    /// As explain takes it.
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            templates: &self.templates,
            loaded: &self.loaded,
            sources: &self.sources,
            beyond: Some(&self.policies),
        }
    }
}

/// What the project's other stacks ask of policies. One that can't be loaded asks nothing: rendering
/// it says why.
fn others(project: &Project, request: &Request, known: &[Asked]) -> Vec<Asked> {
    let mut sources = Sources::new();
    let Ok(layers) = load_layers(request, &mut sources) else { return Vec::new() };
    let load = |file: StackFile| {
        let mut sources = sources.clone();
        let source = project.read_stack(&file).ok()?;
        let name = source.name().to_owned();
        if known.iter().any(|asked| asked.is_of(&name)) {
            return None;
        }
        let id = sources.add(source);
        let loaded = Loaded::load(&mut sources, id, Path::new(&file.stem), &layers).ok()?;
        Some(Asked::of(&name, &loaded.values))
    };
    project.stacks().unwrap_or_default().into_iter().filter_map(load).collect()
}

fn plain(error: ProjectError) -> Diagnostics {
    Diagnostic::new(error.to_string()).into()
}

fn load_templates(
    project: &Project,
    request: &Request,
    sources: &mut Sources,
) -> Result<Templates, Diagnostics> {
    let found = project.templates(request.templates.as_deref()).map_err(plain)?;
    let own = found.into_iter().map(|(name, source)| (name, sources.add(source))).collect();
    Templates::load(sources, own)
}

fn load_layers(request: &Request, sources: &mut Sources) -> Result<Layers, ProjectError> {
    let read =
        |path: &PathBuf| -> Result<SourceId, ProjectError> { Ok(sources.add(read_named(path)?)) };
    let overlays = request.overlays.iter().map(read).collect::<Result<_, _>>()?;
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
    let mut good = Vec::with_capacity(results.len());
    let mut errors = Vec::new();
    for result in results {
        match result {
            Ok(item) => good.push(item),
            Err(Diagnostics(more)) => errors.extend(more),
        }
    }
    if errors.is_empty() { Ok(good) } else { Err(Diagnostics(errors)) }
}

/// One object belongs to one file: of one stack, and from one template.
fn refuse_twice(files: &[File]) -> Result<(), Diagnostics> {
    let mut seen: BTreeMap<ObjectId, &File> = BTreeMap::new();
    let mut errors = Vec::new();
    for file in files {
        let Some(first) = seen.insert(file.object.id(), file) else { continue };
        let (one, other) = (first.claimants.join(", "), file.claimants.join(", "));
        let by = if one == other {
            format!("from {one}")
        } else {
            format!("from {one} and from {other}")
        };
        errors.push(Diagnostic::new(format!("{} is rendered twice: {by}", file.object.id())));
    }
    if errors.is_empty() { Ok(()) } else { Err(Diagnostics(errors)) }
}
