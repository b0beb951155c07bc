//! The outcome of a command.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::thread;

/// The exit code and both outputs of a command that has ended.
#[derive(Debug)]
pub struct CommandOutput {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl CommandOutput {
    /// Runs a command to its end.
    #[track_caller]
    pub fn run(command: &mut Command) -> Self {
        command.output().expect("the command starts").into()
    }

    /// Runs a command with a text as its input. It may end before it has read the whole text.
    #[track_caller]
    pub fn with_input(command: &mut Command, input: &str) -> Self {
        let (stdin, stdout, stderr) = (Stdio::piped(), Stdio::piped(), Stdio::piped());
        let child = command.stdin(stdin).stdout(stdout).stderr(stderr).spawn();
        let mut child = child.expect("the command starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // The pipes are written and read at once, so that neither side waits for the other forever.
        let output = thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(input.as_bytes()));
            child.wait_with_output().expect("the command ends")
        });
        output.into()
    }

    /// The output, without its last newline, of a command that must succeed.
    #[track_caller]
    pub fn result(&self) -> &str {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self.stdout.trim_end()
    }

    /// The message of a command that must fail with exit code 2 and without output.
    #[track_caller]
    pub fn refusal(&self) -> &str {
        assert_eq!((self.code, &*self.stdout), (2, ""), "{}", self.stderr);
        assert!(self.stderr.contains("error: "), "{}", self.stderr);
        &self.stderr
    }
}

impl From<Output> for CommandOutput {
    #[track_caller]
    fn from(output: Output) -> Self {
        CommandOutput {
            code: output.status.code().expect("an exit code, not a signal"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}
