//! Renders from the values at HEAD, and commits `rendered/` alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::check::{is_writers_own, refuse_foreign, refuse_uncommitted};
use super::error::CommitError;
use super::message::{Change, Changes, Verb};
use super::push;
use crate::git::{Git, GitError, Purpose};
use crate::project::write::{self, Force, Plan, Scope};
use kube_validate::ObjectId;
use yaml_spans::diagnostic::Diagnostics;
use yaml_spans::source::{Source, Sources};
use yaml_spans::{self, Dialect};

/// The contents that `rendered/` should have.
#[derive(Debug)]
pub struct Content {
    /// Every file.
    pub plan: Plan,
    /// The object in each file, by the file's path below `rendered/`.
    pub objects: BTreeMap<String, String>,
    /// The files that were read, as pathspecs of Git from the project's root. HEAD must have them as
    /// they are on the disk.
    pub inputs: Vec<String>,
}

/// The commit to make.
pub struct CommitRequest<'a> {
    /// The project's root: a folder of the work tree.
    pub root: &'a Path,
    /// The folder to commit, relative to the root.
    pub out: &'a str,
    /// This program and its version, for the trailer.
    pub tool: &'a str,
    /// The first line of the message, in which `{summary}` stands for the default.
    pub subject: Option<&'a str>,
    /// Pushes the branch, too.
    pub push: bool,
    /// Renders. Called again after each time that the upstream moved.
    pub render: &'a dyn Fn() -> Result<Content, Diagnostics>,
    /// Describes the effects on the cluster, compared with HEAD, a line each, for the message. Called before
    /// each commit.
    pub describe: &'a dyn Fn() -> Vec<String>,
}

/// A commit that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Its id.
    pub id: String,
    /// Its first line.
    pub subject: String,
    /// Its changes.
    pub changes: Changes,
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The commit; none if `rendered/` at HEAD is up to date.
    pub committed: Option<Committed>,
    /// The branch that was pushed to: `origin/main`.
    pub pushed: Option<String>,
    /// The folder of the work tree with hooks, which were not run.
    pub skipped_hooks: Option<PathBuf>,
}

/// Renders and commits `rendered/` alone; other entries of the index stay as they are. On request,
/// pushes the commit, and makes it again if the upstream moved first.
///
/// # Errors
/// [`CommitError`]; unless the variant says otherwise, no commit was made.
pub fn create_commit(request: &CommitRequest<'_>) -> Result<Outcome, CommitError> {
    let git = open_repository(request)?;
    let branch = current_branch(&git)?;
    let skipped_hooks = git.skipped_hooks().map(Path::to_owned);
    let (committed, pushed) = match request.push {
        true => push::commit_and_push(request, git, &branch)?,
        false => (commit_once(request, &git)?, None),
    };
    Ok(Outcome { committed, pushed, skipped_hooks })
}

/// Opens the repository around the project.
pub(super) fn open_repository(request: &CommitRequest<'_>) -> Result<Git, CommitError> {
    Git::open(request.root, Purpose::Commit).map_err(|error| match error {
        GitError::NoRepository { folder } => CommitError::NoRepository(folder),
        error => error.into(),
    })
}

/// The branch that the commit will be on.
fn current_branch(git: &Git) -> Result<String, CommitError> {
    if git.ask(&["rev-parse", "-q", "--verify", "HEAD^{commit}"])?.is_none() {
        return Err(CommitError::Unborn);
    }
    for (head, operation) in
        [("MERGE_HEAD", "merge"), ("CHERRY_PICK_HEAD", "cherry-pick"), ("REVERT_HEAD", "revert")]
    {
        if git.ask(&["rev-parse", "-q", "--verify", head])?.is_some() {
            return Err(CommitError::InProgress(operation));
        }
    }
    git.ask(&["symbolic-ref", "-q", "--short", "HEAD"])?.ok_or(CommitError::Detached)
}

/// Makes one commit on top of HEAD, if one is needed.
pub(super) fn commit_once(
    request: &CommitRequest<'_>,
    git: &Git,
) -> Result<Option<Committed>, CommitError> {
    // A filter would change what was rendered, and an attribute of the repository selects it.
    let git = &git.without_filters();
    let content = (request.render)()?;
    refuse_uncommitted(git, &content.inputs)?;
    refuse_foreign(request, git, &content.plan)?;
    let source = git.run_line(&["rev-parse", "HEAD"])?;
    // The lock is held until the commit is made: Git reads the files again then, and they must not be
    // those of another run.
    let out = request.root.join(request.out);
    let (_, _lock) = write::write_locked(&out, &content.plan, &Scope::All, Force::No)?;
    git.run(&["add", "--all", "--", request.out])?;
    let diff = [
        "diff-index",
        "--cached",
        "--raw",
        "-z",
        "--no-renames",
        "--no-abbrev",
        "--relative",
        "HEAD",
        "--",
        request.out,
    ];
    let staged = git.run_split(&diff)?;
    if staged.is_empty() {
        return Ok(None);
    }
    refuse_converted(request, git, &content.plan, &staged)?;
    let changes = staged_changes(request, git, &content, &staged)?;
    let summary = changes.summary(request.tool);
    let subject = match request.subject {
        Some(template) => template.replace(SUMMARY, &lower_case_start(&summary)),
        None => summary,
    };
    let message = changes.message(&subject, &source, request.tool, &(request.describe)());
    // Only these paths are committed, whatever else is staged; with the user's hooks, signing and
    // identity.
    let commit =
        ["commit", "--quiet", "--only", "--file=-", "--cleanup=whitespace", "--", request.out];
    git.run_with(&commit, message.as_bytes())?;
    let id = git.run_line(&["rev-parse", "HEAD"])?;
    refuse_rewritten(request, git, &source, &staged)?;
    Ok(Some(Committed { id, subject, changes }))
}

/// The placeholder of a subject.
const SUMMARY: &str = "{summary}";

/// The text with its first letter in lower case.
fn lower_case_start(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

/// Checks that Git has the bytes that were rendered. An attribute of the repository can convert them.
fn refuse_converted(
    request: &CommitRequest<'_>,
    git: &Git,
    plan: &Plan,
    staged: &[String],
) -> Result<(), CommitError> {
    let planned = plan.paths();
    let files = staged.chunks_exact(2).filter_map(|pair| {
        let blob = pair[0].split(' ').nth(3)?;
        let bytes = planned.get(below_output(request, &pair[1]))?;
        Some((&pair[1], blob.to_owned(), *bytes))
    });
    let files: Vec<_> = files.collect();
    let names: Vec<String> = files.iter().map(|(_, blob, _)| blob.clone()).collect();
    let converted = files
        .iter()
        .zip(read_blobs(git, &names)?)
        .filter(|((_, _, bytes), blob)| blob.as_deref() != Some(*bytes))
        .map(|((path, _, _), _)| (*path).clone());
    let converted: Vec<String> = converted.collect();
    if converted.is_empty() { Ok(()) } else { Err(CommitError::Converted(converted)) }
}

/// Checks that the commit has the files as they were staged. A hook can change and stage them once more.
fn refuse_rewritten(
    request: &CommitRequest<'_>,
    git: &Git,
    source: &str,
    staged: &[String],
) -> Result<(), CommitError> {
    let diff = [
        "diff-tree",
        "-r",
        "--raw",
        "-z",
        "--no-renames",
        "--no-abbrev",
        "--relative",
        source,
        "HEAD",
        "--",
        request.out,
    ];
    let committed = git.run_split(&diff)?;
    let entries = |raw: &[String]| -> BTreeSet<(String, String)> {
        raw.chunks_exact(2).map(|pair| (pair[1].clone(), pair[0].clone())).collect()
    };
    let (staged, committed) = (entries(staged), entries(&committed));
    let paths: BTreeSet<String> =
        staged.symmetric_difference(&committed).map(|(path, _)| path.clone()).collect();
    match paths.is_empty() {
        true => Ok(()),
        false => Err(CommitError::Rewritten(paths.into_iter().collect())),
    }
}

/// The path of a file below the committed folder.
pub(super) fn below_output<'p>(request: &CommitRequest<'_>, path: &'p str) -> &'p str {
    path.strip_prefix(request.out).and_then(|path| path.strip_prefix('/')).unwrap_or(path)
}

/// Reads the output of `git diff-index --raw -z` as changes of objects.
fn staged_changes(
    request: &CommitRequest<'_>,
    git: &Git,
    content: &Content,
    raw: &[String],
) -> Result<Changes, GitError> {
    let mut objects = Vec::new();
    let mut removed = Vec::new();
    for pair in raw.chunks_exact(2) {
        let (meta, path) = (&pair[0], &pair[1]);
        let name = below_output(request, path);
        if is_writers_own(name) {
            continue;
        }
        let folder = name.split('/').next().unwrap_or(name).to_owned();
        let object = content.objects.get(name).cloned().unwrap_or_else(|| path.clone());
        let verb = match meta.as_bytes().last() {
            Some(b'A') => Verb::Add,
            Some(b'D') => Verb::Remove,
            _ => Verb::Change,
        };
        if verb == Verb::Remove {
            let old_blob = meta.split(' ').nth(2).unwrap_or("").to_owned();
            removed.push((objects.len(), old_blob));
        }
        objects.push(Change { folder, verb, object });
    }
    let names: Vec<String> = removed.iter().map(|(_, blob)| blob.clone()).collect();
    for ((at, _), blob) in removed.iter().zip(read_blobs(git, &names)?) {
        if let Some(name) = blob.as_deref().and_then(object_name) {
            objects[*at].object = name;
        }
    }
    objects.sort();
    Ok(Changes { objects })
}

/// The name of the object in a file that was removed: `Deployment tts/server`.
fn object_name(bytes: &[u8]) -> Option<String> {
    let mut sources = Sources::new();
    let id = sources.add(Source::written("HEAD", std::str::from_utf8(bytes).ok()?));
    let node = yaml_spans::parse(&sources, id, Dialect::Strict).ok()?.pop()?;
    let name = ObjectId::read(&node).ok()?.to_string();
    (!name.chars().any(char::is_control)).then_some(name)
}

/// Reads blobs by their names (any that Git accepts) in one run; none for a blob that does not exist.
pub(super) fn read_blobs(git: &Git, names: &[String]) -> Result<Vec<Option<Vec<u8>>>, GitError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut input = String::new();
    for name in names {
        // A name with a line break would be two requests.
        input.push_str(if name.contains('\n') { "-" } else { name });
        input.push('\n');
    }
    let out = git.run_with(&["cat-file", "--batch"], input.as_bytes())?;
    let mut rest = out.as_slice();
    let mut found = Vec::with_capacity(names.len());
    for _ in names {
        let end = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = rest.get(end + 1..).unwrap_or_default();
        let size = head.rsplit_once(" blob ").and_then(|(_, size)| size.parse::<usize>().ok());
        let contents = size.and_then(|size| rest.get(..size));
        found.push(contents.map(<[u8]>::to_vec));
        if let Some(size) = size {
            rest = rest.get(size + 1..).unwrap_or_default();
        }
    }
    Ok(found)
}
