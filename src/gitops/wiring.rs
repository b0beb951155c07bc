//! The inputs of the wiring: the settings that all stacks share, and the folders of `rendered/`.

use std::collections::BTreeSet;

use crate::explain;
use crate::model::workload;
use crate::project::load::{File, RenderedProject, Stack};
use crate::values::{GitOps, ImageOwner};
use kube_validate::Object;
use yaml_spans::diagnostic::Diagnostic;
use yaml_spans::{Node, Path};

/// A reason why a project can't be wired.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WiringError {
    /// A stack has no settings.
    #[error("`{file}` has no `gitops`: the wiring is made from it")]
    NoSettings {
        /// The values file.
        file: String,
    },
    /// A setting of the whole repository differs between stacks.
    #[error("`{path}` of `{second}` is not that of `{first}`: one repository is wired once")]
    Differ {
        /// The first setting that differs.
        path: String,
        /// A values file.
        first: String,
        /// The other.
        second: String,
    },
    /// A setting is missing that only this part of the wiring needs.
    #[error("`{path}` is not set: {purpose}")]
    NotSet {
        /// The setting.
        path: &'static str,
        /// Its purpose.
        purpose: &'static str,
    },
    /// No client has the name.
    #[error("there is no client `{name}`{}", .suggestion.as_deref().map(|name| format!(": did you mean `{name}`?")).unwrap_or_default())]
    NoClient {
        /// The name.
        name: String,
        /// A similar name.
        suggestion: Option<String>,
    },
    /// Several clients have the name.
    #[error("there are several clients `{name}`: {}", .full_names.join(", "))]
    SeveralClients {
        /// The name.
        name: String,
        /// Their names with their namespaces.
        full_names: Vec<String>,
    },
    /// Stacks differ in a setting for which one ApplicationSet has one template.
    #[error(
        "`gitops.images` is not the same in all stacks: an ApplicationSet can't tell them apart"
    )]
    MixedImages,
}

impl From<WiringError> for Diagnostic {
    fn from(error: WiringError) -> Self {
        let note = match &error {
            WiringError::NoSettings { .. } => Some(
                "the minimum: `gitops: {repoURL: https://…}`; `tts-render schema` lists all settings",
            ),
            WiringError::SeveralClients { .. } => {
                Some("name it with its namespace: `NAMESPACE/NAME`")
            }
            WiringError::MixedImages => {
                Some("omit `--application-set`; one Application per stack supports this")
            }
            _ => None,
        };
        let diagnostic = Diagnostic::new(error.to_string());
        note.into_iter().fold(diagnostic, Diagnostic::note)
    }
}

/// A project's settings for its wiring, and what it renders.
#[derive(Debug)]
pub struct Wiring<'a> {
    /// The settings; those of the whole repository are the same in all stacks.
    pub(super) settings: &'a GitOps,
    pub(super) stacks: &'a [Stack],
    /// The folders of `rendered/`, by name.
    pub(super) apps: Vec<App<'a>>,
}

/// One folder of `rendered/`.
#[derive(Debug)]
pub(super) struct App<'a> {
    pub folder: &'a str,
    /// The stack whose own folder it is; none for a client's or the policies'.
    pub stack: Option<&'a Stack>,
    pub objects: Vec<&'a Object>,
}

impl<'a> Wiring<'a> {
    /// Takes all that a project renders.
    ///
    /// # Errors
    /// A stack has no settings, or stacks contradict one another.
    pub fn new(rendered: &'a RenderedProject) -> Result<Self, WiringError> {
        let [first, others @ ..] = rendered.stacks.as_slice() else {
            return Err(WiringError::NoSettings { file: "values/".to_owned() });
        };
        let settings = stack_settings(first)?;
        for stack in others {
            if let Some(path) = first_difference(settings, stack_settings(stack)?) {
                let (first, second) = (first.file.clone(), stack.file.clone());
                return Err(WiringError::Differ { path: format!("gitops.{path}"), first, second });
            }
        }
        Ok(Wiring { settings, stacks: &rendered.stacks, apps: collect_apps(rendered) })
    }

    /// A path below the project, from the repository's root.
    pub(super) fn repository_path(&self, below: &str) -> String {
        match &self.settings.path {
            Some(path) if below.is_empty() => path.as_str().trim_end_matches('/').to_owned(),
            Some(path) => format!("{}/{below}", path.as_str().trim_end_matches('/')),
            None if below.is_empty() => ".".to_owned(),
            None => below.to_owned(),
        }
    }

    /// An app's name: a stack's own app has the stack's name. Another has the wiring's name before
    /// the folder's, since an app of the folder's name (`kyverno`) probably belongs to another
    /// owner.
    pub(super) fn app_name(&self, app: &App<'_>) -> String {
        match app.stack {
            Some(_) => app.folder.to_owned(),
            None => format!("{}-{}", self.settings.name, app.folder),
        }
    }

    /// All objects of all apps.
    pub(super) fn objects(&self) -> impl Iterator<Item = &'a Object> {
        self.apps.iter().flat_map(|app| app.objects.iter().copied())
    }
}

fn stack_settings(stack: &Stack) -> Result<&GitOps, WiringError> {
    let settings = stack.values.gitops.as_ref();
    settings.ok_or_else(|| WiringError::NoSettings { file: stack.file.clone() })
}

impl App<'_> {
    /// The namespace that its objects are in.
    pub(super) fn namespace(&self) -> &str {
        self.stack.map_or(self.folder, |stack| stack.values.namespace.name.as_str())
    }

    pub(super) fn keel_owns_images(&self) -> bool {
        let settings = self.stack.and_then(|stack| stack.values.gitops.as_ref());
        settings.is_some_and(|settings| settings.images == ImageOwner::Keel)
    }

    /// The object that the gate scales, if it is rendered.
    pub(super) fn scaled_object(&self) -> Option<&Object> {
        let target = &self.stack?.values.target;
        let name = target.name.as_ref()?.as_str();
        let scaled = (target.group(), target.kind.as_str(), name);
        self.objects
            .iter()
            .copied()
            .find(|object| (object.group(), object.kind.as_str(), object.name.as_str()) == scaled)
    }

    /// Returns true if it holds a Kyverno policy: the API server writes defaults into those.
    pub(super) fn holds_policies(&self) -> bool {
        self.objects.iter().any(|object| object.group().ends_with("kyverno.io"))
    }
}

/// The path of a workload's list of containers, and the containers' names.
pub(super) fn containers(object: &Object) -> Option<(Path, Vec<&str>)> {
    let path = workload::containers_path(object.group(), &object.kind)?;
    let list = path.find(&object.node)?.as_sequence()?;
    let names = list.iter().filter_map(|container| container.get("name").and_then(Node::as_str));
    let names = names.collect();
    Some((path, names))
}

fn collect_apps(rendered: &RenderedProject) -> Vec<App<'_>> {
    let folders: BTreeSet<&str> = rendered.files.iter().map(|file| file.folder.as_str()).collect();
    let mut apps = Vec::with_capacity(folders.len());
    for folder in folders {
        let files = rendered.files.iter().filter(|file: &&File| file.folder == folder);
        apps.push(App {
            folder,
            stack: rendered.stacks.iter().find(|stack| stack.name == folder),
            objects: files.map(|file| &file.object).collect(),
        });
    }
    apps
}

/// The first setting of the whole repository in which two stacks differ.
fn first_difference(first: &GitOps, second: &GitOps) -> Option<String> {
    let (first, second) = (shared_settings(first)?, shared_settings(second)?);
    explain::leaves(&first)
        .into_iter()
        .chain(explain::leaves(&second))
        .find(|path| path.find(&first) != path.find(&second))
        .map(|path| path.to_string())
}

/// The settings that must be the same in all stacks.
fn shared_settings(settings: &GitOps) -> Option<Node> {
    let shared = GitOps { images: ImageOwner::default(), ..settings.clone() };
    yaml_spans::to_node(&shared).ok()
}
