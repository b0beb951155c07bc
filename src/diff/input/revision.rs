//! A Git revision, read with the user's own `git` and never checked out.

use std::collections::BTreeSet;
use std::path::Path;

use super::{InputError, MAX_FILES, MAX_SNAPSHOT_BYTES, TextFiles};
use crate::git::{Git, GitError, Purpose};
use crate::project::Project;
use crate::project::{ProjectError, not_utf8};
use yaml_spans::{MAX_BYTES, suggest};

/// The most paths in one call of `git`.
const MAX_ARGUMENTS: usize = 500;

/// The repository around a folder.
#[derive(Debug)]
pub(super) struct Repository {
    git: Git,
    /// The folder's path from the repository's top: empty, or with a slash at its end.
    prefix: String,
    /// The most bytes of files that are read at once.
    max_bytes: usize,
}

impl Repository {
    /// Finds the repository around a project.
    pub(super) fn find(project: &Project) -> Result<Self, InputError> {
        let git = Git::open(project.root(), Purpose::Read).map_err(|error| match error {
            GitError::NoRepository { folder } => InputError::NoRepository { folder },
            error => error.into(),
        })?;
        let prefix = git.run(&["rev-parse", "--show-prefix"])?;
        let prefix = parse_utf8("rev-parse", prefix)?.trim_end_matches('\n').to_owned();
        let max_bytes = project.scale_limit(MAX_SNAPSHOT_BYTES);
        Ok(Repository { git, prefix, max_bytes })
    }

    /// Returns the id of the commit that a revision names.
    pub(super) fn resolve_commit(&self, revision: &str) -> Result<String, InputError> {
        match self.resolve(&format!("{revision}^{{commit}}"))? {
            Some(id) => Ok(id),
            None => {
                let hint = self.unknown_revision_hint(revision)?;
                Err(InputError::UnknownRevision { revision: revision.to_owned(), hint })
            }
        }
    }

    fn resolve(&self, name: &str) -> Result<Option<String>, InputError> {
        // After `--end-of-options` a name that starts with a dash is not an option.
        Ok(self.git.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", name])?)
    }

    /// Returns a likely reason why a revision is unknown: the repository has no commits, the name is
    /// that of a folder or of a branch of the remote that was never checked out, or the clone is
    /// shallow.
    fn unknown_revision_hint(&self, revision: &str) -> Result<Option<String>, InputError> {
        if self.git.ask(&["rev-list", "--max-count=1", "--all"])?.is_none_or(|all| all.is_empty()) {
            let hint = "the repository has no commits yet; name a folder to compare with, `--base-dir DIR`";
            return Ok(Some(hint.to_owned()));
        }
        if !revision.is_empty() && Path::new(revision).is_dir() {
            return Ok(Some(format!("did you mean the folder `./{revision}`?")));
        }
        let remote = format!("origin/{revision}");
        if !revision.is_empty()
            && self.resolve(&format!("refs/remotes/{remote}^{{commit}}"))?.is_some()
        {
            return Ok(Some(format!("did you mean `{remote}`?")));
        }
        let shallow = self.git.ask(&["rev-parse", "--is-shallow-repository"])?;
        if shallow.as_deref() == Some("true") {
            let hint = "this clone is shallow, so commits are missing; fetch them with `git fetch --unshallow`";
            return Ok(Some(hint.to_owned()));
        }
        let names =
            self.git.ask(&["for-each-ref", "--format=%(refname:short)"])?.unwrap_or_default();
        Ok(suggest(revision, names.lines()).map(|near| format!("did you mean `{near}`?")))
    }

    /// Reads the wanted files below a folder at a commit; empty if the commit has no such folder. The
    /// folder's path starts at the folder that the repository was found from, a file's at the folder.
    pub(super) fn read_folder(
        &self,
        commit: &str,
        folder: &str,
        is_wanted: impl Fn(&str, EntryKind) -> bool,
    ) -> Result<TextFiles, InputError> {
        let top = format!("{}{folder}/", self.prefix);
        let mut blobs = Vec::new();
        self.list_blobs(commit, &[&top], &top, is_wanted, &mut blobs)?;
        self.read_blobs(blobs, &top)
    }

    /// Reads some files at a commit, those that it has. Their paths start at the folder that the
    /// repository was found from.
    pub(super) fn read_files(
        &self,
        commit: &str,
        files: &BTreeSet<String>,
    ) -> Result<TextFiles, InputError> {
        let paths: Vec<String> =
            files.iter().map(|file| format!("{}{file}", self.prefix)).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let mut blobs = Vec::new();
        for some in paths.chunks(MAX_ARGUMENTS) {
            self.list_blobs(
                commit,
                some,
                &self.prefix,
                |path, _| files.contains(path),
                &mut blobs,
            )?;
        }
        self.read_blobs(blobs, &self.prefix)
    }

    /// Adds the wanted files at some paths and below them. A wanted file's path starts after `top`.
    fn list_blobs(
        &self,
        commit: &str,
        paths: &[&str],
        top: &str,
        is_wanted: impl Fn(&str, EntryKind) -> bool,
        blobs: &mut Vec<Blob>,
    ) -> Result<(), InputError> {
        let args = ["ls-tree", "-r", "-z", "-l", "--full-tree", commit, "--"];
        let listing = parse_utf8("ls-tree", self.read(&[&args[..], paths].concat(), &[])?)?;
        for line in listing.split('\0').filter(|line| !line.is_empty()) {
            let (mode, blob) =
                parse_entry(line, top).map_err(|error| self.explain_missing(error))?;
            let kind = match mode {
                "100644" | "100755" => EntryKind::File,
                _ => EntryKind::Other,
            };
            if !is_wanted(&blob.path, kind) {
                continue;
            }
            let path = format!("{top}{}", blob.path);
            if kind == EntryKind::Other {
                return Err(InputError::NotAFile { path });
            }
            if blob.size > MAX_BYTES {
                let limit = MAX_BYTES as u64 >> 10;
                return Err(ProjectError::TooLarge { path, limit }.into());
            }
            blobs.push(blob);
        }
        let bytes: usize = blobs.iter().map(|blob| blob.size).sum();
        if blobs.len() > MAX_FILES || bytes > self.max_bytes {
            return Err(InputError::TooMany { path: top.to_owned() });
        }
        Ok(())
    }

    /// Runs `git` to read objects. Git does not fetch those that a partial clone lacks.
    fn read(&self, args: &[&str], input: &[u8]) -> Result<Vec<u8>, InputError> {
        self.git.run_with(args, input).map_err(|error| self.explain_missing(error.into()))
    }

    /// Returns the error for a read that failed, which in a partial clone is a missing object.
    fn explain_missing(&self, error: InputError) -> InputError {
        let partial = r"^(extensions\.partialclone|remote\..*\.promisor)$";
        match self.git.ask(&["config", "--get-regexp", partial]) {
            Ok(Some(_)) => InputError::Partial,
            _ => error,
        }
    }

    /// Reads the texts of all blobs in one call.
    fn read_blobs(&self, blobs: Vec<Blob>, top: &str) -> Result<TextFiles, InputError> {
        if blobs.is_empty() {
            return Ok(TextFiles::new());
        }
        let ids: String = blobs.iter().map(|blob| format!("{}\n", blob.id)).collect();
        let answer = self.read(&["cat-file", "--batch"], ids.as_bytes())?;
        let mut rest = answer.as_slice();
        let mut texts = TextFiles::new();
        for Blob { path, id, size } in blobs {
            let header = format!("{id} blob {size}\n");
            let body =
                rest.strip_prefix(header.as_bytes()).filter(|body| body.len() > size).ok_or_else(
                    || unexpected("cat-file", &format!("no blob `{id}` for {top}{path}")),
                )?;
            let text = std::str::from_utf8(&body[..size])
                .map_err(|_| not_utf8(&format!("{top}{path}"), &body[..size]))?;
            texts.insert(path, text.to_owned());
            rest = &body[size + 1..];
        }
        Ok(texts)
    }
}

/// The kind of an entry in a tree of Git.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    File,
    /// A link or a submodule.
    Other,
}

/// A file at a commit.
struct Blob {
    /// Its path below the folder that is read.
    path: String,
    id: String,
    /// In bytes.
    size: usize,
}

/// Parses a line of `ls-tree -l`: the mode and the file. The size of a submodule is `-`; that
/// of an object which the clone lacks is not a number.
fn parse_entry<'a>(line: &'a str, top: &str) -> Result<(&'a str, Blob), InputError> {
    let malformed = || unexpected("ls-tree", line);
    let (columns, path) = line.split_once('\t').ok_or_else(malformed)?;
    let mut columns = columns.split_ascii_whitespace();
    let mode = columns.next().ok_or_else(malformed)?;
    let id = columns.nth(1).ok_or_else(malformed)?.to_owned();
    let size = match columns.next().ok_or_else(malformed)? {
        "-" => 0,
        size => size.parse().map_err(|_| malformed())?,
    };
    let path = path.strip_prefix(top).ok_or_else(malformed)?.to_owned();
    Ok((mode, Blob { path, id, size }))
}

fn parse_utf8(command: &'static str, answer: Vec<u8>) -> Result<String, InputError> {
    String::from_utf8(answer).map_err(|_| unexpected(command, "not UTF-8"))
}

fn unexpected(command: &'static str, answer: &str) -> InputError {
    InputError::Answer { command, answer: answer.to_owned() }
}
