//! The reasons why there is no commit, with what to do about each.

use crate::git::GitError;
use crate::project::write;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

/// The most paths that a message lists.
const MAX_LISTED: usize = 5;

/// The reason why there is no commit.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Rendering fails.
    #[error(transparent)]
    Render(#[from] Diagnostics),
    /// `git` fails, or a hook refuses.
    #[error(transparent)]
    Git(#[from] GitError),
    /// `rendered/` can't be written.
    #[error(transparent)]
    Write(#[from] write::Error),
    /// The folder is not in a repository.
    #[error("`{0}` is not in a Git work tree")]
    NoRepository(String),
    /// HEAD has no commit.
    #[error("the repository has no commits yet")]
    Unborn,
    /// HEAD is not a branch.
    #[error("HEAD is detached: the commit would be on no branch")]
    Detached,
    /// A merge, cherry-pick or revert is not committed yet.
    #[error("a {0} is in progress: Git can't commit a part of it")]
    InProgress(&'static str),
    /// The inputs differ from HEAD, so the trailer would name the wrong commit.
    #[error("uncommitted changes in {}", list_paths(.0))]
    Uncommitted(Vec<String>),
    /// Files in `rendered/` are neither HEAD's nor freshly rendered.
    #[error("local changes in `rendered/` would be lost: {}", list_paths(.0))]
    Foreign(Vec<String>),
    /// Git would store other bytes than were rendered.
    #[error("an attribute of the repository converts {}: Git would store other bytes than were rendered", list_paths(.0))]
    Converted(Vec<String>),
    /// The commit is made, and a hook changed its files.
    #[error("the commit was made, but a hook rewrote {}: it has other bytes than were rendered, so `tts-render render --check` fails", list_paths(.0))]
    Rewritten(Vec<String>),
    /// The branch follows no other.
    #[error("the branch `{0}` has no upstream to push to")]
    NoUpstream(String),
    /// The upstream moved, and the local commits can't follow.
    #[error("`{0}` has new commits, and the local commits were not rebased: {1}")]
    Diverged(String, String),
    /// The upstream moved during every attempt.
    #[error("`{0}` got new commits during each of {1} attempts to push")]
    Outrun(String, usize),
    /// The commit is made and stays, but the upstream refuses it.
    #[error("the commit was made, but pushing it failed: {0}")]
    NotPushed(GitError),
}

impl CommitError {
    /// The error for the user, with its fix.
    pub fn diagnose(self) -> Diagnostics {
        let fix = self.fix();
        match self {
            CommitError::Render(diagnostics) => diagnostics,
            CommitError::Write(error) => error.into(),
            error => {
                let diagnostic = match &error {
                    CommitError::Git(_) | CommitError::NotPushed(_) => {
                        Diagnostic::from_lines(&error.to_string())
                    }
                    _ => Diagnostic::new(error.to_string()),
                };
                fix.into_iter().fold(diagnostic, Diagnostic::note).into()
            }
        }
    }

    fn fix(&self) -> Option<String> {
        let fix = match self {
            CommitError::Render(_) | CommitError::Git(_) | CommitError::Write(_) => return None,
            CommitError::NoRepository(_) => {
                "run `git init`, commit the values, then run this again"
            }
            CommitError::Unborn => "commit the values first: `git add values && git commit`",
            CommitError::Detached => "run `git switch BRANCH` first, or `git switch -c NEW`",
            CommitError::InProgress(operation) => {
                return Some(format!(
                    "finish it first: `git {operation} --continue` or `git {operation} --abort`"
                ));
            }
            CommitError::Uncommitted(_) => {
                "commit them first (`git status` shows them): the new commit names the one that it was rendered from"
            }
            CommitError::Foreign(_) => {
                "`tts-render render --check` lists them; `git restore --staged --worktree rendered` discards them"
            }
            CommitError::Converted(_) => {
                "run `git restore --staged rendered`, and remove `ident` or `working-tree-encoding` for `rendered/` from `.gitattributes`"
            }
            CommitError::Rewritten(_) => {
                "`git reset --soft HEAD^` takes the commit back; exclude `rendered/` from the hook, then run this again"
            }
            CommitError::NoUpstream(branch) => {
                return Some(format!("run `git push -u origin {branch}` once"));
            }
            CommitError::Diverged(..) => "run `git pull --rebase`, then run this again",
            CommitError::Outrun(..) => "run this again",
            CommitError::NotPushed(_) => "run `git push` after fixing the cause",
        };
        Some(fix.to_owned())
    }
}

fn list_paths(paths: &[String]) -> String {
    let listed: Vec<String> =
        paths.iter().take(MAX_LISTED).map(|path| format!("`{path}`")).collect();
    match paths.len().saturating_sub(MAX_LISTED) {
        0 => listed.join(", "),
        more => format!("{} and {more} more", listed.join(", ")),
    }
}
