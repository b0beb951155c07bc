//! What the wiring is made of: the settings that all stacks share, and the apps.

use std::collections::BTreeSet;

use crate::model::workload;
use crate::project::load::{File, Fleet, Stack};
use crate::values::{GitOps, ImageOwner};
use kube_validate::Object;
use yaml_spans::diagnostic::Diagnostic;
use yaml_spans::{self, Node, Path};

/// Why there is no wiring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WiringError {
    /// A stack says nothing of it.
    #[error("{file} has no `gitops`: the wiring is made from it")]
    NoSettings {
        /// The values file.
        file: String,
    },
    /// Settings of the whole repository that differ.
    #[error("`{path}` of {second} is not that of {first}: one repository is wired once")]
    Differ {
        /// The first setting that differs.
        path: String,
        /// A values file.
        first: String,
        /// The other.
        second: String,
    },
    /// A setting that only this needs.
    #[error("`{path}` is not set: {what}")]
    NotSet {
        /// The setting.
        path: &'static str,
        /// What it is for.
        what: &'static str,
    },
    /// No client of that name.
    #[error("there is no client `{name}`{}", .near.as_deref().map(|near| format!(": did you mean `{near}`?")).unwrap_or_default())]
    NoClient {
        /// The name.
        name: String,
        /// One that is near.
        near: Option<String>,
    },
    /// Several clients of that name.
    #[error("there are several clients `{name}`: {}", .full.join(", "))]
    SeveralClients {
        /// The name.
        name: String,
        /// Their names with their namespaces.
        full: Vec<String>,
    },
    /// One ApplicationSet has one template for all.
    #[error(
        "`gitops.images` is not the same in all stacks: an ApplicationSet can't tell them apart"
    )]
    MixedImages,
}

impl From<WiringError> for Diagnostic {
    fn from(error: WiringError) -> Self {
        let note = match &error {
            WiringError::NoSettings { .. } => {
                Some("the least: `gitops: {repoURL: https://…}`; `tts-render schema` has the rest")
            }
            WiringError::SeveralClients { .. } => {
                Some("name it with its namespace: NAMESPACE/NAME")
            }
            WiringError::MixedImages => Some("leave `--fleet` away: an Application a stack can"),
            _ => None,
        };
        let diagnostic = Diagnostic::new(error.to_string());
        note.into_iter().fold(diagnostic, Diagnostic::note)
    }
}

/// What a project is wired with.
#[derive(Debug)]
pub struct Wiring<'a> {
    /// The settings, of the repository's part the same in all stacks.
    pub(super) settings: &'a GitOps,
    /// The stacks.
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
    /// Of all that a project renders.
    ///
    /// # Errors
    /// A stack without settings, or stacks that contradict one another.
    pub fn of(fleet: &'a Fleet) -> Result<Self, WiringError> {
        let settings_of = |stack: &'a Stack| {
            let missing = || WiringError::NoSettings { file: stack.file.clone() };
            stack.values.gitops.as_ref().ok_or_else(missing)
        };
        let [first, others @ ..] = fleet.stacks.as_slice() else {
            return Err(WiringError::NoSettings { file: "values/".to_owned() });
        };
        let settings = settings_of(first)?;
        for stack in others {
            if let Some(path) = first_difference(settings, settings_of(stack)?) {
                let (first, second) = (first.file.clone(), stack.file.clone());
                return Err(WiringError::Differ { path: format!("gitops.{path}"), first, second });
            }
        }
        Ok(Wiring { settings, stacks: &fleet.stacks, apps: apps(fleet) })
    }

    /// A path in the repository, from its root.
    pub(super) fn path(&self, below: &str) -> String {
        match &self.settings.path {
            Some(path) if below.is_empty() => path.as_str().trim_end_matches('/').to_owned(),
            Some(path) => format!("{}/{below}", path.as_str().trim_end_matches('/')),
            None if below.is_empty() => ".".to_owned(),
            None => below.to_owned(),
        }
    }

    /// What an app is called: a stack's own as the stack; another's with our name before it, since an
    /// app of the folder's name (`kyverno`) is probably there already, and is its owner's.
    pub(super) fn name_of(&self, app: &App<'_>) -> String {
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

impl App<'_> {
    /// The namespace that its objects are in.
    pub(super) fn namespace(&self) -> &str {
        self.stack.map_or(self.folder, |stack| stack.values.namespace.name.as_str())
    }

    /// Whether images are Keel's.
    pub(super) fn keel_owns_images(&self) -> bool {
        let settings = self.stack.and_then(|stack| stack.values.gitops.as_ref());
        settings.is_some_and(|settings| settings.images == ImageOwner::Keel)
    }

    /// The Deployment that the gate scales.
    pub(super) fn scaled(&self) -> Option<&Object> {
        let name = self.stack?.values.server.name.as_str();
        let is_it = |object: &&&Object| {
            (object.group(), object.kind.as_str(), object.name.as_str())
                == ("apps", "Deployment", name)
        };
        self.objects.iter().find(is_it).copied()
    }

    /// Whether it holds a policy of Kyverno's: their API server writes defaults into them.
    pub(super) fn holds_policies(&self) -> bool {
        self.objects.iter().any(|object| object.group().ends_with("kyverno.io"))
    }
}

/// The containers of a workload: where their list is, and their names.
pub(super) fn containers(object: &Object) -> Option<(Path, Vec<&str>)> {
    let path = workload::template_path(&object.id())?.key("spec").key("containers");
    let names = path.find(&object.node)?.as_sequence()?.iter();
    let names = names.filter_map(|container: &Node| container.get("name")?.as_str()).collect();
    Some((path, names))
}

fn apps(fleet: &Fleet) -> Vec<App<'_>> {
    let folders: BTreeSet<&str> = fleet.files.iter().map(|file| file.folder.as_str()).collect();
    let app = |folder| {
        let objects = fleet.files.iter().filter(|file: &&File| file.folder == folder);
        App {
            folder,
            stack: fleet.stacks.iter().find(|stack| stack.name == folder),
            objects: objects.map(|file| &file.object).collect(),
        }
    };
    folders.into_iter().map(app).collect()
}

/// The first setting of the whole repository in which two differ.
fn first_difference(one: &GitOps, other: &GitOps) -> Option<String> {
    let shared = |settings: &GitOps| {
        let settings = GitOps { images: ImageOwner::default(), ..settings.clone() };
        yaml_spans::to_node(&settings).ok()
    };
    let (one, other) = (shared(one)?, shared(other)?);
    let differs = |path: &Path| path.find(&one) != path.find(&other);
    crate::explain::leaves(&one)
        .into_iter()
        .chain(crate::explain::leaves(&other))
        .find(differs)
        .map(|path| path.to_string())
}
