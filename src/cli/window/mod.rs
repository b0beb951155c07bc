//! `window`: the windows of stacks, on the calendar and over recorded memory.

mod calibrate;
mod fetch;
mod history;
mod next;
mod simulate;

use super::{CliError, Context, Exit};

/// The windows of stacks: the coming ones, recorded ones, and a floor measured from them
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum WindowCommand {
    Next(Box<next::Args>),
    Fetch(Box<fetch::Args>),
    Simulate(Box<simulate::Args>),
    Calibrate(Box<calibrate::Args>),
}

/// Runs a command about windows.
pub(crate) fn run(command: &WindowCommand, context: &mut Context<'_>) -> Result<Exit, CliError> {
    match command {
        WindowCommand::Next(args) => next::run(args, context),
        WindowCommand::Fetch(args) => fetch::run(args, context),
        WindowCommand::Simulate(args) => simulate::run(args, context),
        WindowCommand::Calibrate(args) => calibrate::run(args, context),
    }
}
