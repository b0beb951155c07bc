//! `completions`: a shell's completion script.

use clap_complete::Shell;

use super::{CliError, Context, Exit};

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  tts-render completions bash > ~/.local/share/bash-completion/completions/tts-render")]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    // The crate panics if its writer fails, so it gets one that can't fail.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command_line(), "tts-render", &mut script);
    context.out.write_all(&script)?;
    Ok(Exit::Success)
}
