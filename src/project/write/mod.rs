//! What `rendered/` should hold, and how it gets there.
//!
//! In: a [`Plan`], every file's bytes, and the folder as it lies on the disk. Out: what differs
//! ([`compare`]), or the folder made so ([`write()`]). The command line calls it, and `commit`; it calls
//! only `diagnostic`, and `parallel`. A plan is pure; everything that touches the disk is below [`compare`] and
//! [`write()`].
//!
//! Both look at the disk in one way (`survey`): each file gets a state, and from the states follow
//! the differences, what is in the way, and the steps to take. A step is whole or not at all, and
//! after any of them `.provenance` still tells our files from others, so a run may be killed
//! anywhere and the next one ends what it began.
//!
//! Runs that write one tree wait for each other by a lock on the folder itself; where the file system
//! has no such lock they still leave whole files, each of one of them. `commit` holds the tree until
//! Git has read it ([`write_and_hold`]); who has nothing to write need not wait for that.

mod apply;
mod compare;
mod error;
mod lock;
mod plan;
mod provenance;
mod survey;

pub use apply::{Force, Held, Summary, write, write_and_hold};
pub use compare::{Difference, Kind, compare};
pub use error::{Blocker, Error, Obstacle};
pub use plan::Plan;

use std::collections::BTreeSet;

/// The folders that one thread has done before another would start.
const FEW: usize = 15;

/// Which folders are looked at, written and pruned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All that are planned and all that we ever wrote.
    All,
    /// These alone.
    Folders(BTreeSet<String>),
}

impl Scope {
    /// Whether a folder is meant.
    pub fn covers(&self, folder: &str) -> bool {
        match self {
            Scope::All => true,
            Scope::Folders(names) => names.contains(folder),
        }
    }
}

/// The file that tells, in every folder of ours, which files of it we wrote.
pub const PROVENANCE: &str = provenance::FILE;

/// The names of the files that a folder's `.provenance` says we wrote; none if it is not of our
/// making.
pub fn written(provenance: &[u8]) -> Option<BTreeSet<String>> {
    let provenance = provenance::Provenance::read(provenance)?;
    Some(provenance.names().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests;
