//! `rendered/`: the planned files, their differences from the folder on the disk, and the writing.
//!
//! The same is offered for a single folder of any name ([`write_folder`]), such as that of the wiring.
//!
//! In: a [`Plan`], every file's bytes, and the folder on the disk. Out: the differences
//! ([`find_differences`]), or a folder that equals the plan ([`write_tree`]). A plan is pure; only
//! these two functions touch the disk.
//!
//! Both read the disk by the same scan: each file gets a state, and from the states follow the
//! differences, the conflicts and the steps to take. A step is done as a whole or not at all, and after
//! any of them `.provenance` still tells the files that this program wrote from others. A run may
//! therefore be killed at any point, and the next one completes its work.
//!
//! Runs that write the same tree wait for each other by a lock on the folder itself. On a file system
//! without such locks each file is still whole, and comes from one of the runs. `commit` keeps the lock
//! until Git has read the tree ([`write_locked`]); a run that has nothing to write does not wait for it.

mod apply;
mod compare;
mod error;
mod lock;
mod plan;
mod provenance;
mod scan;

pub use apply::{Force, LockGuard, Summary, preview_tree, write_folder, write_locked, write_tree};
pub use compare::{Difference, DifferenceKind, find_differences};
pub use error::{Conflict, ConflictKind, Error};
pub use plan::Plan;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::project::read_at_most;
use oci_scratch::Digest;

/// The most folders that one thread handles alone.
const MAX_SEQUENTIAL_FOLDERS: usize = 15;

/// The folders that are read, written and pruned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All that are planned and all that this program ever wrote.
    All,
    /// These alone.
    Folders(BTreeSet<String>),
}

impl Scope {
    /// Returns true if a folder is in scope.
    pub fn covers(&self, folder: &str) -> bool {
        match self {
            Scope::All => true,
            Scope::Folders(names) => names.contains(folder),
        }
    }
}

/// The name of the file that lists, in every folder, the files that this program wrote there.
pub const PROVENANCE: &str = provenance::FILE;

/// The names of the files that a `.provenance` lists; `None` if this program did not write it.
pub fn recorded_names(provenance: &[u8]) -> Option<BTreeSet<String>> {
    let provenance = provenance::Provenance::parse(provenance)?;
    Some(provenance.names().map(str::to_owned).collect())
}

/// Returns true if this program wrote a file of the tree as it is on the disk: the `.provenance` beside it
/// lists these bytes.
pub fn is_own_output(path: &Path) -> bool {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(OsStr::to_str))
    else {
        return false;
    };
    let read = |path: &Path| {
        let file = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
        let size = file.len();
        read_at_most(fs::File::open(path).ok()?, size, plan::MAX_FILE_BYTES).ok()?
    };
    let recorded =
        read(&folder.join(PROVENANCE)).and_then(|bytes| provenance::Provenance::parse(&bytes));
    let bytes = read(path);
    recorded.zip(bytes).is_some_and(|(recorded, bytes)| {
        recorded.has(name, &Digest::of(&bytes))
            || recorded.has(name, &Digest::of(&scan::with_unix_line_ends(bytes)))
    })
}

#[cfg(test)]
mod tests;
