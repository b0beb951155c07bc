//! A revision of Git, read by the user's own `git` and never checked out.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use super::{MOST_FILES, SideError, Tree};
use crate::rendered::PROVENANCE;
use crate::yaml::MAX_BYTES;

/// The most bytes that are read of one revision.
const MOST_BYTES: usize = 1 << 30;

/// Why a revision can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevisionError {
    /// There is no `git`.
    #[error("git can't be run: {0}")]
    NoGit(String),
    /// The folder is in no repository.
    #[error("{folder} lies in no Git repository: name a folder to compare with, `--base DIR`")]
    NoRepository {
        /// The folder.
        folder: String,
    },
    /// No such commit.
    #[error("`{revision}` is no folder, and no commit of this repository")]
    Unknown {
        /// As it was given.
        revision: String,
    },
    /// Git failed, or answered what it should not.
    #[error("git {command} failed: {reason}")]
    Failed {
        /// What it was to do.
        command: &'static str,
        /// What it says.
        reason: String,
    },
}

/// The repository that a folder lies in.
#[derive(Debug)]
pub struct Repository {
    folder: PathBuf,
    /// The folder's path from the repository's top, empty or with a slash at its end.
    prefix: String,
}

impl Repository {
    /// The repository around a folder.
    pub fn around(folder: &Path) -> Result<Self, RevisionError> {
        let mut repository = Repository { folder: folder.to_owned(), prefix: String::new() };
        let answer = repository.git("rev-parse", &["rev-parse", "--show-prefix"], None);
        let prefix = answer.map_err(|error| match error {
            RevisionError::Failed { .. } => {
                RevisionError::NoRepository { folder: folder.display().to_string() }
            }
            error => error,
        })?;
        prefix.trim_end_matches('\n').clone_into(&mut repository.prefix);
        Ok(repository)
    }

    /// The commit that a revision's name means.
    pub fn commit(&self, revision: &str) -> Result<String, RevisionError> {
        // What starts with a dash is a name to git, after this option, and no option.
        let commit = format!("{revision}^{{commit}}");
        let args = ["rev-parse", "--verify", "--quiet", "--end-of-options", &commit];
        let answer = self.git("rev-parse", &args, None).map_err(|error| match error {
            RevisionError::Failed { .. } => {
                RevisionError::Unknown { revision: revision.to_owned() }
            }
            error => error,
        })?;
        Ok(answer.trim().to_owned())
    }

    /// All files below a folder (from the one the repository was found by) at a commit; empty where
    /// there is none.
    pub fn tree(&self, commit: &str, folder: &str) -> Result<Tree, SideError> {
        let top = format!("{}{folder}/", self.prefix);
        let args = ["ls-tree", "-r", "-z", "-l", "--full-tree", commit, "--", &top];
        let listing = self.git("ls-tree", &args, None)?;
        let mut entries = Vec::new();
        for line in listing.split('\0').filter(|line| !line.is_empty()) {
            let broken = || RevisionError::Failed {
                command: "ls-tree",
                reason: format!("it says `{line}`"),
            };
            let (about, path) = line.split_once('\t').ok_or_else(broken)?;
            let mut fields = about.split_ascii_whitespace();
            let (mode, _, id, size) = (fields.next(), fields.next(), fields.next(), fields.next());
            let name = path.strip_prefix(&top).ok_or_else(broken)?;
            if hidden(name) {
                continue;
            }
            if !matches!(mode, Some("100644" | "100755" | "100664")) {
                return Err(SideError::NotAFile { path: path.to_owned() });
            }
            let size: usize = size.and_then(|size| size.parse().ok()).ok_or_else(broken)?;
            if size > MAX_BYTES {
                return Err(SideError::TooLarge { path: path.to_owned() });
            }
            entries.push((name.to_owned(), id.ok_or_else(broken)?.to_owned(), size));
        }
        let bytes: usize = entries.iter().map(|(_, _, size)| size).sum();
        if entries.len() > MOST_FILES || bytes > MOST_BYTES {
            return Err(SideError::TooMany { path: top });
        }
        self.blobs(entries)
    }

    fn blobs(&self, entries: Vec<(String, String, usize)>) -> Result<Tree, SideError> {
        if entries.is_empty() {
            return Ok(Tree::new());
        }
        let ids: String = entries.iter().map(|(_, id, _)| format!("{id}\n")).collect();
        let answer = self.run("cat-file", &["cat-file", "--batch"], Some(ids))?;
        let mut rest = answer.as_slice();
        let mut tree = Tree::new();
        for (path, id, size) in entries {
            let head = format!("{id} blob {size}\n");
            let body = rest.strip_prefix(head.as_bytes()).filter(|body| body.len() > size);
            let Some(body) = body else {
                let reason = format!("it has no `{id}`, {path}");
                return Err(RevisionError::Failed { command: "cat-file", reason }.into());
            };
            let text = std::str::from_utf8(&body[..size])
                .map_err(|_| SideError::NotUtf8 { path: path.clone() })?;
            tree.insert(path, text.to_owned());
            rest = &body[size + 1..];
        }
        Ok(tree)
    }

    /// Runs git and takes its answer as text.
    fn git(
        &self,
        name: &'static str,
        args: &[&str],
        input: Option<String>,
    ) -> Result<String, RevisionError> {
        let not_text = |_| RevisionError::Failed {
            command: name,
            reason: "its answer is not UTF-8".to_owned(),
        };
        String::from_utf8(self.run(name, args, input)?).map_err(not_text)
    }

    fn run(
        &self,
        name: &'static str,
        args: &[&str],
        input: Option<String>,
    ) -> Result<Vec<u8>, RevisionError> {
        let no_git = |error: std::io::Error| RevisionError::NoGit(error.to_string());
        let mut child = Command::new("git")
            .arg("-C")
            .arg(&self.folder)
            .args(["--literal-pathspecs", "--no-optional-locks"])
            .args(args)
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(no_git)?;
        let stdin = child.stdin.take();
        // Written beside the reading: git answers while it is still asked.
        let output = thread::scope(|scope| {
            scope.spawn(move || {
                if let (Some(mut stdin), Some(input)) = (stdin, input) {
                    // A git that stops to read says why on its standard error.
                    let _ = stdin.write_all(input.as_bytes());
                }
            });
            child.wait_with_output()
        });
        let output = output.map_err(no_git)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let first =
            said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it does not say why");
        Err(RevisionError::Failed { command: name, reason: first.to_owned() })
    }
}

/// Whether a part of the path starts with a dot; `.provenance` aside.
fn hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.') && part != PROVENANCE)
}
