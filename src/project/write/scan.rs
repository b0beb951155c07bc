//! The tree on the disk, compared with the plan and with `.provenance`: one state a file.
//!
//! Reads only. A folder is listed once; a file is read if it is planned or recorded, and hashed if its
//! bytes are not the planned ones. No link is followed: kinds come from the listing.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, File, FileType};
use std::io;
use std::path::{Path, PathBuf};

use oci_scratch::Digest;
use yaml_spans::find_conflicts;

use super::error::{Conflict, ConflictKind, Error};
use super::plan::{MAX_FILE_BYTES, Plan, is_portable_name};
use super::provenance::{self, Provenance};
use super::{MAX_SEQUENTIAL_FOLDERS, Scope};
use crate::parallel;
use crate::project::{TEMPORARY, read_at_most};

/// The state of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileState {
    /// Planned, and exists with the planned bytes, whoever wrote them.
    Same,
    /// Planned, but does not exist.
    Missing,
    /// Planned, but exists with other bytes that this program wrote.
    Stale,
    /// Planned, and the existing file can't be replaced, or not without force.
    Conflict(ConflictKind),
    /// No longer planned, and exists with bytes that this program wrote.
    Obsolete,
    /// No longer planned; this program wrote it and it was changed since, so it stays.
    Retained,
    /// No longer planned, and does not exist.
    Absent,
    /// Not planned by this run, and left to the command that wrote it.
    Left,
}

/// A file that is planned or recorded.
#[derive(Debug)]
pub(super) struct FileScan<'p> {
    pub(super) name: String,
    /// The planned bytes with the hash that is recorded of them.
    pub(super) planned: Option<(&'p [u8], Digest)>,
    pub(super) state: FileState,
}

/// A folder that is planned, recorded or empty.
#[derive(Debug, Default)]
pub(super) struct FolderScan<'p> {
    pub(super) name: String,
    pub(super) exists: bool,
    /// By name.
    pub(super) files: Vec<FileScan<'p>>,
    /// `.provenance` as it is on the disk.
    pub(super) provenance_bytes: Option<Vec<u8>>,
    /// Its content.
    pub(super) recorded: Provenance,
    /// Temporary files of a run that was killed.
    pub(super) leftovers: Vec<String>,
    /// All other entries, reported or not.
    pub(super) others: Vec<String>,
    /// Conflicts with the folder, with `.provenance`, or with a planned name in another case.
    pub(super) conflicts: Vec<Conflict>,
}

impl FolderScan<'_> {
    /// `.provenance` in the folder's target state.
    pub(super) fn target_provenance(&self) -> Provenance {
        let mut target = Provenance::default();
        for file in &self.files {
            match &file.planned {
                Some((_, hash)) => target.add(&file.name, hash.clone()),
                None if matches!(file.state, FileState::Retained | FileState::Left) => {
                    target.keep(&self.recorded, &file.name);
                }
                None => {}
            }
        }
        target
    }
}

/// All that exists or is planned, in scope.
#[derive(Debug, Default)]
pub(super) struct TreeScan<'p> {
    /// By name.
    pub(super) folders: Vec<FolderScan<'p>>,
    /// Other entries of the tree itself, by name.
    pub(super) others: Vec<String>,
    /// Conflicts with a planned folder's name in another case.
    pub(super) conflicts: Vec<Conflict>,
}

/// A folder's entries, by name.
type Entries = BTreeMap<String, FileType>;

/// The tree's path without a slash at its end, since the system would follow a link that ends in one.
///
/// # Errors
/// The path is a link, or anything else than a folder.
pub(super) fn checked_root(out: &Path) -> Result<PathBuf, Error> {
    let out: PathBuf = out.components().collect();
    let kind = match fs::symlink_metadata(&out) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(out),
        Err(error) => return Err(Error::io("read", out)(error)),
    };
    if kind.is_dir() {
        return Ok(out);
    }
    Err(Error::Conflicts(vec![Conflict { path: out, kind: kind_instead_of_folder(kind) }]))
}

/// Scans a tree, which need not exist.
pub(super) fn scan_tree<'p>(
    out: &Path,
    plan: &'p Plan,
    scope: &Scope,
) -> Result<TreeScan<'p>, Error> {
    let entries = list_entries(out)?;
    let is_folder =
        |name: &str| is_portable_name(name) && entries.get(name).is_some_and(|k| k.is_dir());
    let mut names: BTreeSet<&str> = plan.folders().collect();
    names.extend(entries.keys().map(String::as_str).filter(|name| is_folder(name)));
    names.retain(|name| scope.covers(name));
    let names: Vec<&str> = names.into_iter().collect();

    let planned: BTreeSet<&str> = plan.folders().filter(|name| scope.covers(name)).collect();
    let conflicts = case_conflicts(out, entries.keys(), &planned);
    let mut scan = TreeScan { conflicts, ..TreeScan::default() };
    let folders = parallel::map(&names, MAX_SEQUENTIAL_FOLDERS, |name| {
        scan_folder(&out.join(name), entries.get(*name), name, plan)
    });
    for folder in folders {
        let folder = folder?;
        let is_planned = folder.files.iter().any(|file| file.planned.is_some());
        let is_recorded = folder.provenance_bytes.is_some() || !folder.leftovers.is_empty();
        // A run that is killed before its first file or after its last leaves an empty folder; Git
        // keeps none.
        if is_planned || is_recorded || !folder.conflicts.is_empty() || folder.others.is_empty() {
            scan.folders.push(folder);
        } else {
            scan.others.push(folder.name);
        }
    }
    if *scope == Scope::All {
        let others =
            entries.keys().filter(|name| !is_folder(name) && !planned.contains(name.as_str()));
        scan.others.extend(others.cloned());
        scan.others.sort();
    }
    Ok(scan)
}

/// Scans one folder by itself, wherever it is; `name` is the planned folder. Paths in the result are below
/// it.
pub(super) fn scan_single_folder<'p>(
    path: &Path,
    name: &str,
    plan: &'p Plan,
) -> Result<FolderScan<'p>, Error> {
    let kind = fs::symlink_metadata(path).map_err(Error::io("read", path))?.file_type();
    let mut folder = scan_folder(path, Some(&kind), name, plan)?;
    folder.name = String::new();
    Ok(folder)
}

/// Scans one folder that is planned or exists.
fn scan_folder<'p>(
    path: &Path,
    kind: Option<&FileType>,
    name: &str,
    plan: &'p Plan,
) -> Result<FolderScan<'p>, Error> {
    let planned: BTreeMap<&str, &[u8]> = plan.files(name).collect();
    let mut folder = FolderScan { name: name.to_owned(), ..FolderScan::default() };
    if let Some(kind) = kind.filter(|kind| !kind.is_dir()) {
        let kind = kind_instead_of_folder(*kind);
        folder.conflicts.push(Conflict { path: path.to_owned(), kind });
        return Ok(folder);
    }
    folder.exists = kind.is_some();
    let mut entries = if folder.exists { list_entries(path)? } else { Entries::new() };
    read_provenance(path, entries.remove(provenance::FILE), !planned.is_empty(), &mut folder)?;

    let names: BTreeSet<&str> = planned.keys().copied().chain(folder.recorded.names()).collect();
    for name in names {
        let planned = planned.get(name).map(|&bytes| (bytes, recorded_digest(bytes)));
        let place = path.join(name);
        let bytes = planned.as_ref().map(|(bytes, _)| *bytes);
        let state = file_state(&place, entries.remove(name), bytes, name, &folder.recorded)?;
        folder.files.push(FileScan { name: name.to_owned(), planned, state });
    }
    for (name, kind) in entries {
        let is_temporary =
            name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1) && !kind.is_dir();
        if is_temporary { folder.leftovers.push(name) } else { folder.others.push(name) }
    }
    // An obsolete file is removed before a new one is written; any other stays, and must not be hit.
    let retained = folder.files.iter().filter(|file| file.state == FileState::Retained);
    let staying = folder.others.iter().chain(retained.map(|file| &file.name));
    let in_another_case = case_conflicts(path, staying, &planned.into_keys().collect());
    folder.conflicts.extend(in_another_case);
    Ok(folder)
}

/// Reads `.provenance`. One that this program did not write is a conflict if files are to be written;
/// otherwise it counts as any other file.
fn read_provenance(
    folder: &Path,
    kind: Option<FileType>,
    is_planned: bool,
    scan: &mut FolderScan<'_>,
) -> Result<(), Error> {
    let path = folder.join(provenance::FILE);
    let kind = match kind {
        None => return Ok(()),
        Some(kind) if !kind.is_file() => kind_instead_of_file(kind),
        Some(_) => {
            if let Some(bytes) = read_bounded(&path)?.map(with_unix_line_ends)
                && let Some(recorded) = Provenance::parse(&bytes)
            {
                scan.provenance_bytes = Some(bytes);
                scan.recorded = recorded;
                return Ok(());
            }
            ConflictKind::Foreign
        }
    };
    if is_planned {
        scan.conflicts.push(Conflict { path, kind });
    } else {
        scan.others.push(provenance::FILE.to_owned());
    }
    Ok(())
}

fn file_state(
    path: &Path,
    kind: Option<FileType>,
    planned: Option<&[u8]>,
    name: &str,
    recorded: &Provenance,
) -> Result<FileState, Error> {
    let Some(kind) = kind else {
        return Ok(if planned.is_some() { FileState::Missing } else { FileState::Absent });
    };
    if !kind.is_file() {
        let conflict = FileState::Conflict(kind_instead_of_file(kind));
        return Ok(if planned.is_some() { conflict } else { FileState::Retained });
    }
    let bytes = read_bounded(path)?;
    if planned.is_some() && bytes.as_deref() == planned {
        return Ok(FileState::Same);
    }
    // A clone may have converted the line ends; the rendered bytes have one kind, or those of the policy
    // that they copy.
    let plain = bytes.clone().map(with_unix_line_ends);
    if let (Some(planned), Some(plain)) = (planned, &plain)
        && *plain == with_unix_line_ends(planned.to_vec())
    {
        return Ok(FileState::Same);
    }
    let is_recorded =
        [&bytes, &plain].into_iter().flatten().any(|bytes| recorded.has(name, &Digest::of(bytes)));
    let is_merge = || {
        let text = bytes.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok());
        text.is_some_and(|text| !find_conflicts(text).is_empty())
    };
    Ok(match planned {
        Some(_) if is_recorded => FileState::Stale,
        Some(_) if recorded.has_name(name) && is_merge() => {
            FileState::Conflict(ConflictKind::Merge)
        }
        Some(_) if recorded.has_name(name) => FileState::Conflict(ConflictKind::Edited),
        Some(_) => FileState::Conflict(ConflictKind::Foreign),
        None if is_recorded => FileState::Obsolete,
        None => FileState::Retained,
    })
}

/// The entries that are the same as planned names on a case-insensitive file system.
fn case_conflicts<'a>(
    folder: &Path,
    entries: impl Iterator<Item = &'a String>,
    planned: &BTreeSet<&str>,
) -> Vec<Conflict> {
    let mut others = entries.filter(|entry| !planned.contains(entry.as_str())).peekable();
    if others.peek().is_none() {
        return Vec::new();
    }
    let lower: HashSet<String> = planned.iter().map(|name| name.to_lowercase()).collect();
    others
        .filter(|entry| lower.contains(&entry.to_lowercase()))
        .map(|entry| Conflict { path: folder.join(entry), kind: ConflictKind::OnlyCase })
        .collect()
}

fn kind_instead_of_file(kind: FileType) -> ConflictKind {
    if kind.is_symlink() {
        ConflictKind::Link
    } else if kind.is_dir() {
        ConflictKind::Folder
    } else {
        ConflictKind::Special
    }
}

fn kind_instead_of_folder(kind: FileType) -> ConflictKind {
    if kind.is_file() { ConflictKind::File } else { kind_instead_of_file(kind) }
}

/// A folder's entries; empty for a folder that does not exist.
fn list_entries(folder: &Path) -> Result<Entries, Error> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(name_and_kind).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Entries::new()),
        Err(error) => Err(error),
    }
    .map_err(Error::io("list", folder))
}

fn name_and_kind(entry: io::Result<fs::DirEntry>) -> io::Result<(String, FileType)> {
    let entry = entry?;
    Ok((entry.file_name().to_string_lossy().into_owned(), entry.file_type()?))
}

/// The hash of a file as Git stores it: that of a copied policy must not depend on how a clone converts the policy.
fn recorded_digest(bytes: &[u8]) -> Digest {
    match bytes.contains(&b'\r') {
        true => Digest::of(&with_unix_line_ends(bytes.to_vec())),
        false => Digest::of(bytes),
    }
}

/// A text with the line ends of Unix, as Git stores it whatever `core.autocrlf` says.
pub(super) fn with_unix_line_ends(bytes: Vec<u8>) -> Vec<u8> {
    if !bytes.windows(2).any(|pair| pair == b"\r\n") {
        return bytes;
    }
    let is_kept = |at: usize| bytes[at] != b'\r' || bytes.get(at + 1) != Some(&b'\n');
    (0..bytes.len()).filter(|at| is_kept(*at)).map(|at| bytes[at]).collect()
}

/// A file's bytes; `None` if it has more than any file of this program could have.
fn read_bounded(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    File::open(path)
        .and_then(|file| {
            let size = file.metadata()?.len();
            read_at_most(file, size, MAX_FILE_BYTES)
        })
        .map_err(Error::io("read", path))
}
