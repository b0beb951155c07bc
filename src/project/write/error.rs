//! Why a plan can't be, or can't be written.

use std::io;
use std::path::PathBuf;

use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

/// What goes wrong with `rendered/`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A name that no file or folder of ours can have.
    #[error("`{name}` is no file name that every system takes, and `{claimant}` is rendered to it")]
    Name {
        /// The name.
        name: String,
        /// Who wants it.
        claimant: String,
    },
    /// More than 16 MiB in one file.
    #[error("`{path}` would have more than 16 MiB, rendered from `{claimant}`")]
    TooLarge {
        /// The path below `rendered/`.
        path: String,
        /// Who wants it.
        claimant: String,
    },
    /// One path, claimed twice.
    #[error("`{path}` is rendered twice, from `{}` and from `{}`", claimants[0], claimants[1])]
    Twice {
        /// The path below `rendered/`.
        path: String,
        /// Who wants it, the first one first.
        claimants: [String; 2],
    },
    /// Two paths that are one where upper and lower case are one.
    #[error(
        "`{}` and `{}` differ in upper and lower case alone, rendered from `{}` and from `{}`",
        paths[0], paths[1], claimants[0], claimants[1]
    )]
    OnlyCase {
        /// The paths below `rendered/`, the first one first.
        paths: [String; 2],
        /// Who wants them.
        claimants: [String; 2],
    },
    /// Files that would be lost, or can't be written; nothing was written at all.
    #[error("{}", list(.0))]
    InTheWay(Vec<Obstacle>),
    /// Another run holds the folder and did not end.
    #[error("another run holds `{}` and has not ended in ten seconds", .0.display())]
    Busy(PathBuf),
    /// The system refused.
    #[error("can't {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system says.
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

/// Something that lies where we would write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// Where: the folder that is written to, and the path below it.
    pub path: PathBuf,
    /// What.
    pub blocker: Blocker,
}

/// What lies where we would write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Blocker {
    /// A file that we did not write.
    #[error("was not written by tts-render")]
    Foreign,
    /// A file that we wrote and that was changed since.
    #[error("was edited since it was rendered")]
    Edited,
    /// A name that is ours but for upper and lower case.
    #[error("differs in upper and lower case alone from what is rendered")]
    OnlyCase,
    /// A symbolic link; none is followed.
    #[error("is a link, and links are not followed")]
    Link,
    /// A folder where a file should be.
    #[error("is a folder where a file is rendered")]
    Folder,
    /// A file where a folder should be.
    #[error("is a file where a folder is rendered")]
    File,
    /// A pipe, a socket, a device.
    #[error("is neither a file nor a folder")]
    Special,
}

impl Blocker {
    /// Whether `--force` overwrites it.
    pub fn yields_to_force(self) -> bool {
        matches!(self, Blocker::Foreign | Blocker::Edited)
    }

    fn cure(self) -> &'static str {
        match self {
            Blocker::Foreign => "move it away, or overwrite it with `--force`",
            Blocker::Edited => {
                "make the change in the values or a template, or drop it with `--force`"
            }
            Blocker::OnlyCase
            | Blocker::Link
            | Blocker::Folder
            | Blocker::File
            | Blocker::Special => "move it away",
        }
    }
}

fn list(obstacles: &[Obstacle]) -> String {
    let one = |o: &Obstacle| format!("`{}` {}", o.path.display(), o.blocker);
    obstacles.iter().map(one).collect::<Vec<_>>().join("; ")
}

impl From<Error> for Diagnostics {
    fn from(error: Error) -> Self {
        let Error::InTheWay(obstacles) = &error else {
            return Diagnostic::new(error.to_string()).into();
        };
        let one = |obstacle: &Obstacle| {
            Diagnostic::new(list(std::slice::from_ref(obstacle))).note(obstacle.blocker.cure())
        };
        Diagnostics(obstacles.iter().map(one).collect())
    }
}
