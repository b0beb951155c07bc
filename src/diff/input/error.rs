//! The reasons why a snapshot can't be read.

use crate::git::GitError;
use crate::project::ProjectError;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

/// The reason why a snapshot can't be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A file can't be read, is too large or is not text.
    #[error(transparent)]
    File(#[from] ProjectError),
    /// Git can't be run, or failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A link, a pipe or a submodule.
    #[error("`{path}` is not a regular file: links among rendered files are not followed")]
    NotAFile {
        /// The path of the link.
        path: String,
    },
    /// Too many files, too many bytes, or folders nested too deeply.
    #[error("`{path}` contains more files, more bytes or deeper folders than a diff reads")]
    TooMany {
        /// The folder.
        path: String,
    },
    /// The folder is not part of a repository.
    #[error(
        "`{folder}` is not in a Git repository: name a folder to compare with, `--base-dir DIR`"
    )]
    NoRepository {
        /// The folder.
        folder: String,
    },
    /// The clone lacks files of the commit.
    #[error(
        "this clone is partial and lacks files of the commit: fetch them with `git fetch --refetch --no-filter`"
    )]
    Partial,
    /// The repository has no such commit.
    #[error("`{revision}` is not a commit of this repository{}", .hint.as_deref().map(|hint| format!(": {hint}")).unwrap_or_default())]
    UnknownRevision {
        /// The revision as the user wrote it.
        revision: String,
        /// A likely reason, and the cure.
        hint: Option<String>,
    },
    /// Git's answer has another form than documented.
    #[error("unexpected answer from `git {command}`: {answer}")]
    Answer {
        /// The subcommand.
        command: &'static str,
        /// The part of the answer that is unexpected.
        answer: String,
    },
}

impl From<InputError> for Diagnostics {
    fn from(error: InputError) -> Self {
        Diagnostic::new(error.to_string()).into()
    }
}
