//! One run of `git`.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

/// Why a run of `git` gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no `git`, or it can't be started.
    #[error("`git` can't be run: {0}")]
    NotRun(io::Error),
    /// It ran and failed.
    #[error("`git {command}` failed: {}", last_words(.stderr))]
    Failed {
        /// Its first words: the subcommand.
        command: String,
        /// What it said, hooks included.
        stderr: String,
    },
}

/// What a person needs of a failed run: all that was said, in one line's worth if it is short.
fn last_words(stderr: &str) -> String {
    let text = stderr.trim();
    if text.is_empty() { "it does not say why".to_owned() } else { text.to_owned() }
}

/// A work tree's `git`.
#[derive(Debug, Clone)]
pub struct Git {
    folder: PathBuf,
}

impl Git {
    /// `git`, run in a folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Git { folder: folder.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs it; gives what it prints.
    ///
    /// # Errors
    /// It can't be started, or ends with another code than 0.
    pub fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Vec<u8>, GitError> {
        self.run_with(args, &[])
    }

    /// Runs it with a text as its input.
    ///
    /// # Errors
    /// As [`Git::run`].
    pub fn run_with<S: AsRef<OsStr>>(&self, args: &[S], input: &[u8]) -> Result<Vec<u8>, GitError> {
        let output = self.output(args, input)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        // A hook may have spoken on either.
        let mut said = String::from_utf8_lossy(&output.stderr).into_owned();
        if said.trim().is_empty() {
            said = String::from_utf8_lossy(&output.stdout).into_owned();
        }
        Err(GitError::Failed { command: subcommand(args), stderr: said })
    }

    /// Runs it and gives its one line; none where it ends with another code than 0: "no" is an
    /// answer.
    ///
    /// # Errors
    /// It can't be started.
    pub fn ask<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Option<String>, GitError> {
        let output = self.output(args, &[])?;
        let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(output.status.success().then_some(line))
    }

    /// Runs it and gives its one line.
    ///
    /// # Errors
    /// As [`Git::run`].
    pub fn line<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<String, GitError> {
        Ok(String::from_utf8_lossy(&self.run(args)?).trim().to_owned())
    }

    /// Runs it with `-z` given among the arguments; gives the parts between the zero bytes.
    ///
    /// # Errors
    /// As [`Git::run`].
    pub fn parts<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Vec<String>, GitError> {
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
        // Beside the reading: both pipes may be full at once. A child that does not read its input
        // to the end says so by how it ends.
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
