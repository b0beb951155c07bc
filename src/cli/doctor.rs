//! `doctor`: what must be there before the stack is.

use clap::ValueEnum;
use tts_render::doctor::{self, Requirement};
use tts_render::project::load::RenderedProject;
use yaml_spans::diagnostic::Diagnostic;

use super::{CliError, Context, Exit, Inputs};

/// List what the stacks need of the cluster and do not render, with the command that checks each
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render doctor tts
  tts-render doctor --format json | jq -r '.[].check' | sh -x")]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    /// The output's form
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: Format,
}

/// The output's form.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// To read, and to paste into a shell.
    Text,
    /// A list of objects.
    Json,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let fleet = RenderedProject::render(&context.common.project(), &args.inputs.request()?)?;
    let requirements = doctor::requires(&fleet);
    match args.format {
        Format::Json => {
            let json = serde_json::to_string_pretty(&requirements)
                .map_err(|error| Diagnostic::new(format!("the list can't be written: {error}")))?;
            writeln!(context.out, "{json}")?;
        }
        Format::Text => text(&requirements, context)?,
    }
    Ok(Exit::Success)
}

fn text(requirements: &[Requirement], context: &mut Context<'_>) -> Result<(), CliError> {
    let mut stack = "";
    for one in requirements {
        if one.stack != stack {
            let line = if stack.is_empty() { "" } else { "\n" };
            stack = &one.stack;
            writeln!(context.out, "{line}# {stack} needs, and does not render:")?;
        }
        writeln!(context.out, "\n# {}\n#   {}\n{}", one.what, one.why, one.check)?;
    }
    Ok(())
}
