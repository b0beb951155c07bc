//! `doctor`: the things that must exist before a stack is applied.

use tts_render::doctor::{self, Requirement};
use tts_render::project::load::RenderedProject;
use tts_render::report;
use yaml_spans::visible;

use super::format::{FormatFlag, TextOrJson};
use super::{CliError, Context, Exit, Inputs};

/// List what the stacks need of the cluster and do not render, each with a command that checks it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render doctor tts
  tts-render doctor -o json | jq -r '.[].command' | sh -x")]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    format: FormatFlag<TextOrJson>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let rendered = RenderedProject::render(&context.common.project(), &args.inputs.request()?)?;
    let requirements = doctor::find_requirements(&rendered);
    match args.format.format {
        TextOrJson::Json => {
            context.out.write_all(report::json::to_text(&requirements).as_bytes())?;
        }
        TextOrJson::Text => write_text(&requirements, context)?,
    }
    Ok(Exit::Success)
}

/// Writes shell input: each requirement as comments, and its command.
fn write_text(requirements: &[Requirement], context: &mut Context<'_>) -> Result<(), CliError> {
    let mut stack = "";
    for Requirement { stack: of_stack, summary, reason, command } in requirements {
        if of_stack != stack {
            let separator = if stack.is_empty() { "" } else { "\n" };
            stack = of_stack;
            writeln!(context.out, "{separator}# {} needs, and does not render:", visible(stack))?;
        }
        writeln!(context.out, "\n# {}\n#   {}\n{command}", visible(summary), visible(reason))?;
    }
    Ok(())
}
