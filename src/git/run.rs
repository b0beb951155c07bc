//! A run of `git`.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

/// The reason why a run of `git` failed.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// `git` is missing, or can't be started.
    #[error("`git` can't be started: {0}")]
    NotRun(io::Error),
    /// `git` ran and failed.
    #[error("`git {command}` failed: {}", error_text(.stderr))]
    Failed {
        /// The subcommand.
        command: String,
        /// The error output, including that of hooks.
        stderr: String,
    },
}

fn error_text(stderr: &str) -> String {
    let text = stderr.trim();
    if text.is_empty() { "it printed no reason".to_owned() } else { text.to_owned() }
}

/// `git`, run in one folder.
#[derive(Debug, Clone)]
pub struct Git {
    folder: PathBuf,
}

impl Git {
    /// `git`, to run in a folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Git { folder: folder.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs `git` and returns its output.
    ///
    /// # Errors
    /// It can't be started, or its exit code is not 0.
    pub fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Vec<u8>, GitError> {
        self.run_with(args, &[])
    }

    /// Runs `git` with a text as its input.
    ///
    /// # Errors
    /// Those of [`Git::run`].
    pub fn run_with<S: AsRef<OsStr>>(&self, args: &[S], input: &[u8]) -> Result<Vec<u8>, GitError> {
        let output = self.output(args, input)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        // A hook may use either stream.
        let mut message = String::from_utf8_lossy(&output.stderr).into_owned();
        if message.trim().is_empty() {
            message = String::from_utf8_lossy(&output.stdout).into_owned();
        }
        Err(GitError::Failed { command: subcommand(args), stderr: message })
    }

    /// Runs `git` and returns its one line of output; none if the exit code is not 0, which is an answer
    /// for many subcommands.
    ///
    /// # Errors
    /// It can't be started.
    pub fn ask<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Option<String>, GitError> {
        let output = self.output(args, &[])?;
        let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(output.status.success().then_some(line))
    }

    /// Runs `git` and returns its one line of output.
    ///
    /// # Errors
    /// Those of [`Git::run`].
    pub fn run_line<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<String, GitError> {
        Ok(String::from_utf8_lossy(&self.run(args)?).trim().to_owned())
    }

    /// Runs `git` with `-z` among the arguments, and returns the parts between the zero bytes.
    ///
    /// # Errors
    /// Those of [`Git::run`].
    pub fn run_split<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Vec<String>, GitError> {
        let out = self.run(args)?;
        let parts = out.split(|&byte| byte == 0).filter(|part| !part.is_empty());
        Ok(parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect())
    }

    fn output<S: AsRef<OsStr>>(
        &self,
        args: &[S],
        input: &[u8],
    ) -> Result<std::process::Output, GitError> {
        let mut child = Command::new("git")
            .current_dir(&self.folder)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(GitError::NotRun)?;
        let stdin = child.stdin.take();
        // The input is written while the output is read, since both pipes may be full at once. A child
        // that does not read all its input reports that by its exit code.
        thread::scope(|scope| {
            scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(input)));
            child.wait_with_output().map_err(GitError::NotRun)
        })
    }
}

fn subcommand<S: AsRef<OsStr>>(args: &[S]) -> String {
    let words = args.iter().map(|word| word.as_ref().to_string_lossy().into_owned());
    words.take_while(|word| !word.starts_with('-')).take(1).collect::<Vec<_>>().join(" ")
}
