//! `schema`: the JSON Schema of the values.

use tts_render::values;

use super::{CliError, Context, Exit};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  tts-render schema > values/schema.json      what editors check values/*.yaml by")]
pub(crate) struct Args {}

/// Runs the command.
pub(crate) fn run(_: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    writeln!(context.out, "{:#}", values::schema())?;
    Ok(Exit::Success)
}
