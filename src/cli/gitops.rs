//! `gitops`: the files that wire this repository to a controller or a forge.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use tts_render::gitops::{
    self, AppSelection, Document, Forge, ManifestSource, StackApps, Wiring, WiringPart,
};
use tts_render::project::load::RenderedProject;
use tts_render::project::write::{self, Force};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

use super::complete;
use super::{CliError, Context, Exit, Inputs};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render gitops argocd | kubectl apply -f -
  tts-render gitops argocd --without tripit   without an app that somebody else applies
  tts-render gitops flux --out clusters/home/tts
  tts-render gitops github > .github/workflows/rendered.yaml
  tts-render gitops client tripit             the patch for the client's owner")]
pub(crate) struct Args {
    #[command(subcommand)]
    target: Target,
    /// Write files into this folder in place of printing them, and remove those that an earlier run wrote
    /// there and this one does not
    #[arg(long, value_name = "DIR", global = true)]
    out: Option<PathBuf>,
    /// With --out: overwrite files that tts-render did not write, or that were edited since
    #[arg(long, requires = "out", global = true)]
    force: bool,
    /// An overlay over the values of every stack
    #[arg(short = 'f', long = "values", value_name = "FILE", global = true)]
    overlays: Vec<PathBuf>,
    /// One value: --set gitops.repoURL=https://git.example/me/infra.git
    #[arg(long, value_name = "PATH=VALUE", global = true, add = complete::assignments())]
    set: Vec<String>,
    /// One text, a string whatever it says
    #[arg(long, value_name = "PATH=TEXT", global = true, add = complete::assignments())]
    set_string: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Target {
    /// An AppProject, and an Application for each folder of rendered/
    #[command(after_help = "Examples:
  tts-render gitops argocd > wiring.yaml
  tts-render gitops argocd --from plugin --out argocd
  tts-render gitops argocd --set gitops.repoURL=https://git.example/me/infra.git")]
    Argocd {
        /// The source of the manifests for Argo CD
        #[arg(long, value_name = "SOURCE", default_value = "rendered")]
        from: SourceFlag,
        /// One ApplicationSet for all stacks, in place of an Application each
        #[arg(long)]
        application_set: bool,
        #[command(flatten)]
        apps: Apps,
    },
    /// A source, and a Kustomization for each folder of rendered/
    #[command(after_help = "Example:
  tts-render gitops flux --out clusters/home/tts")]
    Flux {
        #[command(flatten)]
        apps: Apps,
    },
    /// A workflow for GitHub Actions
    #[command(after_help = "Example:
  tts-render gitops github > .github/workflows/rendered.yaml")]
    Github,
    /// A workflow for Forgejo Actions
    #[command(after_help = "Example:
  tts-render gitops forgejo > .forgejo/workflows/rendered.yaml")]
    Forgejo,
    /// The patch of a client's Deployment, for its owner
    #[command(after_help = "Examples:
  tts-render gitops client tripit > patch.yaml
  tts-render gitops client other/tripit --container web")]
    Client {
        /// The client: NAME or NAMESPACE/NAME
        name: String,
        /// The container that takes the settings [default: the one named like the Deployment]
        #[arg(long, value_name = "NAME")]
        container: Option<String>,
    },
}

/// The apps to wire. The AppProject and the source always cover all apps.
#[derive(Debug, clap::Args)]
struct Apps {
    /// Wire this app alone: a folder of rendered/; can be repeated
    #[arg(long, value_name = "APP", conflicts_with = "without")]
    only: Vec<String>,
    /// Do not wire this app: a folder of rendered/; can be repeated
    #[arg(long, value_name = "APP")]
    without: Vec<String>,
}

impl Apps {
    fn selection(&self) -> AppSelection {
        AppSelection { only: self.only.clone(), without: self.without.clone() }
    }
}

impl Target {
    /// The part of the wiring that it prints, and its apps; none for a client's patch.
    fn wiring_part(&self) -> Option<(WiringPart, AppSelection)> {
        Some(match self {
            Target::Argocd { from: SourceFlag::Rendered, apps, .. } | Target::Flux { apps } => {
                (WiringPart::Rendered, apps.selection())
            }
            Target::Argocd { from: SourceFlag::Plugin, apps, .. } => {
                (WiringPart::Plugin, apps.selection())
            }
            Target::Github | Target::Forgejo => (WiringPart::Workflow, AppSelection::default()),
            Target::Client { .. } => return None,
        })
    }

    /// Returns true for the name of a file that this target may remove.
    fn is_own_file(&self, name: &str) -> bool {
        match self {
            Target::Argocd { .. } => gitops::is_argocd_file(name),
            Target::Flux { .. } => gitops::is_flux_file(name),
            Target::Github | Target::Forgejo | Target::Client { .. } => false,
        }
    }
}

/// The value of `--from`.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum SourceFlag {
    /// From rendered/, as it is committed
    Rendered,
    /// From the plugin, at every refresh
    Plugin,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let (overlays, set) = (args.overlays.clone(), args.set.clone());
    let set_string = args.set_string.clone();
    let request = Inputs { overlays, set, set_string, ..Inputs::default() }.request()?;
    let project = context.common.project();
    project.check_output(args.out.as_deref())?;
    let rendered = RenderedProject::render(&project, &request)?;
    let documents = make_documents(&args.target, &rendered, context)?;
    match &args.out {
        Some(folder) => write_documents(folder, &documents, args, context)?,
        None => {
            let several = documents.len() > 1;
            for document in &documents {
                if several {
                    writeln!(context.out, "---")?;
                }
                context.out.write_all(document.text.as_bytes())?;
            }
        }
    }
    Ok(Exit::Success)
}

fn make_documents(
    target: &Target,
    rendered: &RenderedProject,
    context: &Context<'_>,
) -> Result<Vec<Document>, Diagnostics> {
    if let Target::Client { name, container } = target {
        return Ok(vec![gitops::client_patch(rendered, name, container.as_deref())?]);
    }
    let Some((part, selection)) = target.wiring_part() else { return Ok(Vec::new()) };
    let wiring = Wiring::new(rendered, part, &selection).map_err(Diagnostic::from)?;
    if part != WiringPart::Workflow {
        for folder in &wiring.omitted {
            context.printer.status(&format!(
                "omitted `{folder}`: its policies belong to another owner; once that owner has handed them over, set `gitops.policies: true`"
            ));
        }
    }
    match target {
        Target::Argocd { from, application_set, .. } => {
            let source = match from {
                SourceFlag::Rendered => ManifestSource::Rendered,
                SourceFlag::Plugin => ManifestSource::Plugin,
            };
            let stack_apps = match application_set {
                true => StackApps::ApplicationSet,
                false => StackApps::Applications,
            };
            gitops::argocd_documents(&wiring, source, stack_apps)
        }
        Target::Flux { .. } => gitops::flux_documents(&wiring),
        Target::Github => Ok(vec![gitops::workflow_document(&wiring, Forge::GitHub)?]),
        Target::Forgejo => Ok(vec![gitops::workflow_document(&wiring, Forge::Forgejo)?]),
        Target::Client { .. } => Ok(Vec::new()),
    }
}

/// Writes the files, each into its folder below `out`, and removes older ones of the same target there.
fn write_documents(
    out: &Path,
    documents: &[Document],
    args: &Args,
    context: &Context<'_>,
) -> Result<(), CliError> {
    let mut folders: BTreeMap<PathBuf, Vec<(&str, &str)>> = BTreeMap::new();
    for document in documents {
        let (folder, name) = match document.file.rsplit_once('/') {
            Some((below, name)) => (out.join(below), name),
            None => (out.to_owned(), document.file.as_str()),
        };
        folders.entry(folder).or_default().push((name, &document.text));
    }
    let force = if args.force { Force::Yes } else { Force::No };
    for (folder, files) in &folders {
        let summary =
            write::write_folder(folder, files, |name| args.target.is_own_file(name), force)?;
        let status = |verb: &str, path: &Path| {
            context.printer.status(&format!("{verb} `{}`", folder.join(path).display()));
        };
        summary.created.iter().chain(&summary.updated).for_each(|path| status("wrote", path));
        summary.pruned.iter().for_each(|path| status("removed", path));
        summary
            .retained
            .iter()
            .for_each(|path| status("no longer written, and kept since it was edited:", path));
        if summary.unchanged > 0 {
            context.printer.status(&format!(
                "{} unchanged in `{}`",
                summary.unchanged,
                folder.display()
            ));
        }
    }
    Ok(())
}
