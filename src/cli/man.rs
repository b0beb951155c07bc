//! `man`: the manual's page.

use super::{CliError, Context, Exit};

/// Print the manual page, of tts-render or of one command
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render man | man -l -
  tts-render man render > tts-render-render.1")]
pub(crate) struct Args {
    /// The command
    command: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let mut command = super::command();
    command.build();
    if let Some(name) = &args.command {
        let found = command.find_subcommand(name).cloned();
        command = found.ok_or_else(|| {
            yaml_spans::diagnostic::Diagnostic::new(format!("there is no command `{name}`"))
        })?;
    }
    clap_mangen::Man::new(command).render(context.out)?;
    Ok(Exit::Success)
}
