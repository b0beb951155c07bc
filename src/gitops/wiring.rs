//! The inputs of the wiring: the settings that all stacks share, and the folders of `rendered/`.
//!
//! A folder whose objects have another owner, the edited policies, is wired only if the values ask for it.

use std::collections::BTreeSet;

use crate::explain;
use crate::model::workload;
use crate::project::Project;
use crate::project::load::{File, POLICIES, RenderedProject, Stack};
use crate::values::{GitOps, ImageOwner};
use kube_validate::Object;
use yaml_spans::diagnostic::Diagnostic;
use yaml_spans::{Node, Path, suggest};

/// A reason why a project can't be wired.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WiringError {
    /// Stacks lack settings that this part of the wiring needs.
    #[error("{} not set in {}", missing_paths(settings), in_backticks(files))]
    Missing {
        /// The values files.
        files: Vec<String>,
        /// The settings, all that are missing in any of the files.
        settings: Vec<&'static RequiredSetting>,
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
    /// No app has the name.
    #[error("there is no app `{name}`{}", did_you_mean(suggestion))]
    NoApp {
        /// The name.
        name: String,
        /// A similar name.
        suggestion: Option<String>,
        /// The folders of all apps.
        folders: Vec<String>,
    },
    /// The app's objects have another owner, and the values do not ask for it.
    #[error("`{folder}` contains policies that belong to another owner")]
    OtherOwner {
        /// The app's folder.
        folder: String,
    },
    /// An ApplicationSet can't omit a stack.
    #[error("an ApplicationSet finds every values file: it can't omit `{stack}`")]
    EveryStack {
        /// The stack.
        stack: String,
    },
    /// No app is selected.
    #[error("no app is left to wire")]
    NothingSelected,
    /// No client has the name.
    #[error("there is no client `{name}`{}", did_you_mean(suggestion))]
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
        let notes: Vec<String> = match &error {
            WiringError::Missing { settings, .. } => vec![
                format!("an example:\n{}", example_block(settings)),
                "`--set PATH=VALUE` or `-f FILE` tries it without a change of the values; \
                 `tts-render schema` lists all settings"
                    .to_owned(),
            ],
            WiringError::NoApp { folders, .. } => {
                vec![format!("the apps are {}", in_backticks(folders))]
            }
            WiringError::OtherOwner { .. } => vec![
                "once their owner has handed them over, set `gitops.policies: true` (docs/kyverno.md)"
                    .to_owned(),
            ],
            WiringError::SeveralClients { .. } => {
                vec!["name it with its namespace: `NAMESPACE/NAME`".to_owned()]
            }
            WiringError::MixedImages | WiringError::EveryStack { .. } => {
                vec!["omit `--application-set`; one Application per stack supports this".to_owned()]
            }
            _ => Vec::new(),
        };
        notes.into_iter().fold(Diagnostic::new(error.to_string()), Diagnostic::note)
    }
}

/// A setting that a part of the wiring needs.
#[derive(Debug)]
pub struct RequiredSetting {
    /// Its path.
    path: &'static str,
    /// An example of its value.
    example: &'static str,
    /// Its purpose.
    purpose: &'static str,
    /// Returns true if the settings have it.
    is_set: fn(&GitOps) -> bool,
}

impl PartialEq for RequiredSetting {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for RequiredSetting {}

/// The setting that all of the wiring needs.
const REPO_URL: RequiredSetting = RequiredSetting {
    path: "gitops.repoURL",
    example: "https://git.example/me/infra.git",
    purpose: "the repository, as the controller clones it",
    is_set: |_| true,
};

/// The setting that workflows need.
const ACTION: RequiredSetting = RequiredSetting {
    path: "gitops.ci.action",
    example: "OWNER/REPOSITORY@COMMIT",
    purpose: "the action that installs tts-render",
    is_set: |settings| settings.ci.action.is_some(),
};

/// The setting that Argo CD's plugin needs.
const PLUGIN_IMAGE: RequiredSetting = RequiredSetting {
    path: "gitops.argocd.pluginImage",
    example: "{repository: git.example/me/tts-render, tag: 0.1.0}",
    purpose: "the sidecar, from `tts-render image build --of renderer`",
    is_set: |settings| settings.argocd.plugin_image.is_some(),
};

/// A part of the wiring that can be asked for by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WiringPart {
    /// Controllers that read `rendered/`.
    Rendered,
    /// Argo CD with the plugin.
    Plugin,
    /// A workflow.
    Workflow,
}

impl WiringPart {
    /// All settings that it needs.
    fn required_settings(self) -> &'static [&'static RequiredSetting] {
        match self {
            WiringPart::Rendered => &[&REPO_URL],
            WiringPart::Plugin => &[&REPO_URL, &PLUGIN_IMAGE],
            WiringPart::Workflow => &[&REPO_URL, &ACTION],
        }
    }
}

/// The apps that the user asks for, by their folder or their name in the controller.
#[derive(Debug, Clone, Default)]
pub struct AppSelection {
    /// These alone; empty for all.
    pub only: Vec<String>,
    /// All but these.
    pub without: Vec<String>,
}

fn missing_paths(settings: &[&RequiredSetting]) -> String {
    let paths = in_backticks(settings.iter().map(|setting| setting.path));
    format!("{paths} {}", if settings.len() == 1 { "is" } else { "are" })
}

fn in_backticks(names: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn did_you_mean(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map(|name| format!(": did you mean `{name}`?")).unwrap_or_default()
}

/// The settings as they are written into a values file, each with its purpose.
fn example_block(settings: &[&RequiredSetting]) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    for setting in settings {
        let parts: Vec<&str> = setting.path.split('.').collect();
        let (key, parents) = parts.split_last().map_or(("", &[][..]), |(key, rest)| (*key, rest));
        let common = open.iter().zip(parents).take_while(|(one, other)| one == other).count();
        for (depth, parent) in parents.iter().enumerate().skip(common) {
            lines.push(format!("{}{parent}:", "  ".repeat(depth)));
        }
        open = parents.to_vec();
        let indent = "  ".repeat(parents.len());
        lines.push(format!("{indent}{key}: {}  # {}", setting.example, setting.purpose));
    }
    lines.join("\n")
}

/// A project's settings for its wiring, and what it renders.
#[derive(Debug)]
pub struct Wiring<'a> {
    /// The settings; those of the whole repository are the same in all stacks.
    pub(super) settings: &'a GitOps,
    pub(super) stacks: &'a [Stack],
    /// The folders of `rendered/` that are wired, by name.
    pub(super) apps: Vec<App<'a>>,
    /// The folders that are not wired, since their objects have another owner.
    pub omitted: Vec<&'a str>,
}

/// One folder of `rendered/`.
#[derive(Debug)]
pub(super) struct App<'a> {
    pub folder: &'a str,
    /// The stack whose own folder it is; none for a client's or the policies'.
    pub stack: Option<&'a Stack>,
    pub objects: Vec<&'a Object>,
    /// False for an app that the user did not ask for. What all apps share does not depend on it.
    pub is_selected: bool,
}

impl<'a> Wiring<'a> {
    /// Takes all that a project renders.
    ///
    /// # Errors
    /// Stacks lack settings that the part needs, or contradict one another; or no app has a selected
    /// name.
    pub fn new(
        rendered: &'a RenderedProject,
        part: WiringPart,
        selection: &AppSelection,
    ) -> Result<Self, WiringError> {
        check_required(&rendered.stacks, part)?;
        let wired: Vec<(&'a Stack, &'a GitOps)> = rendered
            .stacks
            .iter()
            .filter_map(|stack| Some((stack, stack.values.gitops.as_ref()?)))
            .collect();
        let [(first, settings), others @ ..] = wired.as_slice() else {
            return Err(WiringError::NothingSelected);
        };
        for (stack, other) in others {
            if let Some(path) = first_difference(settings, other) {
                let (first, second) = (first.file.clone(), stack.file.clone());
                return Err(WiringError::Differ { path: format!("gitops.{path}"), first, second });
            }
        }
        let (apps, others): (Vec<App<'a>>, Vec<App<'a>>) = collect_apps(rendered)
            .into_iter()
            .partition(|app| settings.policies || !app.belongs_to_another_owner());
        let omitted = others.iter().map(|app| app.folder).collect();
        let mut wiring = Wiring { settings, stacks: &rendered.stacks, apps, omitted };
        wiring.select(selection)?;
        Ok(wiring)
    }

    fn select(&mut self, selection: &AppSelection) -> Result<(), WiringError> {
        let only = self.find_apps(&selection.only)?;
        let without = self.find_apps(&selection.without)?;
        for (index, app) in self.apps.iter_mut().enumerate() {
            let is_named = selection.only.is_empty() || only.contains(&index);
            app.is_selected = is_named && !without.contains(&index);
        }
        match self.apps.iter().any(|app| app.is_selected) {
            true => Ok(()),
            false => Err(WiringError::NothingSelected),
        }
    }

    /// The positions of apps by their folder or their name.
    fn find_apps(&self, names: &[String]) -> Result<Vec<usize>, WiringError> {
        names.iter().map(|name| self.find_app(name)).collect()
    }

    fn find_app(&self, name: &str) -> Result<usize, WiringError> {
        if let Some(position) =
            self.apps.iter().position(|app| app.folder == name || self.app_name(app) == name)
        {
            return Ok(position);
        }
        let prefix = format!("{}-", self.settings.name);
        let folder = name.strip_prefix(&prefix).unwrap_or(name);
        if self.omitted.contains(&folder) {
            return Err(WiringError::OtherOwner { folder: folder.to_owned() });
        }
        let folders: Vec<String> = self.apps.iter().map(|app| app.folder.to_owned()).collect();
        let suggestion = suggest(name, folders.iter().map(String::as_str)).map(str::to_owned);
        Err(WiringError::NoApp { name: name.to_owned(), suggestion, folders })
    }

    /// Checks that every stack has all settings that a part needs.
    pub(super) fn check_part(&self, part: WiringPart) -> Result<(), WiringError> {
        check_required(self.stacks, part)
    }

    /// The apps that the user asks for.
    pub(super) fn selected_apps(&self) -> impl Iterator<Item = &App<'a>> {
        self.apps.iter().filter(|app| app.is_selected)
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

    /// A path below the folder of rendered files, from the repository's root.
    pub(super) fn rendered_path(&self, below: &str) -> String {
        self.repository_path(&format!("{}/{below}", Project::RENDERED))
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

/// Checks that every stack has all settings that the part needs.
fn check_required(stacks: &[Stack], part: WiringPart) -> Result<(), WiringError> {
    let lacks = |stack: &Stack, setting: &RequiredSetting| {
        !stack.values.gitops.as_ref().is_some_and(|settings| (setting.is_set)(settings))
    };
    let mut settings = part.required_settings().to_vec();
    settings.retain(|setting| stacks.iter().any(|stack| lacks(stack, setting)));
    if settings.is_empty() {
        return Ok(());
    }
    let lacking =
        stacks.iter().filter(|stack| settings.iter().any(|setting| lacks(stack, setting)));
    let files = lacking.map(|stack| stack.file.clone()).collect();
    Err(WiringError::Missing { files, settings })
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

    /// Returns true for edited policies, which remain their owner's. An exception is the stack's own.
    fn belongs_to_another_owner(&self) -> bool {
        self.folder == POLICIES
            && self
                .objects
                .iter()
                .any(|object| is_of_kyverno(object) && object.kind != "PolicyException")
    }

    /// Returns true if it holds a Kyverno policy: the API server writes defaults into those.
    pub(super) fn holds_policies(&self) -> bool {
        self.objects.iter().any(|object| is_of_kyverno(object))
    }
}

fn is_of_kyverno(object: &Object) -> bool {
    object.group().ends_with("kyverno.io")
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
            is_selected: true,
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
