//! `gitops`: the files that wire this repository to a controller or a forge.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use tts_render::gitops::{self, Document, Forge, From, Wiring};
use tts_render::project::load::RenderedProject;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

use super::{CliError, Context, Exit, Inputs};

/// Print the files that wire this repository to Argo CD, Flux or a forge, or a client to its settings
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render gitops argocd | kubectl apply -f -
  tts-render gitops flux --out clusters/home/tts
  tts-render gitops github > .github/workflows/rendered.yaml
  tts-render gitops client tripit             the patch for the client's owner")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
    /// Write files into this folder in place of printing them
    #[arg(long, value_name = "DIR", global = true)]
    out: Option<PathBuf>,
    /// An overlay over the values of every stack
    #[arg(short = 'f', long = "values", value_name = "FILE", global = true)]
    overlays: Vec<PathBuf>,
    /// One value: --set gitops.repoURL=https://git.example/me/infra.git
    #[arg(long, value_name = "PATH=VALUE", global = true)]
    set: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// An AppProject, and an Application for each folder of rendered/
    Argocd {
        /// Whether Argo CD reads rendered/, or renders by itself
        #[arg(long, value_name = "WHAT", default_value = "rendered")]
        from: Way,
        /// One ApplicationSet for all stacks, in place of an Application each
        #[arg(long)]
        fleet: bool,
    },
    /// A source, and a Kustomization for each folder of rendered/
    Flux,
    /// A workflow for GitHub Actions
    Github,
    /// A workflow for Forgejo Actions
    Forgejo,
    /// The patch of a client's Deployment, for its owner
    Client {
        /// The client: NAME or NAMESPACE/NAME
        name: String,
        /// The container that takes the settings, if it is not named like the Deployment
        #[arg(long, value_name = "NAME")]
        container: Option<String>,
    },
}

/// Where Argo CD takes the manifests from.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Way {
    /// From rendered/, as it is committed
    Rendered,
    /// From the plugin, at every refresh
    Plugin,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let (overlays, set) = (args.overlays.clone(), args.set.clone());
    let request = Inputs { overlays, set, ..Inputs::default() }.request()?;
    let fleet = RenderedProject::render(&context.common.project(), &request)?;
    let documents = documents(&args.what, &fleet)?;
    match &args.out {
        Some(folder) => {
            for document in &documents {
                write(folder, document)?;
                context.printer.status(&format!("wrote {}", folder.join(&document.file).display()));
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

fn documents(what: &What, fleet: &RenderedProject) -> Result<Vec<Document>, Diagnostics> {
    if let What::Client { name, container } = what {
        return Ok(vec![gitops::client(fleet, name, container.as_deref())?]);
    }
    let wiring = Wiring::of(fleet).map_err(|error| Diagnostics::from(Diagnostic::from(error)))?;
    match what {
        What::Argocd { from: Way::Rendered, fleet } => {
            gitops::argocd(&wiring, From::Rendered, *fleet)
        }
        What::Argocd { from: Way::Plugin, fleet } => gitops::argocd(&wiring, From::Plugin, *fleet),
        What::Flux => gitops::flux(&wiring),
        What::Github => Ok(vec![gitops::workflow(&wiring, Forge::GitHub)?]),
        What::Forgejo => Ok(vec![gitops::workflow(&wiring, Forge::Forgejo)?]),
        What::Client { .. } => Ok(Vec::new()),
    }
}

fn write(folder: &Path, document: &Document) -> Result<(), CliError> {
    let path = folder.join(&document.file);
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(&path, &document.text)).map_err(|error| {
        Diagnostic::new(format!("{} can't be written: {error}", path.display())).into()
    })
}
