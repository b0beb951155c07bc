//! `gitops`: the files that wire this repository to a controller or a forge.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use tts_render::gitops::{self, Document, Forge, ManifestSource, StackApps, Wiring};
use tts_render::project::load::RenderedProject;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

use super::complete;
use super::{CliError, Context, Exit, Inputs, file_error};

/// Print the files that wire this repository to Argo CD, Flux or a forge, or a client to its settings
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render gitops argocd | kubectl apply -f -
  tts-render gitops flux --out clusters/home/tts
  tts-render gitops github > .github/workflows/rendered.yaml
  tts-render gitops client tripit             the patch for the client's owner")]
pub(crate) struct Args {
    #[command(subcommand)]
    target: Target,
    /// Write files into this folder in place of printing them
    #[arg(long, value_name = "DIR", global = true)]
    out: Option<PathBuf>,
    /// An overlay over the values of every stack
    #[arg(short = 'f', long = "values", value_name = "FILE", global = true)]
    overlays: Vec<PathBuf>,
    /// One value: --set gitops.repoURL=https://git.example/me/infra.git
    #[arg(long, value_name = "PATH=VALUE", global = true, add = complete::assignments())]
    set: Vec<String>,
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
    },
    /// A source, and a Kustomization for each folder of rendered/
    #[command(after_help = "Example:
  tts-render gitops flux --out clusters/home/tts")]
    Flux,
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
    let request = Inputs { overlays, set, ..Inputs::default() }.request()?;
    let rendered = RenderedProject::render(&context.common.project(), &request)?;
    let documents = make_documents(&args.target, &rendered)?;
    match &args.out {
        Some(folder) => {
            for document in &documents {
                write_document(folder, document)?;
                context
                    .printer
                    .status(&format!("wrote `{}`", folder.join(&document.file).display()));
            }
        }
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
) -> Result<Vec<Document>, Diagnostics> {
    if let Target::Client { name, container } = target {
        return Ok(vec![gitops::client_patch(rendered, name, container.as_deref())?]);
    }
    let wiring = Wiring::new(rendered).map_err(Diagnostic::from)?;
    match target {
        Target::Argocd { from, application_set } => {
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
        Target::Flux => gitops::flux_documents(&wiring),
        Target::Github => Ok(vec![gitops::workflow_document(&wiring, Forge::GitHub)?]),
        Target::Forgejo => Ok(vec![gitops::workflow_document(&wiring, Forge::Forgejo)?]),
        Target::Client { .. } => Ok(Vec::new()),
    }
}

fn write_document(folder: &Path, document: &Document) -> Result<(), CliError> {
    let path = folder.join(&document.file);
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(&path, &document.text))
        .map_err(|error| file_error("write", &path, &error).into())
}
