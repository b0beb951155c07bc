//! Makes the tree what the plan says.
//!
//! From a folder's survey follow its steps, as data; each is whole or not at all. Their order makes
//! a stop anywhere harmless: `.provenance` knows old and new bytes before the first file changes,
//! and forgets the old ones after the last.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::error::{Error, Obstacle};
use super::lock::{Hold, Lock, lock, lock_at_once};
use super::survey::{FileSurvey, FolderSurvey, State, Survey, TEMPORARY, root, survey};
use super::{FEW, Plan, Scope, provenance};
use crate::parallel;

/// What to do with files in our way that we did not write, or that were edited since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// Write nothing at all, and say which they are.
    No,
    /// Overwrite them.
    Yes,
}

/// What [`write()`] did; paths are below the tree, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files that were not there.
    pub created: Vec<PathBuf>,
    /// Files that had other bytes.
    pub updated: Vec<PathBuf>,
    /// Files that are no longer rendered, and went.
    pub pruned: Vec<PathBuf>,
    /// Files that are no longer rendered and stay, as they were edited since.
    pub kept: Vec<PathBuf>,
    /// How many files had the right bytes already.
    pub unchanged: usize,
}

/// One step on a folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// The folder itself.
    CreateFolder,
    /// A file with these bytes, in place of what is there.
    Put(&'a str, Vec<u8>),
    /// The same, of bytes that the plan holds.
    PutPlanned(&'a str, &'a [u8]),
    /// A file.
    Remove(&'a str),
    /// The folder itself, which is empty by then.
    RemoveFolder,
}

/// Writes, replaces and prunes until the tree is what the plan says; a file that has its bytes
/// already is not touched.
///
/// # Errors
/// Something lies in the way: then nothing was written. Or the system refuses (a full disk, a
/// read-only tree): then every file is whole, old or new, and the next run ends the work.
pub fn write(out: &Path, plan: &Plan, scope: &Scope, force: Force) -> Result<Summary, Error> {
    let out = root(out)?;
    if plan.folders().any(|folder| scope.covers(folder)) {
        fs::create_dir_all(&out).map_err(Error::io("create", &out))?;
    }
    let _lock = match lock_at_once(&out, Hold::Write)? {
        Some(lock) => lock,
        None => {
            // Who has nothing to write need not wait until others have read: a hook that renders
            // while `commit` holds the tree.
            let reading = lock(&out, Hold::Read)?;
            let survey = survey(&out, plan, scope)?;
            if is_settled(&out, &survey) {
                return Ok(summary(&survey.folders));
            }
            drop(reading);
            lock(&out, Hold::Write)?
        }
    };
    let survey = survey(&out, plan, scope)?;
    let mut obstacles = obstacles(&out, &survey);
    obstacles.retain(|at| force == Force::No || !at.blocker.yields_to_force());
    if !obstacles.is_empty() {
        return Err(Error::InTheWay(obstacles));
    }
    let failed = AtomicBool::new(false);
    let results = parallel::map(&survey.folders, FEW, |folder| {
        let path = out.join(&folder.name);
        // After a failure elsewhere the rest is left as it is.
        let mut left = steps(folder).into_iter().take_while(|_| !failed.load(Ordering::Relaxed));
        let done = left.try_for_each(|step| take(&path, step));
        failed.fetch_or(done.is_err(), Ordering::Relaxed);
        done
    });
    results.into_iter().collect::<Result<(), Error>>()?;
    Ok(summary(&survey.folders))
}

/// A tree that no other run writes to for as long as this lives.
#[derive(Debug)]
pub struct Held {
    _lock: Lock,
}

/// How often other runs may write between our writing and our holding what we wrote.
const ATTEMPTS: usize = 20;

/// As [`write()`], and no other run changes what was written until [`Held`] ends; others may read, and
/// write what is there already.
///
/// # Errors
/// As [`write()`].
pub fn write_and_hold(
    out: &Path,
    plan: &Plan,
    scope: &Scope,
    force: Force,
) -> Result<(Summary, Held), Error> {
    let place = root(out)?;
    for _ in 0..ATTEMPTS {
        let summary = write(out, plan, scope, force)?;
        let lock = lock(&place, Hold::Read)?;
        if is_settled(&place, &survey(&place, plan, scope)?) {
            return Ok((summary, Held { _lock: lock }));
        }
    }
    Err(Error::Busy(place))
}

/// Whether nothing is to be done, and nothing is in the way.
fn is_settled(out: &Path, survey: &Survey<'_>) -> bool {
    obstacles(out, survey).is_empty() && survey.folders.iter().all(|f| steps(f).is_empty())
}

fn obstacles(out: &Path, survey: &Survey<'_>) -> Vec<Obstacle> {
    let in_folders = survey.folders.iter().flat_map(|folder| obstacles_in(out, folder));
    survey.blocked.iter().cloned().chain(in_folders).collect()
}

fn obstacles_in(out: &Path, folder: &FolderSurvey<'_>) -> Vec<Obstacle> {
    let path = |file: &FileSurvey<'_>| out.join(&folder.name).join(&file.name);
    let files = folder.files.iter().filter_map(|file| match file.state {
        State::Blocked(blocker) => Some(Obstacle { path: path(file), blocker }),
        _ => None,
    });
    folder.blocked.iter().cloned().chain(files).collect()
}

/// Whether a file gets new bytes.
fn is_written(file: &FileSurvey<'_>) -> bool {
    matches!(file.state, State::Missing | State::Stale | State::Blocked(_))
}

/// What is to be done in a folder, in order; nothing if it is as it should be.
pub(super) fn steps<'a>(folder: &'a FolderSurvey<'_>) -> Vec<Step<'a>> {
    let settled = folder.settled();
    let obsolete = || folder.files.iter().filter(|file| file.state == State::Obsolete);
    let written = || folder.files.iter().filter(|file| is_written(file));
    let mut steps: Vec<Step<'a>> = folder.leftovers.iter().map(|name| Step::Remove(name)).collect();

    if settled.is_empty() {
        steps.extend(obsolete().map(|file| Step::Remove(&file.name)));
        steps.extend(folder.record.iter().map(|_| Step::Remove(provenance::FILE)));
        if folder.exists && folder.others.is_empty() {
            steps.push(Step::RemoveFolder);
        }
        return steps;
    }
    if !folder.exists {
        steps.push(Step::CreateFolder);
    }
    let mut record = folder.record.clone();
    let mut put_record = |steps: &mut Vec<Step<'a>>, text: String| {
        if record.as_deref() != Some(text.as_bytes()) {
            record = Some(text.clone().into_bytes());
            steps.push(Step::Put(provenance::FILE, text.into_bytes()));
        }
    };
    if written().chain(obsolete()).next().is_some() {
        let mut both = settled.clone();
        folder.recorded.names().for_each(|name| both.keep(&folder.recorded, name));
        put_record(&mut steps, both.text());
    }
    // Where upper and lower case are one, an obsolete file may have a new one's name.
    steps.extend(obsolete().map(|file| Step::Remove(&file.name)));
    steps.extend(written().filter_map(|file| {
        let (bytes, _) = file.planned?;
        Some(Step::PutPlanned(&file.name, bytes))
    }));
    put_record(&mut steps, settled.text());
    steps
}

/// Takes a step in a folder.
pub(super) fn take(folder: &Path, step: Step<'_>) -> Result<(), Error> {
    match step {
        Step::CreateFolder => fs::create_dir(folder).map_err(Error::io("create", folder)),
        Step::Put(name, bytes) => put(folder, name, &bytes),
        Step::PutPlanned(name, bytes) => put(folder, name, bytes),
        Step::Remove(name) => {
            let path = folder.join(name);
            fs::remove_file(&path).map_err(Error::io("remove", path))
        }
        Step::RemoveFolder => fs::remove_dir(folder).map_err(Error::io("remove", folder)),
    }
}

/// Writes a file beside its place and renames it there, so that the place holds the old bytes or
/// the new ones at any moment.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (before, after) = TEMPORARY;
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let temporary = folder.join(format!("{before}{}-{count}{after}", std::process::id()));
    let path = folder.join(name);
    let written = create(&temporary).and_then(|mut file| {
        let done = file.write_all(bytes).and_then(|()| fs::rename(&temporary, &path));
        if done.is_err() {
            // What can't be removed now is cleared by the next run.
            let _ = fs::remove_file(&temporary);
        }
        done
    });
    written.map_err(Error::io("write", path))
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o644);
    options.open(path)
}

fn summary(folders: &[FolderSurvey<'_>]) -> Summary {
    let mut summary = Summary::default();
    for folder in folders {
        for file in &folder.files {
            let list = match file.state {
                State::Missing => &mut summary.created,
                State::Stale | State::Blocked(_) => &mut summary.updated,
                State::Obsolete => &mut summary.pruned,
                State::Kept => &mut summary.kept,
                State::Same => {
                    summary.unchanged += 1;
                    continue;
                }
                State::Gone => continue,
            };
            list.push(Path::new(&folder.name).join(&file.name));
        }
    }
    summary
}
