//! Where a review's sides come from: a fresh render, a folder, a revision of Git.
//!
//! In: a fleet, a folder's path or a revision's name. Out: [`Files`] of objects, and values. `cli`
//! calls it; it calls `fleet`, `rendered`, `yaml` and `git`. It writes nothing, and follows no
//! link.

mod folder;
mod revision;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use folder::read_folder;
pub use revision::{Repository, RevisionError};

use crate::model::{Object, ObjectError, Objects};
use crate::project::load::{RenderedProject, Stack};
use crate::project::write::{self, PROVENANCE};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::{Source, Sources};
use yaml_spans::{self, Dialect, Node};

/// Texts by their path from the folder that was read, `/` between the parts.
pub type Tree = BTreeMap<String, String>;

/// What kustomize reads, and no object.
const KUSTOMIZATION: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// The endings of files that hold objects.
const ENDINGS: [&str; 3] = [".yaml", ".yml", ".json"];

/// Why a side can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SideError {
    /// The system says no.
    #[error("{path} can't be read: {reason}")]
    Unreadable {
        /// The file or folder.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// A link, a pipe, a submodule.
    #[error("{path} is no plain file: links among rendered files are not followed")]
    NotAFile {
        /// What is there.
        path: String,
    },
    /// Too large to be what was rendered.
    #[error("{path} is larger than {} MiB", yaml_spans::MAX_BYTES >> 20)]
    TooLarge {
        /// The file.
        path: String,
    },
    /// Too many files, or folders in folders.
    #[error("{path} holds more files or deeper folders than are read")]
    TooMany {
        /// The folder.
        path: String,
    },
    /// No UTF-8.
    #[error("{path} is not UTF-8")]
    NotUtf8 {
        /// The file.
        path: String,
    },
    /// Git says no.
    #[error(transparent)]
    Revision(#[from] RevisionError),
}

/// The most files that are read of one side.
const MOST_FILES: usize = 200_000;

/// The objects of one side, by file.
#[derive(Debug, Default)]
pub struct Files(BTreeMap<String, File>);

#[derive(Debug)]
struct File {
    text: String,
    objects: Vec<Arc<Object>>,
}

impl Files {
    /// What a fleet renders; `shown` is the folder as messages name it. With `own`, only the stacks'
    /// own folders.
    pub fn of_fleet(fleet: RenderedProject, shown: &str, own: bool) -> (Self, Vec<Stack>) {
        let folders: BTreeSet<&str> =
            fleet.stacks.iter().map(|stack| stack.name.as_str()).collect();
        let wanted =
            |file: &crate::project::load::File| !own || folders.contains(file.folder.as_str());
        let mut files = BTreeMap::new();
        for file in fleet.files.into_iter().filter(wanted) {
            let path = format!("{}/{}", file.folder, file.name);
            let id = file.object.id();
            let object = Object { id, node: file.object.node, file: format!("{shown}/{path}") };
            files.insert(path, File { text: file.contents, objects: vec![Arc::new(object)] });
        }
        (Files(files), fleet.stacks)
    }

    /// Reads the objects of a tree; a file that `known` has with the same bytes is not read again.
    ///
    /// Errors: all that is no YAML or no object, each with its place.
    pub fn of_tree(tree: Tree, shown: &str, known: &Files) -> Result<Self, Diagnostics> {
        let mut files = BTreeMap::new();
        let mut errors = Vec::new();
        for (path, text) in tree.into_iter().filter(|(path, _)| holds_objects(path)) {
            let same = known.0.get(&path).filter(|file| file.text == text);
            let objects = match same {
                Some(file) => file.objects.clone(),
                None => match objects(&format!("{shown}/{path}"), &text) {
                    Ok(objects) => objects,
                    Err(Diagnostics(wrong)) => {
                        errors.extend(wrong);
                        continue;
                    }
                },
            };
            files.insert(path, File { text, objects });
        }
        if errors.is_empty() { Ok(Files(files)) } else { Err(Diagnostics(errors)) }
    }

    /// All objects.
    ///
    /// Errors: one object in two documents.
    pub fn objects(&self) -> Result<Objects, ObjectError> {
        Objects::collect(self.0.values().flat_map(|file| file.objects.iter().cloned()))
    }
}

/// Leaves out what `.provenance` does not claim: other people's files in our folders, which a fresh
/// render has nothing to say of. A folder without one of our making is taken whole.
pub fn ours(mut tree: Tree) -> Tree {
    let claimed: BTreeMap<String, BTreeSet<String>> = tree
        .iter()
        .filter_map(|(path, text)| {
            let (folder, _) = path.rsplit_once('/').filter(|(_, name)| *name == PROVENANCE)?;
            Some((folder.to_owned(), write::recorded_names(text.as_bytes())?))
        })
        .collect();
    tree.retain(|path, _| {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        claimed.get(folder).is_none_or(|names| names.contains(name))
    });
    tree
}

/// Leaves out all folders but some.
pub fn within(mut tree: Tree, folders: &BTreeSet<String>) -> Tree {
    tree.retain(|path, _| path.split_once('/').is_some_and(|(folder, _)| folders.contains(folder)));
    tree
}

/// Whether no file of a tree can hold an object.
pub fn is_empty(tree: &Tree) -> bool {
    !tree.keys().any(|path| holds_objects(path))
}

fn holds_objects(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    !name.starts_with('.')
        && !KUSTOMIZATION.contains(&name)
        && ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// What Git writes where a merge stops: no YAML reader says so.
const CONFLICT: &str = "<<<<<<< ";

fn objects(name: &str, text: &str) -> Result<Vec<Arc<Object>>, Diagnostics> {
    if let Some(line) = text.lines().position(|line| line.starts_with(CONFLICT)) {
        let message = format!("{name} holds a merge conflict, at line {}", line + 1);
        return Err(Diagnostic::new(message).note("resolve it, or render again").into());
    }
    let mut sources = Sources::new();
    let id = sources.add(Source::written(name, text));
    let documents = yaml_spans::parse(&sources, id, Dialect::Kubectl).map_err(|errors| {
        Diagnostics(errors.iter().map(|error| error.diagnose(&sources)).collect())
    })?;
    let read = |node| Object::read(node, name).map(Arc::new);
    let wrong = |error: ObjectError| Diagnostics::from(Diagnostic::new(error.to_string()));
    documents.into_iter().map(read).collect::<Result<_, _>>().map_err(wrong)
}

/// The values files of a tree of `values/`, as trees; none if one of them can't be read: then what
/// changed in them is not known.
pub fn values(tree: &Tree, shown: &str) -> Option<Vec<(String, Node)>> {
    let files = tree.iter().filter(|(path, _)| path.ends_with(".yaml") && !path.contains('/'));
    files
        .map(|(path, text)| {
            let name = format!("{shown}/{path}");
            let mut sources = Sources::new();
            let id = sources.add(Source::written(&name, text));
            let mut documents = yaml_spans::parse(&sources, id, Dialect::Strict).ok()?;
            let node = documents.pop()?;
            documents.is_empty().then_some((name, node))
        })
        .collect()
}

#[cfg(test)]
mod tests;
