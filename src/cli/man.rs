//! `man`: a manual page.

use yaml_spans::diagnostic::Diagnostic;
use yaml_spans::suggest;

use super::{CliError, Context, Exit};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render man | man -l -
  tts-render man policy edit | man -l -
  tts-render man render > tts-render-render.1")]
pub(crate) struct Args {
    /// The command, such as `policy edit` or `policy-edit`
    command: Vec<String>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let mut command = super::command_line();
    command.build();
    for name in args.command.iter().flat_map(|name| name.split('-')) {
        command = find_command(&command, name)?;
    }
    let version = concat!("tts-render ", env!("CARGO_PKG_VERSION"));
    clap_mangen::Man::new(command).source(version).render(context.out)?;
    Ok(Exit::Success)
}

fn find_command(parent: &clap::Command, name: &str) -> Result<clap::Command, CliError> {
    if let Some(command) = parent.find_subcommand(name) {
        return Ok(command.clone());
    }
    let of_parent = parent.get_bin_name().filter(|_| parent.get_name() != "tts-render");
    let message = match of_parent {
        Some(parent) => format!("`{parent}` has no command `{name}`"),
        None => format!("there is no command `{name}`"),
    };
    let suggestion = suggest(name, parent.get_subcommands().map(clap::Command::get_name));
    let message = match suggestion {
        Some(near) => format!("{message}: did you mean `{near}`?"),
        None => message,
    };
    Err(Diagnostic::new(message).into())
}
