//! A run of `git`.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use super::settings::{HooksOrigin, Listing};
use super::work_tree::WorkTree;
use super::{environment, settings};

/// The reason why a run of `git` failed.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// `git` is missing, or can't be started.
    #[error("`git` can't be started: {0}")]
    NotRun(io::Error),
    /// The folder is not in a work tree.
    #[error("`{folder}` is not in a Git work tree")]
    NoRepository {
        /// The folder.
        folder: String,
    },
    /// Git would use a repository that is not the clone's own.
    #[error("`{path}` is not trusted as a Git repository: {reason}")]
    Untrusted {
        /// The folder or file that leads to it.
        path: String,
        /// The reason, and the fix.
        reason: String,
    },
    /// Git ignores settings in the environment.
    #[error("this Git is too old: expected Git 2.31 or newer")]
    TooOld,
    /// A setting that can't be replaced.
    #[error("invalid setting in the configuration of Git: expected names in UTF-8")]
    SettingNotUtf8,
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

/// The use of Git, which decides what it may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Reads a revision: starts no other program, no hook and no transport.
    Read,
    /// Commits and pushes: runs the hooks of the repository, and the user's programs to sign, to
    /// connect and to log in.
    Commit,
}

/// The program at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteProgram {
    /// Takes a push.
    ReceivePack,
    /// Serves a fetch.
    UploadPack,
}

/// `git`, run in one folder of a work tree.
#[derive(Debug, Clone)]
pub struct Git {
    folder: PathBuf,
    purpose: Purpose,
    /// The settings of every call.
    settings: Vec<(String, String)>,
    /// The further settings that stop the user's own filters.
    filter_settings: Vec<(String, String)>,
    /// The folder whose hooks are not run, since it lies in the work tree.
    skipped_hooks: Option<PathBuf>,
}

impl Git {
    /// Finds the repository around a folder, and replaces those of its settings that start programs.
    ///
    /// # Errors
    /// The folder is not in a work tree, or Git would use another repository than its `.git`.
    pub fn open(folder: impl Into<PathBuf>, purpose: Purpose) -> Result<Self, GitError> {
        let folder = folder.into();
        let work_tree = WorkTree::find(&folder)?;
        let mut git = Git {
            folder,
            purpose,
            settings: settings::fixed_settings(purpose),
            filter_settings: Vec::new(),
            skipped_hooks: None,
        };
        git.require_path("--show-toplevel", &work_tree.top)?;
        git.require_path("--absolute-git-dir", &work_tree.git_dir)?;
        let list = ["config", "--list", "--show-scope", "--show-origin", "-z"];
        let listing = match git.run(&list) {
            Err(GitError::Failed { stderr, .. }) if stderr.contains("show-scope") => {
                return Err(GitError::TooOld);
            }
            listing => listing?,
        };
        let listing = Listing::parse(&listing, &work_tree)?;
        if purpose == Purpose::Commit {
            git.skip_foreign_hooks(&listing, &work_tree)?;
        }
        git.settings.extend(listing.replacements(purpose));
        git.filter_settings = listing.without_filters();
        Ok(git)
    }

    /// Runs no hooks from a folder of the work tree, where a pull request can add one, unless the caller
    /// names it.
    fn skip_foreign_hooks(
        &mut self,
        listing: &Listing,
        work_tree: &WorkTree,
    ) -> Result<(), GitError> {
        let origin = listing.hooks_origin();
        if origin == Some(HooksOrigin::Caller) {
            return Ok(());
        }
        let hooks = self.folder.join(self.run_line(&["rev-parse", "--git-path", "hooks"])?);
        let lies_in_tree = fs::canonicalize(&hooks).is_ok_and(|path| work_tree.contains(&path));
        if lies_in_tree || origin == Some(HooksOrigin::WorkTree) {
            self.settings.push(("core.hooksPath".to_owned(), "/dev/null".to_owned()));
            self.skipped_hooks = Some(hooks);
        }
        Ok(())
    }

    /// The folder of the work tree that has hooks, which are not run.
    pub fn skipped_hooks(&self) -> Option<&Path> {
        self.skipped_hooks.as_deref()
    }

    /// The same without any filter, so that files get into Git byte by byte.
    pub fn without_filters(&self) -> Self {
        let mut git = self.clone();
        git.settings.append(&mut git.filter_settings);
        git
    }

    /// Checks that Git uses the path that was found without it.
    fn require_path(&self, question: &str, expected: &Path) -> Result<(), GitError> {
        let output = self.run(&["rev-parse", question])?;
        let found = output.strip_suffix(b"\n").unwrap_or(&output);
        if found == expected.as_os_str().as_encoded_bytes() {
            return Ok(());
        }
        let found = String::from_utf8_lossy(found).into_owned();
        // The same path in another notation.
        if fs::canonicalize(&found).is_ok_and(|found| found == expected) {
            return Ok(());
        }
        let reason = format!(
            "Git would use `{found}`: remove `core.worktree` and `core.bare` from its configuration"
        );
        Err(GitError::Untrusted { path: expected.display().to_string(), reason })
    }

    /// Returns true if a filter of the clone was replaced, so that files would be checked out
    /// unfiltered.
    pub fn ignores_filters(&self) -> bool {
        let mut filters = self.settings.iter().filter(|(key, _)| key.starts_with("filter."));
        filters.any(|(key, _)| self.setting(key).is_some_and(str::is_empty))
    }

    /// The option for the program at the other end of a push or fetch, if the clone names one.
    pub fn remote_program_option(&self, remote: &str, program: RemoteProgram) -> Option<String> {
        let (variable, option) = match program {
            RemoteProgram::ReceivePack => ("receivepack", "--receive-pack"),
            RemoteProgram::UploadPack => ("uploadpack", "--upload-pack"),
        };
        let value = self.setting(&format!("remote.{remote}.{variable}"))?;
        Some(format!("{option}={value}"))
    }

    /// The last value of a setting of every call.
    fn setting(&self, key: &str) -> Option<&str> {
        let (_, value) = self.settings.iter().rfind(|(other, _)| other == key)?;
        Some(value)
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
        let mut command = Command::new("git");
        // Not `current_dir`: for that a static program copies its page tables to start another one, which with
        // 10,000 stacks took a tenth of the CPU time of `diff`.
        command
            .arg("-C")
            .arg(&self.folder)
            .arg("--no-pager")
            .args(args)
            .stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        environment::set_environment(&mut command, self.purpose, &self.settings);
        let mut child = command.spawn().map_err(GitError::NotRun)?;
        // The input is written while the output is read, since both pipes may be full at once. A child
        // that does not read all its input reports that by its exit code.
        let output = match child.stdin.take() {
            Some(mut pipe) => thread::scope(|scope| {
                scope.spawn(move || pipe.write_all(input));
                child.wait_with_output()
            }),
            None => child.wait_with_output(),
        };
        output.map_err(GitError::NotRun)
    }
}

/// The subcommand: the first argument, since the options of `git` itself are set by [`Git`] alone.
fn subcommand<S: AsRef<OsStr>>(args: &[S]) -> String {
    args.first().map(|word| word.as_ref().to_string_lossy().into_owned()).unwrap_or_default()
}
