//! Makes the tree equal to the plan.
//!
//! From a folder's scan follow its steps, as data; each is done as a whole or not at all. Their order
//! makes a stop at any point harmless: `.provenance` lists old and new bytes before the first file
//! changes, and drops the old ones after the last.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::compare::{Difference, provenance_difference};
use super::error::{Conflict, Error};
use super::lock::{FolderLock, LockMode, lock, try_lock};
use super::provenance::{self, Provenance};
use super::scan::{
    FileScan, FileState, FolderScan, TreeScan, checked_root, scan_single_folder, scan_tree,
};
use super::{MAX_SEQUENTIAL_FOLDERS, Plan, Scope};
use crate::parallel;
use crate::project::TEMPORARY;

/// The treatment of files in the way that this program did not write, or that were edited since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// Write nothing at all, and report them.
    No,
    /// Overwrite them.
    Yes,
}

/// The result of [`write_tree`]; paths are below the tree, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files that did not exist.
    pub created: Vec<PathBuf>,
    /// Files that had other bytes.
    pub updated: Vec<PathBuf>,
    /// Files that are no longer rendered, and were removed.
    pub pruned: Vec<PathBuf>,
    /// Files that are no longer rendered but stay, since they were edited.
    pub retained: Vec<PathBuf>,
    /// The differences of the `.provenance` files, which change with the files that they list.
    pub provenance: Vec<Difference>,
    /// The number of files that already had the right bytes.
    pub unchanged: usize,
}

/// One step on a folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// Creates the folder.
    CreateFolder,
    /// Writes a file with these bytes, in place of an existing one.
    Put(&'a str, Vec<u8>),
    /// The same, with bytes that the plan owns.
    PutPlanned(&'a str, &'a [u8]),
    /// Removes a file.
    Remove(&'a str),
    /// Removes the folder, which is empty by then.
    RemoveFolder,
}

/// Writes, replaces and prunes until the tree equals the plan. A file that already has its bytes is not
/// touched.
///
/// # Errors
/// There are conflicts: then nothing was written. Or the system refuses (a full disk, a read-only
/// tree): then every file is whole, old or new, and the next run completes the work.
pub fn write_tree(out: &Path, plan: &Plan, scope: &Scope, force: Force) -> Result<Summary, Error> {
    let out = checked_root(out)?;
    if plan.folders().any(|folder| scope.covers(folder)) {
        fs::create_dir_all(&out).map_err(Error::io("create", &out))?;
    }
    let _lock = match try_lock(&out, LockMode::Write)? {
        Some(lock) => lock,
        None => {
            // A run that has nothing to write need not wait for readers: a hook that renders while
            // `commit` keeps the tree locked.
            let reading = lock(&out, LockMode::Read)?;
            let scan = scan_tree(&out, plan, scope)?;
            if is_at_target(&scan) {
                return Ok(summarize(&scan.folders));
            }
            drop(reading);
            lock(&out, LockMode::Write)?
        }
    };
    let scan = scan_tree(&out, plan, scope)?;
    refuse_conflicts(&out, &scan, force)?;
    let failed = AtomicBool::new(false);
    let results = parallel::map(&scan.folders, MAX_SEQUENTIAL_FOLDERS, |folder| {
        let path = out.join(&folder.name);
        // After a failure elsewhere the rest stays as it is.
        let result = steps(folder)
            .into_iter()
            .take_while(|_| !failed.load(Ordering::Relaxed))
            .try_for_each(|step| take_step(&path, step));
        failed.fetch_or(result.is_err(), Ordering::Relaxed);
        result
    });
    results.into_iter().collect::<Result<(), Error>>()?;
    Ok(summarize(&scan.folders))
}

/// The result that [`write_tree`] would have. Writes nothing.
///
/// # Errors
/// The conflicts for which `write_tree` would write nothing, or the tree can't be read.
pub fn preview_tree(
    out: &Path,
    plan: &Plan,
    scope: &Scope,
    force: Force,
) -> Result<Summary, Error> {
    let out = checked_root(out)?;
    let _lock = lock(&out, LockMode::Read)?;
    let scan = scan_tree(&out, plan, scope)?;
    refuse_conflicts(&out, &scan, force)?;
    Ok(summarize(&scan.folders))
}

/// Reports the conflicts that are not forced.
fn refuse_conflicts(out: &Path, scan: &TreeScan<'_>, force: Force) -> Result<(), Error> {
    let mut conflicts = all_conflicts(out, scan);
    conflicts.retain(|conflict| force == Force::No || !conflict.kind.can_be_forced());
    if conflicts.is_empty() { Ok(()) } else { Err(Error::Conflicts(conflicts)) }
}

/// The name of a single folder in its plan, which no message shows.
const SINGLE: &str = "folder";

/// Writes some files, by name, into one folder of any name, and prunes the recorded files that are not
/// among them and for which `is_prunable` returns true. The others are another command's. Paths in the
/// result are below the folder.
///
/// # Errors
/// As for [`write_tree`].
pub fn write_folder(
    folder: &Path,
    files: &[(&str, &str)],
    is_prunable: impl Fn(&str) -> bool,
    force: Force,
) -> Result<Summary, Error> {
    let mut plan = Plan::new();
    for (name, contents) in files {
        plan.add(SINGLE, name, *contents, "gitops")?;
    }
    let folder = checked_root(folder)?;
    fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    let _lock = lock(&folder, LockMode::Write)?;
    let mut scan = scan_single_folder(&folder, SINGLE, &plan)?;
    for file in &mut scan.files {
        if file.planned.is_none() && !is_prunable(&file.name) {
            file.state = FileState::Left;
        }
    }
    let mut conflicts = folder_conflicts(&folder, &scan);
    conflicts.retain(|conflict| force == Force::No || !conflict.kind.can_be_forced());
    if !conflicts.is_empty() {
        return Err(Error::Conflicts(conflicts));
    }
    steps(&scan).into_iter().try_for_each(|step| take_step(&folder, step))?;
    Ok(summarize(&[scan]))
}

/// A lock on a tree: no other run writes to it until this is dropped.
#[derive(Debug)]
pub struct LockGuard {
    _lock: FolderLock,
}

/// The most times that other runs may write between this run's writing and its locking for reading.
const MAX_ATTEMPTS: usize = 20;

/// Writes as [`write_tree`] does, and keeps the tree locked: until the [`LockGuard`] is dropped other
/// runs may read, and write bytes that are there already.
///
/// # Errors
/// The same as those of [`write_tree`].
pub fn write_locked(
    out: &Path,
    plan: &Plan,
    scope: &Scope,
    force: Force,
) -> Result<(Summary, LockGuard), Error> {
    let root = checked_root(out)?;
    for _ in 0..MAX_ATTEMPTS {
        let summary = write_tree(out, plan, scope, force)?;
        let lock = lock(&root, LockMode::Read)?;
        if is_at_target(&scan_tree(&root, plan, scope)?) {
            return Ok((summary, LockGuard { _lock: lock }));
        }
    }
    Err(Error::Busy(root))
}

/// Returns true if there are no steps to take and no conflicts.
fn is_at_target(scan: &TreeScan<'_>) -> bool {
    all_conflicts(Path::new(""), scan).is_empty()
        && scan.folders.iter().all(|folder| steps(folder).is_empty())
}

fn all_conflicts(out: &Path, scan: &TreeScan<'_>) -> Vec<Conflict> {
    let in_folders = scan.folders.iter().flat_map(|folder| folder_conflicts(out, folder));
    scan.conflicts.iter().cloned().chain(in_folders).collect()
}

fn folder_conflicts(out: &Path, folder: &FolderScan<'_>) -> Vec<Conflict> {
    let files = folder.files.iter().filter_map(|file| match file.state {
        FileState::Conflict(kind) => {
            Some(Conflict { path: out.join(&folder.name).join(&file.name), kind })
        }
        _ => None,
    });
    folder.conflicts.iter().cloned().chain(files).collect()
}

/// Returns true if a file gets new bytes.
fn gets_written(file: &FileScan<'_>) -> bool {
    matches!(file.state, FileState::Missing | FileState::Stale | FileState::Conflict(_))
}

/// The steps that bring a folder to its target state, in order; empty if it is there already.
pub(super) fn steps<'a>(folder: &'a FolderScan<'_>) -> Vec<Step<'a>> {
    let target = folder.target_provenance();
    let obsolete: Vec<&FileScan<'_>> =
        folder.files.iter().filter(|file| file.state == FileState::Obsolete).collect();
    let mut steps: Vec<Step<'a>> = folder.leftovers.iter().map(|name| Step::Remove(name)).collect();

    if target.is_empty() {
        steps.extend(obsolete.iter().map(|file| Step::Remove(&file.name)));
        steps.extend(folder.provenance_bytes.iter().map(|_| Step::Remove(provenance::FILE)));
        if folder.exists && folder.others.is_empty() {
            steps.push(Step::RemoveFolder);
        }
        return steps;
    }
    if !folder.exists {
        steps.push(Step::CreateFolder);
    }
    // First `.provenance` lists old and new bytes, so that a killed run leaves no file unlisted.
    let mut bytes = folder.provenance_bytes.clone();
    if !obsolete.is_empty() || folder.files.iter().any(gets_written) {
        let mut old_and_new = target.clone();
        folder.recorded.names().for_each(|name| old_and_new.keep(&folder.recorded, name));
        steps.extend(put_provenance(&mut bytes, &old_and_new));
    }
    // Obsolete files go first: on a case-insensitive file system one may have a new file's name.
    steps.extend(obsolete.iter().map(|file| Step::Remove(&file.name)));
    steps.extend(folder.files.iter().filter(|file| gets_written(file)).filter_map(|file| {
        let (bytes, _) = file.planned.as_ref()?;
        Some(Step::PutPlanned(&file.name, bytes))
    }));
    // Last, it lists the new bytes alone.
    steps.extend(put_provenance(&mut bytes, &target));
    steps
}

/// The step that writes `.provenance`, unless `bytes`, those on the disk by then, are the same.
fn put_provenance(bytes: &mut Option<Vec<u8>>, provenance: &Provenance) -> Option<Step<'static>> {
    let text = provenance.to_text().into_bytes();
    if bytes.as_ref() == Some(&text) {
        return None;
    }
    *bytes = Some(text.clone());
    Some(Step::Put(provenance::FILE, text))
}

/// Takes a step in a folder.
pub(super) fn take_step(folder: &Path, step: Step<'_>) -> Result<(), Error> {
    match step {
        Step::CreateFolder => fs::create_dir(folder).map_err(Error::io("create", folder)),
        Step::Put(name, bytes) => put_file(folder, name, &bytes),
        Step::PutPlanned(name, bytes) => put_file(folder, name, bytes),
        Step::Remove(name) => {
            let path = folder.join(name);
            fs::remove_file(&path).map_err(Error::io("remove", path))
        }
        Step::RemoveFolder => fs::remove_dir(folder).map_err(Error::io("remove", folder)),
    }
}

/// Writes a temporary file beside the path and renames it, so that the path has the old bytes or the
/// new ones at any moment.
fn put_file(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (before, after) = TEMPORARY;
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let temporary = folder.join(format!("{before}{}-{count}{after}", std::process::id()));
    let path = folder.join(name);
    let written = create_file(&temporary).and_then(|mut file| {
        let done = file.write_all(bytes).and_then(|()| fs::rename(&temporary, &path));
        if done.is_err() {
            // If this fails too, the next run removes the file.
            let _ = fs::remove_file(&temporary);
        }
        done
    });
    written.map_err(Error::io("write", path))
}

fn create_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o644);
    options.open(path)
}

fn summarize(folders: &[FolderScan<'_>]) -> Summary {
    let mut summary = Summary::default();
    for folder in folders {
        summary.provenance.extend(provenance_difference(folder));
        for file in &folder.files {
            let list = match file.state {
                FileState::Missing => &mut summary.created,
                FileState::Stale | FileState::Conflict(_) => &mut summary.updated,
                FileState::Obsolete => &mut summary.pruned,
                FileState::Retained => &mut summary.retained,
                FileState::Same => {
                    summary.unchanged += 1;
                    continue;
                }
                FileState::Absent | FileState::Left => continue,
            };
            list.push(Path::new(&folder.name).join(&file.name));
        }
    }
    summary
}
