//! Runs that are killed, that have a full or read-only disk, that may not open files, and that run at the same
//! time. After each, every file of `rendered/` is complete, foreign files are untouched, and the next run
//! succeeds.

mod concurrent_runs;
mod disk;
mod fleet;
mod kills;
mod limits;
mod tree;
