//! A Git revision, read with the user's own `git` and never checked out.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::{InputError, MAX_FILES, MAX_SNAPSHOT_BYTES, TextFiles};
use crate::git::{Git, GitError, Purpose};
use crate::project::{Project, ProjectError, not_utf8};
use yaml_spans::{MAX_BYTES, suggest};

/// The most paths in one call of `git`.
const MAX_ARGUMENTS: usize = 500;

/// The most files that one call of `git` reads: rendered ones have some megabytes together.
const MAX_BATCH: usize = 4_000;

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

    /// Reads sets of files at a commit, in one call of `git ls-tree` and few of `git cat-file`.
    pub(super) fn read_sets<const N: usize>(
        &self,
        commit: &str,
        sets: [FileSet<'_>; N],
    ) -> Result<[TextFiles; N], InputError> {
        let tops = sets.each_ref().map(|set| format!("{}{}", self.prefix, set.top));
        let paths: BTreeSet<String> = sets
            .iter()
            .flat_map(|set| set.paths.iter().map(|path| format!("{}{path}", self.prefix)))
            .collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let mut wanted = Vec::new();
        let mut bytes = [0; N];
        for some in paths.chunks(MAX_ARGUMENTS) {
            let args = ["ls-tree", "-r", "-z", "-l", "--full-tree", commit, "--"];
            let listing = parse_utf8("ls-tree", self.read(&[&args[..], some].concat(), &[])?)?;
            for line in listing.split('\0').filter(|line| !line.is_empty()) {
                let (kind, blob) =
                    parse_entry(line).map_err(|error| self.explain_missing(error))?;
                for (index, set) in sets.iter().enumerate() {
                    let path = blob.path.strip_prefix(&tops[index]);
                    if path.is_none_or(|path| !(set.is_wanted)(path, kind)) {
                        continue;
                    }
                    check_entry(kind, &blob)?;
                    bytes[index] += blob.size;
                    wanted.push((index, blob.clone()));
                    if wanted.len() > MAX_FILES || bytes[index] > self.max_bytes {
                        return Err(InputError::TooMany { path: tops[index].clone() });
                    }
                }
            }
        }
        let mut texts = [const { TextFiles::new() }; N];
        // Not all at once: the texts of most files are known, and are dropped for the shared ones.
        for batch in wanted.chunks(MAX_BATCH) {
            self.read_blobs(batch.iter().map(|(_, blob)| blob), |at, text| {
                let (index, blob) = &batch[at];
                let path = &blob.path[tops[*index].len()..];
                let known = sets[*index].known.and_then(|known| known(path));
                let text = known.filter(|known| **known == *text).unwrap_or_else(|| text.into());
                texts[*index].insert(path.to_owned(), text);
            })?;
        }
        Ok(texts)
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

    /// Reads the texts of some blobs in one call. `take` gets each with its position.
    fn read_blobs<'b>(
        &self,
        blobs: impl Iterator<Item = &'b Blob> + Clone,
        mut take: impl FnMut(usize, &str),
    ) -> Result<(), InputError> {
        let ids: String = blobs.clone().map(|blob| format!("{}\n", blob.id)).collect();
        let answer = self.read(&["cat-file", "--batch", "--buffer"], ids.as_bytes())?;
        let mut rest = answer.as_slice();
        for (at, Blob { path, id, size }) in blobs.enumerate() {
            let header = format!("{id} blob {size}\n");
            let body = rest
                .strip_prefix(header.as_bytes())
                .filter(|body| body.len() > *size)
                .ok_or_else(|| unexpected("cat-file", &format!("no blob `{id}` for {path}")))?;
            let text =
                std::str::from_utf8(&body[..*size]).map_err(|_| not_utf8(path, &body[..*size]))?;
            take(at, text);
            rest = &body[size + 1..];
        }
        Ok(())
    }
}

/// The texts that files probably have, by their names.
type KnownTexts<'a> = &'a dyn Fn(&str) -> Option<Arc<str>>;

/// Files at a commit that are read together. Paths start at the folder that the repository was found from.
pub(super) struct FileSet<'a> {
    /// The start of the files' paths that their names omit: empty, or with a slash at its end.
    top: String,
    /// The files and folders that are listed.
    paths: Vec<String>,
    /// Decides by a file's name.
    is_wanted: &'a dyn Fn(&str, EntryKind) -> bool,
    /// The text that a file of this name probably has; then it is shared.
    known: Option<KnownTexts<'a>>,
}

impl<'a> FileSet<'a> {
    /// The wanted files below a folder, named from there; none if the commit has no such folder.
    pub(super) fn below(folder: &str, is_wanted: &'a dyn Fn(&str, EntryKind) -> bool) -> Self {
        let top = format!("{folder}/");
        FileSet { paths: vec![top.clone()], top, is_wanted, known: None }
    }

    /// Files by their paths, those that the commit has and that are wanted.
    pub(super) fn of(
        files: &BTreeSet<String>,
        is_wanted: &'a dyn Fn(&str, EntryKind) -> bool,
    ) -> Self {
        let paths = files.iter().cloned().collect();
        FileSet { top: String::new(), paths, is_wanted, known: None }
    }

    /// The same files, which share the texts that are known.
    pub(super) fn sharing(self, known: KnownTexts<'a>) -> Self {
        FileSet { known: Some(known), ..self }
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
#[derive(Clone)]
struct Blob {
    /// Its path from the repository's top.
    path: String,
    id: String,
    /// In bytes.
    size: usize,
}

/// Refuses what is not a file, and files that are too large.
fn check_entry(kind: EntryKind, blob: &Blob) -> Result<(), InputError> {
    let path = blob.path.clone();
    match kind {
        EntryKind::Other => Err(InputError::NotAFile { path }),
        EntryKind::File if blob.size > MAX_BYTES => {
            Err(ProjectError::TooLarge { path, limit: MAX_BYTES as u64 >> 10 }.into())
        }
        EntryKind::File => Ok(()),
    }
}

/// Parses a line of `ls-tree -l`. The size of a submodule is `-`; that of an object which the clone lacks
/// is not a number.
fn parse_entry(line: &str) -> Result<(EntryKind, Blob), InputError> {
    let malformed = || unexpected("ls-tree", line);
    let (columns, path) = line.split_once('\t').ok_or_else(malformed)?;
    let mut columns = columns.split_ascii_whitespace();
    let kind = match columns.next().ok_or_else(malformed)? {
        "100644" | "100755" => EntryKind::File,
        _ => EntryKind::Other,
    };
    let id = columns.nth(1).ok_or_else(malformed)?.to_owned();
    let size = match columns.next().ok_or_else(malformed)? {
        "-" => 0,
        size => size.parse().map_err(|_| malformed())?,
    };
    Ok((kind, Blob { path: path.to_owned(), id, size }))
}

fn parse_utf8(command: &'static str, answer: Vec<u8>) -> Result<String, InputError> {
    String::from_utf8(answer).map_err(|_| unexpected(command, "not UTF-8"))
}

fn unexpected(command: &'static str, answer: &str) -> InputError {
    InputError::Answer { command, answer: answer.to_owned() }
}
