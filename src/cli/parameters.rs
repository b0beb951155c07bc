//! `parameters`: the values that can be set in Argo CD's user interface.

use tts_render::gitops::announce_parameters;
use tts_render::project::load::LoadedStack;
use tts_render::report;

use super::plugin::read_request;
use super::{CliError, Context, Exit, Inputs};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  tts-render parameters tts | jq -r '.[].name'")]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let requested = read_request(context.common, &args.inputs, None)?;
    let stacks = LoadedStack::load_all(&requested.project, &requested.request)?;
    // Several stacks, or a folder that several stacks fill, have no single value to announce.
    let is_shared = requested
        .app
        .is_some_and(|app| stacks.iter().all(|stack| stack.loaded.values.name.as_str() != app));
    let announced = match stacks.as_slice() {
        [stack] if !is_shared => announce_parameters(&stack.loaded),
        _ => {
            context.printer.status("no parameters: name one stack");
            Vec::new()
        }
    };
    context.out.write_all(report::json::to_text(&announced).as_bytes())?;
    Ok(Exit::Success)
}
