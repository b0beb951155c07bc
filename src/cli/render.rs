//! `render`: writes `rendered/`, or lists how it differs.

use std::path::PathBuf;

use tts_render::project::load::{RenderedProject, Request};
use tts_render::project::write::{self, Force, Plan, Scope, Summary};

use super::{CliError, Context, Exit, Inputs};

/// Write rendered/ from the values and templates
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render render                               every stack of values/
  tts-render render tts                           rendered/tts/ alone
  tts-render render --check                       exit 1 if rendered/ differs from the values
  tts-render render -f overlays/english.yaml --set gate.floor=5Gi --out /tmp/try")]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    /// The folder to write to, from the project's root
    #[arg(long, value_name = "DIR", default_value = "rendered")]
    out: PathBuf,
    /// Write nothing: list what is stale, missing, foreign or edited by hand
    #[arg(long)]
    check: bool,
    /// Overwrite files that tts-render did not write, or that were edited since
    #[arg(long, conflicts_with = "check")]
    force: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let project = context.common.project();
    let request = Request { files_only: true, ..args.inputs.request()? };
    let rendered = RenderedProject::render(&project, &request)?;
    let (plan, scope) = plan_files(&rendered, &request)?;
    let out = project.root().join(&args.out);
    if args.check {
        let differences = write::find_differences(&out, &plan, &scope)?;
        for difference in &differences {
            let path = difference.path.display();
            context.print_line(&format!("{path}: {}", difference.kind))?;
        }
        return Ok(if differences.is_empty() { Exit::Success } else { Exit::Differs });
    }
    let force = if args.force { Force::Yes } else { Force::No };
    let summary = write::write_tree(&out, &plan, &scope, force)?;
    for path in &summary.retained {
        let path = path.display();
        context
            .printer
            .status(&format!("`{path}` is no longer rendered; kept, since it was edited"));
    }
    for need in rendered.stacks.iter().flat_map(|stack| &stack.needs) {
        context.printer.status(&format!("needed: {need}"));
    }
    context.printer.status(&summary_line(&summary));
    Ok(Exit::Success)
}

/// The plan of `rendered/` and its scope. If the request names stacks, both are limited to their own
/// folders.
fn plan_files(rendered: &RenderedProject, request: &Request) -> Result<(Plan, Scope), CliError> {
    let scope = match request.stacks.is_empty() {
        true => Scope::All,
        false => Scope::Folders(rendered.stacks.iter().map(|stack| stack.name.clone()).collect()),
    };
    let mut plan = Plan::new();
    for file in rendered.files.iter().filter(|file| scope.covers(&file.folder)) {
        let claimant = file.claimants.join(", ");
        plan.add(&file.folder, &file.name, file.contents.as_str(), &claimant)?;
    }
    Ok((plan, scope))
}

/// `1 created, 2 updated, 11 unchanged`, without the counts that are zero.
fn summary_line(summary: &Summary) -> String {
    let counts = [
        (summary.created.len(), "created"),
        (summary.updated.len(), "updated"),
        (summary.pruned.len(), "pruned"),
        (summary.unchanged, "unchanged"),
    ];
    let nonzero: Vec<_> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, verb)| format!("{count} {verb}"))
        .collect();
    nonzero.join(", ")
}
