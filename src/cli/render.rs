//! `render`: writes `rendered/`, or says how it differs.

use std::path::PathBuf;

use tts_render::project::load::{Fleet, Request};
use tts_render::project::write::{self, Force, Plan, Scope, Summary};
use yaml_spans::diagnostic::Diagnostic;

use super::{CliError, Context, Exit, Inputs};

/// Write rendered/ from the values and templates
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render render                               every stack of values/
  tts-render render tts                           rendered/tts/ alone
  tts-render render --check                       exit 1 if rendered/ is not what the values say
  tts-render render -f overlays/english.yaml --set gate.floor=5Gi --out /tmp/try")]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    /// Where to write, from the project's root
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
    let fleet = Fleet::build(&project, &request)?;
    let (plan, scope) = plan(&fleet, args.inputs.stacks.is_empty())?;
    let out = project.root().join(&args.out);
    if args.check {
        let differences = write::compare(&out, &plan, &scope).map_err(failed)?;
        for difference in &differences {
            writeln!(context.out, "{}: {}", difference.path.display(), difference.kind)?;
        }
        return Ok(if differences.is_empty() { Exit::Success } else { Exit::Differs });
    }
    let force = if args.force { Force::Yes } else { Force::No };
    let summary = write::write(&out, &plan, &scope, force).map_err(failed)?;
    for kept in &summary.kept {
        context.printer.status(&format!("kept, since it was edited: {}", kept.display()));
    }
    for need in fleet.stacks.iter().flat_map(|stack| &stack.needs) {
        context.printer.status(&format!("needed: {need}"));
    }
    context.printer.status(&summary_line(&summary));
    Ok(Exit::Success)
}

/// What `rendered/` should hold, and how much of it is spoken of: naming stacks limits it to their
/// own folders.
pub(crate) fn plan(fleet: &Fleet, all: bool) -> Result<(Plan, Scope), CliError> {
    let own = |folder: &str| fleet.stacks.iter().any(|stack| stack.name == folder);
    let mut plan = Plan::new();
    for file in fleet.files.iter().filter(|file| all || own(&file.folder)) {
        let claimant = file.claimants.join(", ");
        plan.add(&file.folder, &file.name, file.contents.as_str(), &claimant).map_err(failed)?;
    }
    let scope = match all {
        true => Scope::All,
        false => Scope::Folders(fleet.stacks.iter().map(|stack| stack.name.clone()).collect()),
    };
    Ok((plan, scope))
}

/// `1 created, 2 updated, 11 unchanged`: what did not happen is left out.
fn summary_line(summary: &Summary) -> String {
    let counts = [
        (summary.created.len(), "created"),
        (summary.updated.len(), "updated"),
        (summary.pruned.len(), "pruned"),
        (summary.unchanged, "unchanged"),
    ];
    let said: Vec<_> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    said.join(", ")
}

fn failed(error: write::Error) -> CliError {
    Diagnostic::new(error.to_string()).into()
}
