//! Git, with the configuration of `gitconfig` beside this file instead of the user's.

use std::path::Path;
use std::process::{Command, Stdio};

use super::output::CommandOutput;

/// Runs Git in a folder; it must succeed. Returns its output without the last newline.
#[track_caller]
pub fn git(folder: &Path, args: &[&str]) -> String {
    let output = CommandOutput::run(git_command(folder).args(args));
    assert_eq!(output.code, 0, "git {args:?}: {}", output.stderr);
    output.stdout.trim_end_matches('\n').to_owned()
}

/// A Git command in a folder.
pub fn git_command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    isolate_git(&mut command).current_dir(folder).stdin(Stdio::null());
    command
}

/// Hides the user's and the machine's Git configuration from a command.
pub fn isolate_git(command: &mut Command) -> &mut Command {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/gitconfig");
    for name in ["DIR", "INDEX_FILE", "WORK_TREE", "AUTHOR_NAME", "AUTHOR_EMAIL"] {
        command.env_remove(format!("GIT_{name}"));
    }
    command.env("GIT_CONFIG_GLOBAL", config).env("GIT_CONFIG_NOSYSTEM", "1")
}
