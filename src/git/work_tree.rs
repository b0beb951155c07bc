//! The work tree around a folder, found without Git.
//!
//! Git takes any folder with a `HEAD`, `objects` and `refs` for a repository, and a clone can contain
//! such a folder. Only `.git` at the top of a work tree counts here, since Git lets no clone contain
//! that name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::GitError;

/// The most bytes of a `.git` file: one path.
const MAX_LINK_BYTES: u64 = 16 << 10;

/// Finds the top of the work tree around a folder: the nearest folder upwards with an entry `.git`, valid
/// or not.
pub fn find_work_tree_top(folder: &Path) -> Option<PathBuf> {
    let start = fs::canonicalize(folder).ok()?;
    start.ancestors().find(|top| exists(&top.join(".git"))).map(Path::to_owned)
}

/// A work tree and its repository. Both paths are absolute and free of links.
#[derive(Debug)]
pub(super) struct WorkTree {
    pub(super) top: PathBuf,
    /// The repository: `.git` at the top, or for a worktree or submodule a folder elsewhere.
    pub(super) git_dir: PathBuf,
}

impl WorkTree {
    /// Finds the work tree around a folder.
    pub(super) fn find(folder: &Path) -> Result<Self, GitError> {
        let missing = || GitError::NoRepository { folder: folder.display().to_string() };
        let start = fs::canonicalize(folder).map_err(|_| missing())?;
        for top in start.ancestors() {
            let link = top.join(".git");
            if exists(&link) {
                return Self::at(top, &link);
            }
            if looks_bare(top) {
                let reason = "it is laid out as a bare repository, whose configuration and history \
                              Git would use: remove its `HEAD`, `objects` and `refs`";
                return Err(untrusted(top, reason));
            }
        }
        Err(missing())
    }

    /// Returns true for a path below the top that is not in the repository itself. The path is free of links.
    pub(super) fn contains(&self, path: &Path) -> bool {
        path.starts_with(&self.top) && !path.starts_with(&self.git_dir)
    }

    fn at(top: &Path, link: &Path) -> Result<Self, GitError> {
        let git_dir = resolve(top, link)
            .map_err(|error| untrusted(link, &format!("its repository can't be found: {error}")))?;
        let is_own = git_dir.parent() == Some(top) && git_dir.ends_with(".git");
        if !is_own && git_dir.starts_with(top) {
            let reason = "it leads to another folder of the same work tree";
            return Err(untrusted(link, reason));
        }
        Ok(WorkTree { top: top.to_owned(), git_dir })
    }
}

/// The folder that `.git` is, or that the path in it leads to.
fn resolve(top: &Path, link: &Path) -> io::Result<PathBuf> {
    let metadata = fs::metadata(link)?;
    if metadata.is_dir() {
        return fs::canonicalize(link);
    }
    if !metadata.is_file() || metadata.len() > MAX_LINK_BYTES {
        return Err(io::Error::other("it is neither a folder nor a small file"));
    }
    let text = fs::read_to_string(link)?;
    let path = text
        .strip_prefix("gitdir: ")
        .ok_or_else(|| io::Error::other("expected `gitdir: PATH`"))?
        .trim_end_matches(['\n', '\r']);
    fs::canonicalize(top.join(path))
}

/// Returns true if Git could take a folder for a repository.
fn looks_bare(folder: &Path) -> bool {
    let has = |name: &str| exists(&folder.join(name));
    has("HEAD") && (has("commondir") || (has("objects") && has("refs")))
}

fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn untrusted(path: &Path, reason: &str) -> GitError {
    GitError::Untrusted { path: path.display().to_string(), reason: reason.to_owned() }
}
