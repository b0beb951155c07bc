//! What `render --check` lists: how the tree differs from the plan.

use std::fmt;
use std::path::{Path, PathBuf};

use super::error::{Blocker, Error, Obstacle};
use super::lock::{Hold, lock};
use super::survey::{FolderSurvey, State, root, survey};
use super::{Plan, Scope, provenance};

/// One way in which the tree differs from the plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Which file or folder, below the tree.
    pub path: PathBuf,
    /// How it differs.
    pub kind: Kind,
}

/// How a file differs from the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Rendered, and not there.
    Missing,
    /// Rendered, and there are older bytes of ours.
    Stale,
    /// Ours, and edited since.
    HandEdited,
    /// Ours, and no longer rendered.
    Obsolete,
    /// Not ours: a controller that syncs the folder may read it all the same.
    Foreign,
    /// A temporary file of a run that was killed.
    Leftover,
    /// In the way of what is rendered, and never overwritten.
    InTheWay(Blocker),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Missing => "missing",
            Kind::Stale => "stale",
            Kind::HandEdited => "hand-edited",
            Kind::Obsolete => "obsolete",
            Kind::Foreign => "foreign",
            Kind::Leftover => "left over",
            Kind::InTheWay(_) => "in the way",
        })
    }
}

impl From<Blocker> for Kind {
    fn from(blocker: Blocker) -> Self {
        match blocker {
            Blocker::Foreign => Kind::Foreign,
            Blocker::Edited => Kind::HandEdited,
            other => Kind::InTheWay(other),
        }
    }
}

/// Every difference between the plan and a tree, by path; none where `write` would leave
/// every file as it is and there are no others. Writes nothing.
///
/// Hidden files that are no manifests (`.gitattributes`) are not counted as foreign, and empty
/// folders, which Git does not keep, are not counted at all.
///
/// # Errors
/// The tree can't be read, or is itself a link or a file.
pub fn compare(out: &Path, plan: &Plan, scope: &Scope) -> Result<Vec<Difference>, Error> {
    let out = root(out)?;
    let _lock = lock(&out, Hold::Read)?;
    let survey = survey(&out, plan, scope)?;
    let mut all: Vec<Difference> =
        survey.folders.iter().flat_map(|folder| differences(&out, folder)).collect();
    all.extend(survey.blocked.iter().map(|obstacle| in_the_way(&out, obstacle)));
    all.extend(noticed(&survey.others).map(|name| difference(Path::new(name), Kind::Foreign)));
    all.sort();
    Ok(all)
}

fn differences(out: &Path, folder: &FolderSurvey<'_>) -> Vec<Difference> {
    let base = Path::new(&folder.name);
    let below = |name: &str, kind: Kind| difference(&base.join(name), kind);
    let mut found: Vec<Difference> =
        folder.blocked.iter().map(|obstacle| in_the_way(out, obstacle)).collect();
    found.extend(folder.files.iter().filter_map(|file| Some(below(&file.name, kind(file.state)?))));
    found.extend(folder.leftovers.iter().map(|name| below(name, Kind::Leftover)));
    found.extend(noticed(&folder.others).map(|name| below(name, Kind::Foreign)));

    let settled = folder.settled();
    let is_blocked = folder.blocked.iter().any(|at| at.path.ends_with(provenance::FILE));
    let record = match &folder.record {
        Some(_) if settled.is_empty() => Some(Kind::Obsolete),
        Some(record) if *record != settled.text().as_bytes() => Some(Kind::Stale),
        None if !settled.is_empty() && !is_blocked => Some(Kind::Missing),
        _ => None,
    };
    found.extend(record.map(|kind| below(provenance::FILE, kind)));
    found
}

fn kind(state: State) -> Option<Kind> {
    match state {
        State::Same | State::Gone => None,
        State::Missing => Some(Kind::Missing),
        State::Stale => Some(Kind::Stale),
        State::Blocked(blocker) => Some(blocker.into()),
        State::Obsolete => Some(Kind::Obsolete),
        State::Kept => Some(Kind::HandEdited),
    }
}

fn in_the_way(out: &Path, obstacle: &Obstacle) -> Difference {
    let path = obstacle.path.strip_prefix(out).unwrap_or(&obstacle.path);
    difference(path, obstacle.blocker.into())
}

fn difference(path: &Path, kind: Kind) -> Difference {
    Difference { path: path.to_owned(), kind }
}

/// The entries that a controller would read or a person wonder about.
fn noticed(names: &[String]) -> impl Iterator<Item = &String> {
    let is_manifest = |name: &str| [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end));
    names.iter().filter(move |name| !name.starts_with('.') || is_manifest(name))
}
