//! The commands of a guide, run in their order by one shell, as a reader would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::output::CommandOutput;
use super::tool::repository;

/// The commands of a document: its indented lines. Continuation lines and here-documents belong to the
/// command before them.
pub fn commands(document: &str) -> Vec<String> {
    let text = fs::read_to_string(repository().join(document)).unwrap();
    let mut commands: Vec<String> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(first) = line.strip_prefix("    ").filter(|first| !first.starts_with(' ')) else {
            continue;
        };
        let mut command = first.to_owned();
        let mut next = || lines.next().unwrap_or_default().strip_prefix("    ").unwrap_or_default();
        while command.ends_with('\\') {
            command = format!("{command}\n{}", next());
        }
        if let Some((_, end)) = first.split_once("<<'") {
            let end = end.trim_end_matches('\'');
            while command.lines().last() != Some(end) {
                command = format!("{command}\n{}", next());
            }
        }
        commands.push(command);
    }
    commands
}

/// A command that was run.
pub struct Ran {
    pub command: String,
    pub output: CommandOutput,
}

/// Runs commands in one `bash`, in a folder and with programs that come first on the PATH. The shell goes
/// on after a failure.
pub fn run_all(
    commands: &[String],
    folder: &Path,
    programs: &Path,
    configure: impl FnOnce(&mut Command),
) -> Vec<Ran> {
    let outputs = folder.join("outputs");
    fs::create_dir_all(&outputs).unwrap();
    let file = |number: usize, end: &str| -> PathBuf { outputs.join(format!("{number}.{end}")) };
    let script: String = commands
        .iter()
        .enumerate()
        .map(|(number, command)| {
            let [out, err, code] =
                ["out", "err", "code"].map(|end| file(number, end).display().to_string());
            format!("{{\n{command}\n}} >'{out}' 2>'{err}'\necho $? >'{code}'\n")
        })
        .collect();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("bash");
    shell.args(["-uo", "pipefail", "-c", &script]).current_dir(folder).env("PATH", path);
    configure(&mut shell);
    let ended = CommandOutput::run(&mut shell);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let read = |number, end| fs::read_to_string(file(number, end)).unwrap();
    let ran = commands.iter().enumerate().map(|(number, command)| Ran {
        command: command.clone(),
        output: CommandOutput {
            code: read(number, "code").trim().parse().unwrap(),
            stdout: read(number, "out"),
            stderr: read(number, "err"),
        },
    });
    ran.collect()
}

/// Returns the run of the only command that contains a text.
#[track_caller]
pub fn find<'a>(ran: &'a [Ran], part: &str) -> &'a Ran {
    let found: Vec<&Ran> = ran.iter().filter(|ran| ran.command.contains(part)).collect();
    assert_eq!(found.len(), 1, "{part}");
    found[0]
}

/// Asserts that every command succeeded; `diff` exits with 1, since there is a difference.
#[track_caller]
pub fn assert_success(ran: &[Ran]) {
    for Ran { command, output } in ran {
        let expected = i32::from(command.starts_with("tts-render diff"));
        assert_eq!(output.code, expected, "{command}:\n{}{}", output.stdout, output.stderr);
    }
}
