//! `window`: the windows of stacks, on the calendar and over recorded memory.

mod fetch;
mod next;

use super::{CliError, Context, Exit};

/// The windows of stacks: the coming ones
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum WindowCommand {
    Next(Box<next::Args>),
    Fetch(Box<fetch::Args>),
}

/// Runs a command about windows.
pub(crate) fn run(command: &WindowCommand, context: &mut Context<'_>) -> Result<Exit, CliError> {
    match command {
        WindowCommand::Next(args) => next::run(args, context),
        WindowCommand::Fetch(args) => fetch::run(args, context),
    }
}
