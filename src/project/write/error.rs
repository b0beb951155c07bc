//! The reasons for which a plan is refused or can't be written.

use std::io;
use std::path::PathBuf;

use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

/// A plan that is refused or can't be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A name that a file or folder can't have on every system.
    #[error(
        "invalid file name `{name}`, rendered from `{claimant}`: expected 1 to 255 bytes without \
         `/`, `\\`, a leading `.` or control characters"
    )]
    Name {
        /// The name.
        name: String,
        /// The values file that it is rendered from.
        claimant: String,
    },
    /// More than 16 MiB in one file.
    #[error("`{path}` would have more than 16 MiB, rendered from `{claimant}`")]
    TooLarge {
        /// The path below `rendered/`.
        path: String,
        /// The values file that it is rendered from.
        claimant: String,
    },
    /// Two files with one path.
    #[error("`{path}` is rendered twice, from `{}` and from `{}`", claimants[0], claimants[1])]
    Twice {
        /// The path below `rendered/`.
        path: String,
        /// The values files that it is rendered from, in the order of planning.
        claimants: [String; 2],
    },
    /// Two paths that collide on case-insensitive file systems.
    #[error(
        "`{}` and `{}` differ only in case, rendered from `{}` and from `{}`",
        paths[0], paths[1], claimants[0], claimants[1]
    )]
    OnlyCase {
        /// The paths below `rendered/`, in the order of planning.
        paths: [String; 2],
        /// The values files that they are rendered from.
        claimants: [String; 2],
    },
    /// Files that would be lost, or can't be written. Nothing was written at all.
    #[error("{}", list_conflicts(.0))]
    Conflicts(Vec<Conflict>),
    /// Another run keeps the folder locked.
    #[error("another run has locked `{}` for more than 10 s", .0.display())]
    Busy(PathBuf),
    /// The system refused.
    #[error("can't {action} `{}`: {source}", path.display())]
    Io {
        /// The action, a verb.
        action: &'static str,
        /// Its file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl Error {
    pub(super) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Error::Io { action, path, source }
    }
}

/// An existing file or folder that keeps a planned one from being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The path: the folder that is written to, and the path below it.
    pub path: PathBuf,
    /// The kind.
    pub kind: ConflictKind,
}

/// The kind of a [`Conflict`], as the end of a sentence about the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum ConflictKind {
    /// A file that this program did not write.
    #[error("was not written by tts-render")]
    Foreign,
    /// A file that this program wrote, with bytes that were changed since.
    #[error("was edited since it was rendered")]
    Edited,
    /// A file that this program wrote, in which Git could not merge two versions.
    #[error("has an unresolved merge conflict")]
    Merge,
    /// A name that equals a planned one on a case-insensitive file system.
    #[error("differs from a rendered path only in case")]
    OnlyCase,
    /// A symbolic link; none is followed.
    #[error("is a link, and links are not followed")]
    Link,
    /// A folder in place of a file.
    #[error("is a folder where a file is rendered")]
    Folder,
    /// A file in place of a folder.
    #[error("is a file where a folder is rendered")]
    File,
    /// A pipe, a socket, a device.
    #[error("is neither a file nor a folder")]
    Special,
}

impl ConflictKind {
    /// Returns true if `--force` overwrites it.
    pub fn can_be_forced(self) -> bool {
        matches!(self, ConflictKind::Foreign | ConflictKind::Edited | ConflictKind::Merge)
    }

    fn remedy(self) -> &'static str {
        match self {
            ConflictKind::Foreign => "move it away, or overwrite it with `--force`",
            ConflictKind::Edited => {
                "make the change in the values or a template, or drop it with `--force`"
            }
            ConflictKind::Merge => {
                "resolve the conflict in the values or templates, then render with `--force`"
            }
            ConflictKind::OnlyCase
            | ConflictKind::Link
            | ConflictKind::Folder
            | ConflictKind::File
            | ConflictKind::Special => "move it away",
        }
    }
}

fn list_conflicts(conflicts: &[Conflict]) -> String {
    conflicts.iter().map(sentence).collect::<Vec<_>>().join("; ")
}

fn sentence(conflict: &Conflict) -> String {
    format!("`{}` {}", conflict.path.display(), conflict.kind)
}

/// Each conflict becomes a diagnostic of its own, with its remedy.
impl From<Error> for Diagnostics {
    fn from(error: Error) -> Self {
        let Error::Conflicts(conflicts) = &error else {
            return Diagnostic::new(error.to_string()).into();
        };
        let diagnostics = conflicts
            .iter()
            .map(|conflict| Diagnostic::new(sentence(conflict)).note(conflict.kind.remedy()));
        Diagnostics(diagnostics.collect())
    }
}
