//! `window`: the windows of stacks, on the calendar and over recorded memory.

mod calibrate;
mod fetch;
mod history;
mod next;
mod simulate;

use super::{CliError, Context, Exit};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render window next tts --for 7d
  tts-render window fetch tts --prometheus http://localhost:9090 --out nights.json.gz
  tts-render window simulate tts --history nights.json.gz
  tts-render window calibrate tts --history nights.json.gz")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: WindowCommand,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum WindowCommand {
    Next(Box<next::Args>),
    Fetch(Box<fetch::Args>),
    Simulate(Box<simulate::Args>),
    Calibrate(Box<calibrate::Args>),
}

impl Args {
    /// Returns true if the output is a report, which `--quiet` omits.
    pub(crate) fn reports(&self) -> bool {
        matches!(&self.command, WindowCommand::Next(args) if args.reports())
    }
}

/// Runs a command about windows.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    match &args.command {
        WindowCommand::Next(args) => next::run(args, context),
        WindowCommand::Fetch(args) => fetch::run(args, context),
        WindowCommand::Simulate(args) => simulate::run(args, context),
        WindowCommand::Calibrate(args) => calibrate::run(args, context),
    }
}
