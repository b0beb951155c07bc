//! `completions`: what a shell completes by.

use clap_complete::Shell;

use super::{Exit, Run, Stop};

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  tts-render completions bash > ~/.local/share/bash-completion/completions/tts-render")]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

/// Runs the command.
pub(crate) fn run(args: &Args, run: &mut Run<'_>) -> Result<Exit, Stop> {
    clap_complete::generate(args.shell, &mut super::command(), "tts-render", &mut run.out);
    Ok(Exit::Success)
}
