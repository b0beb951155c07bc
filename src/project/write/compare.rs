//! The differences between the tree and the plan: the list of `render --check`.

use std::fmt;
use std::path::{Path, PathBuf};

use super::error::{Conflict, ConflictKind, Error};
use super::lock::{LockMode, lock};
use super::scan::{FileState, FolderScan, checked_root, scan_tree};
use super::{Plan, Scope, provenance};

/// One way in which the tree differs from the plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The file or folder, below the tree.
    pub path: PathBuf,
    /// The kind of the difference.
    pub kind: DifferenceKind,
}

/// The kind of a [`Difference`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// Rendered, but does not exist.
    Missing,
    /// Rendered, but exists with older bytes that this program wrote.
    Stale,
    /// Written by this program and edited since.
    HandEdited,
    /// Written by this program, and no longer rendered.
    Obsolete,
    /// Not written by this program; a controller that syncs the folder may read it all the same.
    Foreign,
    /// A temporary file of a run that was killed.
    Leftover,
    /// In the way of a rendered file, and never overwritten.
    InTheWay(ConflictKind),
}

impl fmt::Display for DifferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DifferenceKind::Missing => "missing",
            DifferenceKind::Stale => "stale",
            DifferenceKind::HandEdited => "hand-edited",
            DifferenceKind::Obsolete => "obsolete",
            DifferenceKind::Foreign => "foreign",
            DifferenceKind::Leftover => "left over",
            DifferenceKind::InTheWay(_) => "in the way",
        })
    }
}

impl From<ConflictKind> for DifferenceKind {
    fn from(kind: ConflictKind) -> Self {
        match kind {
            ConflictKind::Foreign => DifferenceKind::Foreign,
            ConflictKind::Edited | ConflictKind::Merge => DifferenceKind::HandEdited,
            other => DifferenceKind::InTheWay(other),
        }
    }
}

/// Returns every difference between the plan and a tree, by path. The list is empty if
/// [`write_tree`](super::write_tree) would leave every file as it is and there are no other files.
/// Writes nothing.
///
/// Hidden files that are not manifests (`.gitattributes`) do not count as foreign, and empty folders,
/// which Git does not keep, do not count at all.
///
/// # Errors
/// The tree can't be read, or is itself a link or a file.
pub fn find_differences(out: &Path, plan: &Plan, scope: &Scope) -> Result<Vec<Difference>, Error> {
    let out = checked_root(out)?;
    let _lock = lock(&out, LockMode::Read)?;
    let scan = scan_tree(&out, plan, scope)?;
    let mut all: Vec<Difference> =
        scan.folders.iter().flat_map(|folder| folder_differences(&out, folder)).collect();
    all.extend(scan.conflicts.iter().map(|conflict| conflict_difference(&out, conflict)));
    all.extend(
        noticeable(&scan.others).map(|name| difference(Path::new(name), DifferenceKind::Foreign)),
    );
    all.sort();
    Ok(all)
}

fn folder_differences(out: &Path, folder: &FolderScan<'_>) -> Vec<Difference> {
    let base = Path::new(&folder.name);
    let mut differences: Vec<Difference> =
        folder.conflicts.iter().map(|conflict| conflict_difference(out, conflict)).collect();
    let mut kinds: Vec<(&str, DifferenceKind)> = Vec::new();
    for file in &folder.files {
        kinds.extend(difference_kind(file.state).map(|kind| (file.name.as_str(), kind)));
    }
    kinds.extend(folder.leftovers.iter().map(|name| (name.as_str(), DifferenceKind::Leftover)));
    kinds.extend(noticeable(&folder.others).map(|name| (name.as_str(), DifferenceKind::Foreign)));

    differences.extend(kinds.into_iter().map(|(name, kind)| difference(&base.join(name), kind)));
    differences.extend(provenance_difference(folder));
    differences
}

/// The difference of a folder's `.provenance`.
pub(super) fn provenance_difference(folder: &FolderScan<'_>) -> Option<Difference> {
    let target = folder.target_provenance();
    let is_blocked = folder.conflicts.iter().any(|at| at.path.ends_with(provenance::FILE));
    let kind = match &folder.provenance_bytes {
        Some(_) if target.is_empty() => DifferenceKind::Obsolete,
        Some(bytes) if *bytes != target.to_text().as_bytes() => DifferenceKind::Stale,
        None if !target.is_empty() && !is_blocked => DifferenceKind::Missing,
        _ => return None,
    };
    Some(difference(&Path::new(&folder.name).join(provenance::FILE), kind))
}

fn difference_kind(state: FileState) -> Option<DifferenceKind> {
    match state {
        FileState::Same | FileState::Absent | FileState::Left => None,
        FileState::Missing => Some(DifferenceKind::Missing),
        FileState::Stale => Some(DifferenceKind::Stale),
        FileState::Conflict(kind) => Some(kind.into()),
        FileState::Obsolete => Some(DifferenceKind::Obsolete),
        FileState::Retained => Some(DifferenceKind::HandEdited),
    }
}

fn conflict_difference(out: &Path, conflict: &Conflict) -> Difference {
    let path = conflict.path.strip_prefix(out).unwrap_or(&conflict.path);
    difference(path, conflict.kind.into())
}

fn difference(path: &Path, kind: DifferenceKind) -> Difference {
    Difference { path: path.to_owned(), kind }
}

/// The entries that a controller would read or a person would wonder about.
fn noticeable(names: &[String]) -> impl Iterator<Item = &String> {
    names.iter().filter(|name| !name.starts_with('.') || is_manifest_name(name))
}

fn is_manifest_name(name: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end))
}
