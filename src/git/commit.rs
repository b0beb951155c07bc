//! From the values at HEAD to a commit of `rendered/` alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::message::{Change, Changes, Verb};
use super::push;
use super::run::{Git, GitError};
use crate::project::write::{self, Force, Plan, Scope};
use kube_validate::ObjectId;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::{Source, Sources};
use yaml_spans::{self, Dialect};

/// What `rendered/` should hold.
#[derive(Debug)]
pub struct Content {
    /// Every file.
    pub plan: Plan,
    /// The object in each file, by the file's path below `rendered/`.
    pub objects: BTreeMap<String, String>,
    /// The files that were read, as pathspecs of Git from the project's root: what HEAD must hold
    /// as it lies on the disk.
    pub inputs: Vec<String>,
}

/// What is to be done.
pub struct Job<'a> {
    /// The project's root: a folder of the work tree.
    pub root: &'a Path,
    /// The folder that is committed, from there.
    pub out: &'a str,
    /// This program and its version, as the trailer has it.
    pub tool: &'a str,
    /// Whether the branch is pushed.
    pub push: bool,
    /// Renders: again after every catching up with what others pushed.
    pub render: &'a dyn Fn() -> Result<Content, Diagnostics>,
}

/// A commit that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Its name.
    pub id: String,
    /// Its first line.
    pub subject: String,
    /// What it does.
    pub changes: Changes,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The commit; none where `rendered/` at HEAD is what the values say.
    pub committed: Option<Committed>,
    /// Where the branch was pushed: `origin/main`.
    pub pushed: Option<String>,
}

/// Why there is no commit.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Rendering fails.
    #[error(transparent)]
    Render(#[from] Diagnostics),
    /// `git` fails, or a hook says no.
    #[error(transparent)]
    Git(#[from] GitError),
    /// `rendered/` can't be written.
    #[error(transparent)]
    Write(#[from] write::Error),
    /// No repository.
    #[error("{0} is in no Git work tree")]
    NoRepository(String),
    /// No commit yet.
    #[error("there is no commit yet that the values could be of")]
    Unborn,
    /// No branch.
    #[error("HEAD is detached: a commit here would be on no branch")]
    Detached,
    /// A merge, cherry-pick or revert waits for its commit.
    #[error("a {0} is under way: Git makes no commit of a part of it")]
    UnderWay(&'static str),
    /// The trailer would name a commit that does not have these values.
    #[error("{} not as HEAD has {}: {}", if .0.len() == 1 { "a file is" } else { "files are" }, if .0.len() == 1 { "it" } else { "them" }, named(.0))]
    Uncommitted(Vec<String>),
    /// Somebody's work in `rendered/` would be lost, or committed under our name.
    #[error("{} neither what HEAD has nor what is rendered: {}", if .0.len() == 1 { "a file is" } else { "files are" }, named(.0))]
    Foreign(Vec<String>),
    /// The branch follows no other.
    #[error("the branch `{0}` has no upstream to push to")]
    NoUpstream(String),
    /// Others pushed what does not go together with what is here.
    #[error("somebody pushed to {0} first, and the commits here don't follow: {1}")]
    Diverged(String, String),
    /// Others were always faster.
    #[error("somebody pushed to {0} first, {1} times in a row")]
    Outrun(String, usize),
    /// The commit is made and stays; the push failed for another reason than a race.
    #[error("the commit is made, but it can't be pushed: {0}")]
    NotPushed(GitError),
}

impl CommitError {
    /// For a person, with what to do.
    pub fn diagnose(self) -> Diagnostics {
        let note: Option<String> = match &self {
            CommitError::Render(_) | CommitError::Git(_) | CommitError::Write(_) => None,
            CommitError::NoRepository(_) => Some("`git init`, commit the values, then run this again".to_owned()),
            CommitError::Unborn => Some("commit the values first: `git add values && git commit`".to_owned()),
            CommitError::Detached => Some("`git switch BRANCH` first, or `git switch -c NEW`".to_owned()),
            CommitError::UnderWay(what) => Some(format!("end it first: `git {what} --continue` or `git {what} --abort`")),
            CommitError::Uncommitted(_) => Some("commit them first (`git status` shows them): the commit names the one that it was rendered from".to_owned()),
            CommitError::Foreign(_) => Some("`tts-render render --check` says what is wrong with them; `git restore --staged --worktree rendered` drops them".to_owned()),
            CommitError::NoUpstream(branch) => Some(format!("`git push -u origin {branch}` once")),
            CommitError::Diverged(..) => Some("`git pull --rebase`, then run this again".to_owned()),
            CommitError::Outrun(..) => Some("run this again".to_owned()),
            CommitError::NotPushed(_) => Some("`git push` when that is mended".to_owned()),
        };
        match self {
            CommitError::Render(diagnostics) => diagnostics,
            CommitError::Write(error) => error.into(),
            error => {
                let mut diagnostic = Diagnostic::new(error.to_string());
                diagnostic.notes.extend(note);
                diagnostic.into()
            }
        }
    }
}

fn named(paths: &[String]) -> String {
    const MOST: usize = 5;
    let mut text = paths.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    if paths.len() > MOST {
        text.push_str(&format!(" and {} more", paths.len() - MOST));
    }
    text
}

/// Renders and commits `rendered/` alone; other entries of the index stay as they are. Pushes, where
/// that is asked for, and does it again on top of what others pushed first.
///
/// # Errors
/// [`CommitError`]: where nothing is said of it, nothing was committed.
pub fn commit(job: &Job<'_>) -> Result<Outcome, CommitError> {
    let git = Git::new(job.root);
    let branch = branch(&git, job.root)?;
    if job.push {
        return push::commit_and_push(job, &git, &branch);
    }
    Ok(Outcome { committed: commit_once(job, &git)?, pushed: None })
}

/// The branch that a commit would go to.
fn branch(git: &Git, root: &Path) -> Result<String, CommitError> {
    if git.ask(&["rev-parse", "--is-inside-work-tree"])?.as_deref() != Some("true") {
        return Err(CommitError::NoRepository(root.display().to_string()));
    }
    if git.ask(&["rev-parse", "-q", "--verify", "HEAD^{commit}"])?.is_none() {
        return Err(CommitError::Unborn);
    }
    for (head, what) in
        [("MERGE_HEAD", "merge"), ("CHERRY_PICK_HEAD", "cherry-pick"), ("REVERT_HEAD", "revert")]
    {
        if git.ask(&["rev-parse", "-q", "--verify", head])?.is_some() {
            return Err(CommitError::UnderWay(what));
        }
    }
    git.ask(&["symbolic-ref", "-q", "--short", "HEAD"])?.ok_or(CommitError::Detached)
}

/// One commit on top of HEAD, if one is needed.
pub(super) fn commit_once(job: &Job<'_>, git: &Git) -> Result<Option<Committed>, CommitError> {
    let content = (job.render)()?;
    refuse_uncommitted(git, &content.inputs)?;
    refuse_foreign(job, git, &content.plan)?;
    let source = git.line(&["rev-parse", "HEAD"])?;
    // Held until the commit is made: Git reads the files again then, and another run's are not what
    // the trailer says.
    let out = job.root.join(job.out);
    let (_, _guard) = write::write_locked(&out, &content.plan, &Scope::All, Force::No)?;
    git.run(&["add", "--all", "--", job.out])?;
    let raw = [
        "diff-index",
        "--cached",
        "--raw",
        "-z",
        "--no-renames",
        "--no-abbrev",
        "--relative",
        "HEAD",
        "--",
        job.out,
    ];
    let staged = git.parts(&raw)?;
    if staged.is_empty() {
        return Ok(None);
    }
    let changes = changes(job, git, &content, &staged)?;
    let message = changes.message(&source, job.tool);
    // Of these paths alone, whatever else is staged; with the user's hooks, signing and identity.
    let commit = ["commit", "--quiet", "--only", "--file=-", "--cleanup=whitespace", "--", job.out];
    git.run_with(&commit, message.as_bytes())?;
    let id = git.line(&["rev-parse", "HEAD"])?;
    Ok(Some(Committed { id, subject: changes.subject(job.tool), changes }))
}

/// HEAD must hold what was read, or the trailer lies. Ignored files count: they are read all the
/// same.
fn refuse_uncommitted(git: &Git, inputs: &[String]) -> Result<(), CommitError> {
    let status = [
        "status",
        "--porcelain=v1",
        "-z",
        "--no-renames",
        "--untracked-files=all",
        "--ignored=matching",
        "--",
    ];
    let args: Vec<&str> = status.into_iter().chain(inputs.iter().map(String::as_str)).collect();
    let is_hidden =
        |path: &String| path.rsplit('/').next().is_some_and(|name| name.starts_with('.'));
    let entries = git.parts(&args)?;
    let mut paths: Vec<String> =
        entries.iter().filter_map(|entry| entry.get(3..)).map(str::to_owned).collect();
    // Hidden ones (an editor's locks) are not read.
    paths.retain(|path| !is_hidden(path));
    // What a sparse checkout left out is not seen by `status`, and would be missing in rendered/.
    let list = ["ls-files", "-z", "-t", "--cached", "--"];
    let args: Vec<&str> = list.into_iter().chain(inputs.iter().map(String::as_str)).collect();
    let skipped = git.parts(&args)?;
    paths.extend(skipped.iter().filter_map(|entry| entry.strip_prefix("S ")).map(str::to_owned));
    if paths.is_empty() { Ok(()) } else { Err(CommitError::Uncommitted(paths)) }
}

/// Whatever lies in `rendered/`, on the disk or in the index, must be HEAD's or a fresh render's.
fn refuse_foreign(job: &Job<'_>, git: &Git, plan: &Plan) -> Result<(), CommitError> {
    let planned: BTreeMap<String, &[u8]> = plan
        .folders()
        .flat_map(|folder| {
            plan.files(folder).map(move |(name, bytes)| (format!("{folder}/{name}"), bytes))
        })
        .collect();
    let prefix = git.line(&["rev-parse", "--show-prefix"])?;
    let status =
        ["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--", job.out];
    let mut foreign = Vec::new();
    let mut staged = Vec::new();
    for entry in git.parts(&status)? {
        let (Some(code), Some(path)) = (entry.get(..2), entry.get(3..)) else { continue };
        let path = path.strip_prefix(&prefix).unwrap_or(path);
        let below =
            path.strip_prefix(job.out).and_then(|path| path.strip_prefix('/')).unwrap_or(path);
        if is_ours(below) {
            continue;
        }
        let (index, work) = (code.as_bytes()[0], code.as_bytes()[1]);
        let file = job.root.join(path);
        let wanted = planned.get(below).copied();
        let on_disk = fs::symlink_metadata(&file).is_ok();
        let conflict = index == b'U' || work == b'U' || matches!(code, "AA" | "DD");
        let is_plan =
            || wanted.is_some_and(|bytes| fs::read(&file).is_ok_and(|found| found == bytes));
        // Staged, then taken back on the disk: that is HEAD's, and only the index is another's.
        let is_head = || index != b'?' && is_heads(git, path);
        if conflict || (on_disk && !is_plan() && !is_head()) {
            foreign.push(path.to_owned());
        } else if !matches!(index, b' ' | b'?' | b'D') {
            staged.push((path.to_owned(), wanted));
        }
    }
    let names: Vec<String> = staged.iter().map(|(path, _)| format!(":./{path}")).collect();
    let blobs = blobs(git, &names)?;
    for ((path, wanted), blob) in staged.into_iter().zip(blobs) {
        if wanted.is_none_or(|bytes| blob.as_deref() != Some(bytes)) {
            foreign.push(path);
        }
    }
    if foreign.is_empty() { Ok(()) } else { Err(CommitError::Foreign(foreign)) }
}

/// What the writer itself keeps in a folder.
fn is_ours(below: &str) -> bool {
    let name = below.rsplit('/').next().unwrap_or(below);
    name == ".provenance" || (name.starts_with(".tts-render-") && name.ends_with(".tmp"))
}

/// Whether a file on the disk is as HEAD has it.
fn is_heads(git: &Git, path: &str) -> bool {
    let args = ["diff-index", "--quiet", "HEAD", "--", path];
    matches!(git.ask(&args), Ok(Some(_)))
}

/// What `git diff-index --raw -z` lists, object by object.
fn changes(
    job: &Job<'_>,
    git: &Git,
    content: &Content,
    raw: &[String],
) -> Result<Changes, GitError> {
    let mut objects = Vec::new();
    let mut removed = Vec::new();
    for pair in raw.chunks_exact(2) {
        let (meta, path) = (&pair[0], &pair[1]);
        let below =
            path.strip_prefix(job.out).and_then(|path| path.strip_prefix('/')).unwrap_or(path);
        if is_ours(below) {
            continue;
        }
        let folder = below.split('/').next().unwrap_or(below).to_owned();
        let object = content.objects.get(below).cloned().unwrap_or_else(|| path.clone());
        let verb = match meta.as_bytes().last() {
            Some(b'A') => Verb::Add,
            Some(b'D') => Verb::Remove,
            _ => Verb::Change,
        };
        if verb == Verb::Remove {
            let old = meta.split(' ').nth(2).unwrap_or("").to_owned();
            removed.push((objects.len(), old));
        }
        objects.push(Change { folder, verb, object });
    }
    let names: Vec<String> = removed.iter().map(|(_, blob)| blob.clone()).collect();
    for ((at, _), blob) in removed.iter().zip(blobs(git, &names)?) {
        if let Some(name) = blob.as_deref().and_then(object_in) {
            objects[*at].object = name;
        }
    }
    objects.sort();
    Ok(Changes { objects })
}

/// What an object's file called it: `Deployment tts/server`.
fn object_in(bytes: &[u8]) -> Option<String> {
    let mut sources = Sources::new();
    let id = sources.add(Source::written("HEAD", std::str::from_utf8(bytes).ok()?));
    let node = yaml_spans::parse(&sources, id, Dialect::Strict).ok()?.pop()?;
    let name = ObjectId::read(&node).ok()?.to_string();
    (!name.chars().any(char::is_control)).then_some(name)
}

/// The contents of blobs, by any name that Git knows them by, in one run; none where there is none.
fn blobs(git: &Git, names: &[String]) -> Result<Vec<Option<Vec<u8>>>, GitError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    // A name with a line end would be two requests.
    let line =
        |name: &String| if name.contains('\n') { "-\n".to_owned() } else { format!("{name}\n") };
    let input: String = names.iter().map(line).collect();
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
