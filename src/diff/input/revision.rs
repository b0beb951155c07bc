//! A revision of Git, read by the user's own `git` and never checked out.

use std::path::Path;

use super::{MOST_FILES, SideError, Tree};
use crate::git::{Git, GitError};
use crate::project::write::PROVENANCE;
use yaml_spans::MAX_BYTES;

/// The most bytes that are read of one revision.
const MOST_BYTES: usize = 1 << 30;

/// What every run of git gets: paths mean themselves, and nothing is written on the way.
const GIT: [&str; 2] = ["--literal-pathspecs", "--no-optional-locks"];

/// Why a revision can't be read.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// Git can't be run, or failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The folder is in no repository.
    #[error("{folder} lies in no Git repository: name a folder to compare with, `--base DIR`")]
    NoRepository {
        /// The folder.
        folder: String,
    },
    /// No such commit.
    #[error("`{revision}` is no folder, and no commit of this repository{}", .hint.as_deref().map(|hint| format!(": {hint}")).unwrap_or_default())]
    Unknown {
        /// As it was given.
        revision: String,
        /// Why that may be.
        hint: Option<String>,
    },
    /// Git answered what it should not.
    #[error("`git {command}` gives no answer that can be read: {answer}")]
    Answer {
        /// What it was to do.
        command: &'static str,
        /// What it says, or does not.
        answer: String,
    },
}

/// The repository that a folder lies in.
#[derive(Debug)]
pub struct Repository {
    git: Git,
    /// The folder's path from the repository's top, empty or with a slash at its end.
    prefix: String,
}

impl Repository {
    /// The repository around a folder.
    pub fn around(folder: &Path) -> Result<Self, RevisionError> {
        let git = Git::new(folder);
        let prefix = git.run(&["rev-parse", "--show-prefix"]).map_err(|error| match error {
            // A repository that Git does not trust is one: its own words have the cure.
            GitError::Failed { stderr, .. } if !stderr.contains("safe.directory") => {
                RevisionError::NoRepository { folder: folder.display().to_string() }
            }
            error => error.into(),
        })?;
        let prefix = text("rev-parse", prefix)?.trim_end_matches('\n').to_owned();
        Ok(Repository { git, prefix })
    }

    /// The commit that a revision's name means.
    pub fn commit(&self, revision: &str) -> Result<String, RevisionError> {
        // What starts with a dash is a name to git, after this option, and no option.
        let commit = format!("{revision}^{{commit}}");
        match self.verify(&commit)? {
            Some(found) => Ok(found),
            None => {
                let hint = self.why_unknown(revision)?;
                Err(RevisionError::Unknown { revision: revision.to_owned(), hint })
            }
        }
    }

    fn verify(&self, name: &str) -> Result<Option<String>, RevisionError> {
        Ok(self.git.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", name])?)
    }

    /// Why a revision may be unknown: there is no commit at all, it is a branch of the remote that
    /// nobody checked out, or the clone has not all commits.
    fn why_unknown(&self, revision: &str) -> Result<Option<String>, RevisionError> {
        if self.git.ask(&["rev-list", "--max-count=1", "--all"])?.is_none_or(|all| all.is_empty()) {
            let hint = "it has no commit yet; name a folder to compare with, `--base DIR`";
            return Ok(Some(hint.to_owned()));
        }
        let remote = format!("origin/{revision}");
        if !revision.is_empty()
            && self.verify(&format!("refs/remotes/{remote}^{{commit}}"))?.is_some()
        {
            return Ok(Some(format!("did you mean `{remote}`?")));
        }
        let shallow = self.git.ask(&["rev-parse", "--is-shallow-repository"])?;
        Ok((shallow.as_deref() == Some("true")).then(|| {
            "this clone is shallow, so commits are missing: `git fetch --unshallow`".to_owned()
        }))
    }

    /// All files below a folder (from the one the repository was found by) at a commit; empty where
    /// there is none.
    pub fn tree(&self, commit: &str, folder: &str) -> Result<Tree, SideError> {
        let top = format!("{}{folder}/", self.prefix);
        let args = ["ls-tree", "-r", "-z", "-l", "--full-tree", commit, "--", &top];
        let listing = text("ls-tree", self.run(&args, &[])?)?;
        let mut blobs = Vec::new();
        for line in listing.split('\0').filter(|line| !line.is_empty()) {
            let (mode, blob) = entry(line, &top)?;
            if is_hidden(&blob.path) {
                continue;
            }
            if !matches!(mode, "100644" | "100755") {
                return Err(SideError::NotAFile { path: format!("{top}{}", blob.path) });
            }
            if blob.size > MAX_BYTES {
                return Err(SideError::TooLarge { path: format!("{top}{}", blob.path) });
            }
            blobs.push(blob);
        }
        let bytes: usize = blobs.iter().map(|blob| blob.size).sum();
        if blobs.len() > MOST_FILES || bytes > MOST_BYTES {
            return Err(SideError::TooMany { path: top });
        }
        self.read(blobs, &top)
    }

    /// The texts of blobs, by one run of git.
    fn read(&self, blobs: Vec<Blob>, top: &str) -> Result<Tree, SideError> {
        if blobs.is_empty() {
            return Ok(Tree::new());
        }
        let ids: String = blobs.iter().map(|blob| format!("{}\n", blob.id)).collect();
        let answer = self.run(&["cat-file", "--batch"], ids.as_bytes())?;
        let mut rest = answer.as_slice();
        let mut tree = Tree::new();
        for Blob { path, id, size } in blobs {
            let head = format!("{id} blob {size}\n");
            let body = rest.strip_prefix(head.as_bytes()).filter(|body| body.len() > size);
            let missing = || unread("cat-file", &format!("`{id}`, {top}{path}, is not in it"));
            let body = body.ok_or_else(missing)?;
            let not_text = |_| SideError::NotUtf8 { path: format!("{top}{path}") };
            let text = std::str::from_utf8(&body[..size]).map_err(not_text)?.to_owned();
            tree.insert(path, text);
            rest = &body[size + 1..];
        }
        Ok(tree)
    }

    fn run(&self, args: &[&str], input: &[u8]) -> Result<Vec<u8>, RevisionError> {
        Ok(self.git.run_with(&[&GIT, args].concat(), input)?)
    }
}

/// A file at a commit.
struct Blob {
    /// Its path below the folder that is read.
    path: String,
    id: String,
    /// In bytes.
    size: usize,
}

/// A line of `ls-tree -l`: its mode, and the file. What is no file has `-` for its size.
fn entry<'a>(line: &'a str, top: &str) -> Result<(&'a str, Blob), RevisionError> {
    let broken = || unread("ls-tree", line);
    let (about, path) = line.split_once('\t').ok_or_else(broken)?;
    let mut fields = about.split_ascii_whitespace();
    let mode = fields.next().ok_or_else(broken)?;
    let id = fields.nth(1).ok_or_else(broken)?.to_owned();
    let size = match fields.next().ok_or_else(broken)? {
        "-" => 0,
        size => size.parse().map_err(|_| broken())?,
    };
    let path = path.strip_prefix(top).ok_or_else(broken)?.to_owned();
    Ok((mode, Blob { path, id, size }))
}

fn text(command: &'static str, answer: Vec<u8>) -> Result<String, RevisionError> {
    String::from_utf8(answer).map_err(|_| unread(command, "it is not UTF-8"))
}

fn unread(command: &'static str, answer: &str) -> RevisionError {
    RevisionError::Answer { command, answer: answer.to_owned() }
}

/// Whether a part of the path starts with a dot; `.provenance` aside.
fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.') && part != PROVENANCE)
}
