//! `completions`: a shell's completion script.

use clap_complete::Shell;
use clap_complete::env::Shells;
use yaml_spans::diagnostic::Diagnostic;

use super::complete::VARIABLE;
use super::{CliError, Context, Exit};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "The script runs `tts-render`, which must be on the PATH, at each press of Tab. Print it again after an
upgrade, or when a shell starts:

Examples:
  tts-render completions fish > ~/.config/fish/completions/tts-render.fish
  echo 'source <(tts-render completions bash)' >> ~/.bashrc
  echo 'source <(tts-render completions zsh)' >> ~/.zshrc        # below `compinit`"
)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let name = args.shell.to_string();
    let shells = Shells::builtins();
    let Some(shell) = shells.completer(&name) else {
        return Err(Diagnostic::new(format!("there are no completions for `{name}`")).into());
    };
    shell.write_registration(VARIABLE, "tts-render", "tts-render", "tts-render", context.out)?;
    Ok(Exit::Success)
}
