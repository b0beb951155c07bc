//! Pushes the commit. If the upstream moved, makes the commit again on top of it.

use super::create::{CommitRequest, Committed, commit_once, open_repository};
use super::error::CommitError;
use crate::git::{Git, GitError, IGNORE_SUBMODULES, RemoteProgram};

/// The number of attempts while the upstream keeps moving.
const MAX_ATTEMPTS: usize = 20;

/// The remote branch that the local one follows.
struct Upstream {
    remote: String,
    /// The full name: `refs/heads/main`.
    branch: String,
}

impl Upstream {
    fn of_branch(git: &Git, branch: &str) -> Result<Self, CommitError> {
        let remote = git.ask(&["config", "--get", &format!("branch.{branch}.remote")])?;
        let merge = git.ask(&["config", "--get", &format!("branch.{branch}.merge")])?;
        match (remote, merge) {
            (Some(remote), Some(branch)) => Ok(Upstream { remote, branch }),
            _ => Err(CommitError::NoUpstream(branch.to_owned())),
        }
    }

    /// Pushes to the upstream or fetches from it.
    fn exchange(&self, git: &Git, program: RemoteProgram, refspec: &str) -> Result<(), GitError> {
        let command = match program {
            RemoteProgram::ReceivePack => "push",
            RemoteProgram::UploadPack => "fetch",
        };
        let option = git.remote_program_option(&self.remote, program);
        let mut args = vec![command, "--quiet"];
        args.extend(option.as_deref());
        args.extend(["--end-of-options", &self.remote, refspec]);
        git.run(&args).map(drop)
    }

    /// The short name: `origin/main`.
    fn name(&self) -> String {
        let branch = self.branch.strip_prefix("refs/heads/").unwrap_or(&self.branch);
        format!("{}/{branch}", self.remote)
    }
}

/// Commits if there is something to commit, and pushes the branch. Returns the commit and the branch that was
/// pushed to.
pub(super) fn commit_and_push(
    request: &CommitRequest<'_>,
    mut git: Git,
    branch: &str,
) -> Result<(Option<Committed>, Option<String>), CommitError> {
    let upstream = Upstream::of_branch(&git, branch)?;
    for _ in 0..MAX_ATTEMPTS {
        let committed = commit_once(request, &git)?;
        let refspec = format!("HEAD:{}", upstream.branch);
        let pushed = upstream.exchange(&git, RemoteProgram::ReceivePack, &refspec);
        let Err(failure) = pushed else {
            return Ok((committed, Some(upstream.name())));
        };
        // The branches show if it was a race. The output of `git push` depends on the language and
        // the server.
        let fetched = upstream.exchange(&git, RemoteProgram::UploadPack, &upstream.branch);
        if fetched.is_err() || is_ancestor(&git, "FETCH_HEAD", "HEAD")? {
            return Err(CommitError::NotPushed(failure));
        }
        catch_up(request, &git, &upstream)?;
        // A file that the clone's configuration includes may have changed.
        git = open_repository(request)?;
    }
    Err(CommitError::Outrun(upstream.name(), MAX_ATTEMPTS))
}

/// Moves the branch on top of the fetched one. Unpushed commits of this program are dropped, not
/// rebased: they are made again from the new values.
fn catch_up(
    request: &CommitRequest<'_>,
    git: &Git,
    upstream: &Upstream,
) -> Result<(), CommitError> {
    if git.ignores_filters() {
        let reason = "the clone's configuration has a `filter`, and its programs are not run";
        return Err(CommitError::Diverged(upstream.name(), reason.to_owned()));
    }
    while !is_ancestor(git, "HEAD", "FETCH_HEAD")? && is_rendering(request, git)? {
        let own = git.run_line(&["rev-parse", "HEAD"])?;
        let parent = git.run_line(&["rev-parse", "HEAD^"])?;
        git.run(&["update-ref", "-m", "tts-render commit: again", "HEAD", &parent, &own])?;
        // Only these paths change, in the index and on the disk.
        let listed = git.run(&["ls-files", "--", request.out])?;
        let at_head =
            git.ask(&["rev-parse", "-q", "--verify", &format!("HEAD:./{}", request.out)])?;
        if !listed.is_empty() || at_head.is_some() {
            git.run(&["restore", "--source=HEAD", "--staged", "--worktree", "--", request.out])?;
        }
    }
    if is_ancestor(git, "HEAD", "FETCH_HEAD")? {
        git.run(&["merge", "--quiet", "--ff-only", "FETCH_HEAD"])?;
        return Ok(());
    }
    // The branch has commits of the user: they are rebased, unless uncommitted changes prevent it.
    if !git.run(&["status", "--porcelain", "--untracked-files=no", IGNORE_SUBMODULES])?.is_empty() {
        let reason = "some files have uncommitted changes".to_owned();
        return Err(CommitError::Diverged(upstream.name(), reason));
    }
    if let Err(failure) = git.run(&["rebase", "--quiet", "--no-stat", "FETCH_HEAD"]) {
        // The rebase may have failed before it began, so this may fail too.
        git.ask(&["rebase", "--abort"])?;
        return Err(CommitError::Diverged(upstream.name(), failure.to_string()));
    }
    Ok(())
}

/// Returns true if HEAD is a commit of this program: it has the trailer, one parent, and changes only
/// in `rendered/`.
fn is_rendering(request: &CommitRequest<'_>, git: &Git) -> Result<bool, CommitError> {
    let trailer = git.run_line(&["log", "-1", "--format=%(trailers:key=Rendered-by,valueonly)"])?;
    let parents = git.run_line(&["log", "-1", "--format=%p"])?;
    if trailer.is_empty() || parents.split_whitespace().count() != 1 {
        return Ok(false);
    }
    let paths =
        git.run_split(&["diff-tree", "--no-commit-id", "--name-only", "-r", "-z", "HEAD"])?;
    let out = format!("{}{}/", git.run_line(&["rev-parse", "--show-prefix"])?, request.out);
    Ok(paths.iter().all(|path| path.starts_with(&out)))
}

fn is_ancestor(git: &Git, older: &str, newer: &str) -> Result<bool, CommitError> {
    Ok(git.ask(&["merge-base", "--is-ancestor", older, newer])?.is_some())
}
