//! How the tree lies on the disk, held against the plan and against what we wrote: one state a file.
//!
//! Reads only. A folder is listed once; a file is read if it is planned or was written by us, and
//! hashed if its bytes are not the planned ones. No link is followed: kinds come from the listing.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, File, FileType};
use std::io;
use std::path::{Path, PathBuf};

use super::error::{Blocker, Error, Obstacle};
use super::plan::{MOST_BYTES, Plan, is_plain};
use super::provenance::{self, Hash, Provenance};
use super::{FEW, Scope};
use crate::parallel;
use crate::project::read_at_most;

/// How a temporary file of ours is named, before and after what makes it single. A run that was
/// killed leaves one, the next clears it.
pub(super) const TEMPORARY: (&str, &str) = (".tts-render-", ".tmp");

/// How a file lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Planned, and its bytes are the planned ones, whoever wrote them.
    Same,
    /// Planned, and nothing is there.
    Missing,
    /// Planned, and there are other bytes that we wrote.
    Stale,
    /// Planned, and what is there can't be replaced, or not without force.
    Blocked(Blocker),
    /// No longer planned, and there are bytes that we wrote.
    Obsolete,
    /// No longer planned; we wrote it and it was changed since, so it stays.
    Kept,
    /// No longer planned, and gone already.
    Gone,
}

/// A file that is planned or that we wrote.
#[derive(Debug)]
pub(super) struct FileSurvey<'p> {
    pub(super) name: String,
    /// The bytes that it should have.
    pub(super) planned: Option<(&'p [u8], Hash)>,
    pub(super) state: State,
}

/// A folder that is planned or that we wrote, or that is empty.
#[derive(Debug, Default)]
pub(super) struct FolderSurvey<'p> {
    pub(super) name: String,
    pub(super) exists: bool,
    /// By name.
    pub(super) files: Vec<FileSurvey<'p>>,
    /// `.provenance` as it lies there; none if there is none.
    pub(super) record: Option<Vec<u8>>,
    /// What it says.
    pub(super) recorded: Provenance,
    /// Temporary files of a run that was killed.
    pub(super) leftovers: Vec<String>,
    /// What else lies there, whether it is worth a word or not.
    pub(super) others: Vec<String>,
    /// What is in the way of the folder, of `.provenance`, or of a planned file in another case.
    pub(super) blocked: Vec<Obstacle>,
}

impl FolderSurvey<'_> {
    /// What `.provenance` says when all is done.
    pub(super) fn settled(&self) -> Provenance {
        let mut settled = Provenance::default();
        for file in &self.files {
            match file.planned {
                Some((_, hash)) => settled.add(&file.name, hash),
                None if file.state == State::Kept => settled.keep(&self.recorded, &file.name),
                None => {}
            }
        }
        settled
    }
}

/// All that lies there or is planned, in scope.
#[derive(Debug, Default)]
pub(super) struct Survey<'p> {
    /// By name.
    pub(super) folders: Vec<FolderSurvey<'p>>,
    /// Entries of the tree itself that are none of ours, by name.
    pub(super) others: Vec<String>,
    /// What is in the way of a planned folder in another case.
    pub(super) blocked: Vec<Obstacle>,
}

/// A folder's entries, by name.
type Entries = BTreeMap<String, FileType>;

/// The tree as the system takes it for itself: with a slash at its end a link would be followed.
///
/// # Errors
/// A link, or something else that is no folder, lies there.
pub(super) fn root(out: &Path) -> Result<PathBuf, Error> {
    let out: PathBuf = out.components().collect();
    let kind = match fs::symlink_metadata(&out) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(out),
        Err(error) => return Err(Error::io("look at", out)(error)),
    };
    if kind.is_dir() {
        return Ok(out);
    }
    Err(Error::InTheWay(vec![Obstacle { path: out, blocker: instead_of_folder(kind) }]))
}

/// Looks at a tree, which need not exist.
pub(super) fn survey<'p>(out: &Path, plan: &'p Plan, scope: &Scope) -> Result<Survey<'p>, Error> {
    let entries = list(out)?;
    let is_folder = |name: &str| is_plain(name) && entries.get(name).is_some_and(|k| k.is_dir());
    let mut names: BTreeSet<&str> = plan.folders().collect();
    names.extend(entries.keys().map(String::as_str).filter(|name| is_folder(name)));
    names.retain(|name| scope.covers(name));
    let names: Vec<&str> = names.into_iter().collect();

    let planned: BTreeSet<&str> = plan.folders().filter(|name| scope.covers(name)).collect();
    let blocked = only_case(out, entries.keys(), &planned);
    let mut survey = Survey { blocked, ..Survey::default() };
    let look = |name: &&str| look(&out.join(name), entries.get(*name), name, plan);
    for folder in parallel::map(&names, FEW, look) {
        let folder = folder?;
        let is_planned = folder.files.iter().any(|file| file.planned.is_some());
        let is_ours = folder.record.is_some() || !folder.leftovers.is_empty();
        // An empty folder is what a run leaves that is killed before its first file or after its
        // last; Git keeps none.
        if is_planned || is_ours || !folder.blocked.is_empty() || folder.others.is_empty() {
            survey.folders.push(folder);
        } else {
            survey.others.push(folder.name);
        }
    }
    if *scope == Scope::All {
        let others =
            entries.keys().filter(|name| !is_folder(name) && !planned.contains(name.as_str()));
        survey.others.extend(others.cloned());
        survey.others.sort();
    }
    Ok(survey)
}

/// Looks at one folder that is planned or that is there.
fn look<'p>(
    path: &Path,
    kind: Option<&FileType>,
    name: &str,
    plan: &'p Plan,
) -> Result<FolderSurvey<'p>, Error> {
    let planned: BTreeMap<&str, &[u8]> = plan.files(name).collect();
    let mut folder = FolderSurvey { name: name.to_owned(), ..FolderSurvey::default() };
    if let Some(kind) = kind.filter(|kind| !kind.is_dir()) {
        let blocker = instead_of_folder(*kind);
        folder.blocked.push(Obstacle { path: path.to_owned(), blocker });
        return Ok(folder);
    }
    folder.exists = kind.is_some();
    let mut entries = if folder.exists { list(path)? } else { Entries::new() };
    read_record(path, entries.remove(provenance::FILE), !planned.is_empty(), &mut folder)?;

    let names: BTreeSet<&str> = planned.keys().copied().chain(folder.recorded.names()).collect();
    for name in names {
        let planned = planned.get(name).map(|&bytes| (bytes, Hash::of(bytes)));
        let place = path.join(name);
        let state = state(&place, entries.remove(name), planned, name, &folder.recorded)?;
        folder.files.push(FileSurvey { name: name.to_owned(), planned, state });
    }
    for (name, kind) in entries {
        let is_ours =
            name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1) && !kind.is_dir();
        if is_ours { folder.leftovers.push(name) } else { folder.others.push(name) }
    }
    // An obsolete file goes before a new one comes; any other stays, and must not be hit.
    let kept = folder.files.iter().filter(|file| file.state == State::Kept).map(|file| &file.name);
    let in_another_case =
        only_case(path, folder.others.iter().chain(kept), &planned.into_keys().collect());
    folder.blocked.extend(in_another_case);
    Ok(folder)
}

/// Reads `.provenance`; what is none of ours counts as in the way if files are to be written, and
/// else as not being there.
fn read_record(
    folder: &Path,
    kind: Option<FileType>,
    is_planned: bool,
    survey: &mut FolderSurvey<'_>,
) -> Result<(), Error> {
    let path = folder.join(provenance::FILE);
    let blocker = match kind {
        None => return Ok(()),
        Some(kind) if !kind.is_file() => instead_of_file(kind),
        Some(_) => {
            let bytes = read(&path)?;
            if let Some((bytes, recorded)) =
                bytes.and_then(|bytes| Provenance::read(&bytes).map(|recorded| (bytes, recorded)))
            {
                survey.record = Some(bytes);
                survey.recorded = recorded;
                return Ok(());
            }
            Blocker::Foreign
        }
    };
    if is_planned {
        survey.blocked.push(Obstacle { path, blocker });
    } else {
        survey.others.push(provenance::FILE.to_owned());
    }
    Ok(())
}

fn state(
    path: &Path,
    kind: Option<FileType>,
    planned: Option<(&[u8], Hash)>,
    name: &str,
    recorded: &Provenance,
) -> Result<State, Error> {
    let Some(kind) = kind else {
        return Ok(if planned.is_some() { State::Missing } else { State::Gone });
    };
    if !kind.is_file() {
        let blocked = State::Blocked(instead_of_file(kind));
        return Ok(if planned.is_some() { blocked } else { State::Kept });
    }
    let bytes = read(path)?;
    let is_ours = || bytes.as_ref().is_some_and(|bytes| recorded.wrote(name, Hash::of(bytes)));
    Ok(match planned {
        Some((planned, _)) if bytes.as_deref() == Some(planned) => State::Same,
        Some(_) if is_ours() => State::Stale,
        Some(_) if recorded.has(name) => State::Blocked(Blocker::Edited),
        Some(_) => State::Blocked(Blocker::Foreign),
        None if is_ours() => State::Obsolete,
        None => State::Kept,
    })
}

/// The entries that are planned names but for upper and lower case: on many disks, the same files.
fn only_case<'a>(
    folder: &Path,
    entries: impl Iterator<Item = &'a String>,
    planned: &BTreeSet<&str>,
) -> Vec<Obstacle> {
    let mut others = entries.filter(|entry| !planned.contains(entry.as_str())).peekable();
    if others.peek().is_none() {
        return Vec::new();
    }
    let lower: HashSet<String> = planned.iter().map(|name| name.to_lowercase()).collect();
    let blocker = Blocker::OnlyCase;
    others
        .filter(|entry| lower.contains(&entry.to_lowercase()))
        .map(|entry| Obstacle { path: folder.join(entry), blocker })
        .collect()
}

fn instead_of_file(kind: FileType) -> Blocker {
    if kind.is_symlink() {
        Blocker::Link
    } else if kind.is_dir() {
        Blocker::Folder
    } else {
        Blocker::Special
    }
}

fn instead_of_folder(kind: FileType) -> Blocker {
    if kind.is_file() { Blocker::File } else { instead_of_file(kind) }
}

/// A folder's entries; none of a folder that is not there.
fn list(folder: &Path) -> Result<Entries, Error> {
    let one = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        Ok((entry.file_name().to_string_lossy().into_owned(), entry.file_type()?))
    };
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(one).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Entries::new()),
        Err(error) => Err(error),
    }
    .map_err(Error::io("list", folder))
}

/// Reads a file; `None` if it is larger than any file that we write.
fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let all = || {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        read_at_most(file, size, MOST_BYTES)
    };
    all().map_err(Error::io("read", path))
}
