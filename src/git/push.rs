//! Pushing, and doing it again on top of what somebody else pushed first.

use super::commit::{CommitError, Job, Outcome, commit_once};
use super::run::Git;

/// How often others may be faster.
const ATTEMPTS: usize = 20;

/// The branch elsewhere that ours follows.
struct Upstream {
    remote: String,
    /// `refs/heads/main`.
    branch: String,
}

impl Upstream {
    fn of(git: &Git, branch: &str) -> Result<Self, CommitError> {
        let setting = |name: &str| git.ask(&["config", "--get", &format!("branch.{branch}.{name}")]);
        match (setting("remote")?, setting("merge")?) {
            (Some(remote), Some(branch)) => Ok(Upstream { remote, branch }),
            _ => Err(CommitError::NoUpstream(branch.to_owned())),
        }
    }

    /// `origin/main`.
    fn name(&self) -> String {
        let branch = self.branch.strip_prefix("refs/heads/").unwrap_or(&self.branch);
        format!("{}/{branch}", self.remote)
    }
}

/// Commits if there is something to commit, and pushes the branch.
pub(super) fn commit_and_push(job: &Job<'_>, git: &Git, branch: &str) -> Result<Outcome, CommitError> {
    let upstream = Upstream::of(git, branch)?;
    for _ in 0..ATTEMPTS {
        let committed = commit_once(job, git)?;
        let refspec = format!("HEAD:{}", upstream.branch);
        let pushed = git.run(&["push", "--quiet", "--end-of-options", &upstream.remote, &refspec]);
        let Err(failure) = pushed else {
            return Ok(Outcome { committed, pushed: Some(upstream.name()) });
        };
        // Whether it was a race is asked of the branches: what `git push` says depends on the
        // language and the server.
        let fetched = git.run(&["fetch", "--quiet", "--end-of-options", &upstream.remote, &upstream.branch]);
        if fetched.is_err() || is_ancestor(git, "FETCH_HEAD", "HEAD")? {
            return Err(CommitError::NotPushed(failure));
        }
        catch_up(job, git, &upstream)?;
    }
    Err(CommitError::Outrun(upstream.name(), ATTEMPTS))
}

/// Puts the branch on top of what was fetched. Renderings that nobody has seen are dropped, not
/// moved: they are made again from the values that hold then.
fn catch_up(job: &Job<'_>, git: &Git, upstream: &Upstream) -> Result<(), CommitError> {
    while !is_ancestor(git, "HEAD", "FETCH_HEAD")? && is_rendering(job, git)? {
        let (ours, before) = (git.line(&["rev-parse", "HEAD"])?, git.line(&["rev-parse", "HEAD^"])?);
        git.run(&["update-ref", "-m", "tts-render commit: again", "HEAD", &before, &ours])?;
        // These paths alone, in the index and on the disk; all else stays as it is.
        let listed = git.run(&["ls-files", "--", job.out])?;
        let there = git.ask(&["rev-parse", "-q", "--verify", &format!("HEAD:./{}", job.out)])?;
        if !listed.is_empty() || there.is_some() {
            git.run(&["restore", "--source=HEAD", "--staged", "--worktree", "--", job.out])?;
        }
    }
    if is_ancestor(git, "HEAD", "FETCH_HEAD")? {
        git.run(&["merge", "--quiet", "--ff-only", "FETCH_HEAD"])?;
        return Ok(());
    }
    // Commits of the user's own are between: they are moved, if nothing of theirs is in the way.
    let diverged = |why: String| CommitError::Diverged(upstream.name(), why);
    if !git.run(&["status", "--porcelain", "--untracked-files=no"])?.is_empty() {
        let why = "they can't be moved while files are changed and not committed";
        return Err(diverged(why.to_owned()));
    }
    if let Err(failure) = git.run(&["rebase", "--quiet", "FETCH_HEAD"]) {
        // There may be nothing to abort: it can fail before it begins.
        git.ask(&["rebase", "--abort"])?;
        return Err(diverged(failure.to_string()));
    }
    Ok(())
}

/// Whether HEAD is a commit of ours: our trailer, one parent, and nothing but `rendered/`.
fn is_rendering(job: &Job<'_>, git: &Git) -> Result<bool, CommitError> {
    let trailer = git.line(&["log", "-1", "--format=%(trailers:key=Rendered-by,valueonly)"])?;
    let parents = git.line(&["log", "-1", "--format=%p"])?;
    if trailer.is_empty() || parents.split_whitespace().count() != 1 {
        return Ok(false);
    }
    let paths = git.parts(&["diff-tree", "--no-commit-id", "--name-only", "-r", "-z", "HEAD"])?;
    let out = format!("{}{}/", git.line(&["rev-parse", "--show-prefix"])?, job.out);
    Ok(paths.iter().all(|path| path.starts_with(&out)))
}

fn is_ancestor(git: &Git, older: &str, newer: &str) -> Result<bool, CommitError> {
    Ok(git.ask(&["merge-base", "--is-ancestor", older, newer])?.is_some())
}
