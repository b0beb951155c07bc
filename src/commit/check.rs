//! The checks before a commit: the inputs are HEAD's, and nobody's work in `rendered/` is lost. What
//! `render` wrote there is nobody's work.

use std::fs;

use super::create::{CommitRequest, below_output, read_blobs};
use super::error::CommitError;
use crate::git::{Git, IGNORE_SUBMODULES};
use crate::project::write::{self, Plan};

/// The list of changed and untracked files, each apart.
const STATUS: [&str; 6] =
    ["status", "--porcelain=v1", "-z", "--no-renames", IGNORE_SUBMODULES, "--untracked-files=all"];

/// Checks that HEAD has the inputs as they were read, so that the commit's trailer is right. Ignored
/// files are checked too, since rendering reads them.
pub(super) fn refuse_uncommitted(git: &Git, inputs: &[String]) -> Result<(), CommitError> {
    let status = [&STATUS[..], &["--ignored=matching", "--"]].concat();
    let mut paths: Vec<String> = git
        .run_split(&with_paths(&status, inputs))?
        .iter()
        .filter_map(|entry| entry.get(3..))
        .map(str::to_owned)
        .collect();
    // Hidden files, like an editor's locks, are not read.
    paths.retain(|path| !path.rsplit('/').next().is_some_and(|name| name.starts_with('.')));
    // A sparse checkout hides files from `status`; they would be missing in rendered/.
    let list = ["ls-files", "-z", "-t", "--cached", "--"];
    let entries = git.run_split(&with_paths(&list, inputs))?;
    paths.extend(entries.iter().filter_map(|entry| entry.strip_prefix("S ")).map(str::to_owned));
    if paths.is_empty() { Ok(()) } else { Err(CommitError::Uncommitted(paths)) }
}

fn with_paths<'a>(args: &[&'a str], paths: &'a [String]) -> Vec<&'a str> {
    args.iter().copied().chain(paths.iter().map(String::as_str)).collect()
}

/// The state of a changed file in `rendered/`.
enum EntryState {
    /// It can be overwritten: the disk has HEAD's or the planned contents, an earlier render, or no file,
    /// and nothing else is staged.
    Replaceable,
    /// The same, but the index has contents that must be the planned ones.
    Staged,
    /// It has somebody's own changes.
    Foreign,
}

/// Checks that every file in `rendered/`, on the disk and in the index, is HEAD's or as planned.
pub(super) fn refuse_foreign(
    request: &CommitRequest<'_>,
    git: &Git,
    plan: &Plan,
) -> Result<(), CommitError> {
    let planned = plan.paths();
    let prefix = git.run_line(&["rev-parse", "--show-prefix"])?;
    let status = [&STATUS[..], &["--", request.out]].concat();
    let mut foreign = Vec::new();
    let mut staged = Vec::new();
    for entry in git.run_split(&status)? {
        let (&[index, work_tree, _, ..], Some(path)) = (entry.as_bytes(), entry.get(3..)) else {
            continue;
        };
        let path = path.strip_prefix(&prefix).unwrap_or(path);
        let name = below_output(request, path);
        if is_writers_own(name) {
            continue;
        }
        let planned = planned.get(name).copied();
        match entry_state(request, git, [index, work_tree], path, planned) {
            EntryState::Replaceable => {}
            EntryState::Staged => staged.push((path.to_owned(), planned)),
            EntryState::Foreign => foreign.push(path.to_owned()),
        }
    }
    let names: Vec<String> = staged.iter().map(|(path, _)| format!(":./{path}")).collect();
    for ((path, planned), blob) in staged.into_iter().zip(read_blobs(git, &names)?) {
        if planned.is_none() || blob.as_deref() != planned {
            foreign.push(path);
        }
    }
    if foreign.is_empty() { Ok(()) } else { Err(CommitError::Foreign(foreign)) }
}

/// The state of a file by its two status letters (`git status --porcelain`).
fn entry_state(
    request: &CommitRequest<'_>,
    git: &Git,
    letters: [u8; 2],
    path: &str,
    planned: Option<&[u8]>,
) -> EntryState {
    let is_staged = match letters {
        // A merge conflict.
        [b'U', _] | [_, b'U'] | [b'A', b'A'] | [b'D', b'D'] => return EntryState::Foreign,
        [b' ' | b'?' | b'D', _] => false,
        _ => true,
    };
    let file = request.root.join(path);
    let is_untracked = letters[0] == b'?';
    let is_replaceable = fs::symlink_metadata(&file).is_err()
        || planned.is_some_and(|bytes| fs::read(&file).is_ok_and(|found| found == bytes))
        // An earlier render of other values, which nobody edited.
        || write::is_own_output(&file)
        // Staged, then restored on the disk: only the index has another version.
        || (!is_untracked && matches_head(git, path));
    match (is_replaceable, is_staged) {
        (false, _) => EntryState::Foreign,
        (true, true) => EntryState::Staged,
        (true, false) => EntryState::Replaceable,
    }
}

/// Returns true for the files that the writer keeps in a folder for itself.
pub(super) fn is_writers_own(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name == ".provenance" || (name.starts_with(".tts-render-") && name.ends_with(".tmp"))
}

/// Returns true if a file on the disk equals HEAD's.
fn matches_head(git: &Git, path: &str) -> bool {
    let args = ["diff-index", "--quiet", IGNORE_SUBMODULES, "HEAD", "--", path];
    matches!(git.ask(&args), Ok(Some(_)))
}
