//! The two snapshots of a diff: from a fresh render, a folder of rendered files, or a Git revision.
//!
//! Nothing is written, and no link is followed.

mod allows;
mod error;
mod folder;
mod object_files;
mod revision;
mod skipped;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

pub use error::InputError;
pub(crate) use object_files::take_apart;
pub use skipped::SkippedFile;

use super::Snapshot;
use crate::model::Objects;
use crate::project::load::{RenderedProject, Request};
use crate::project::write::{self, PROVENANCE};
use crate::project::{Project, ProjectError};
use object_files::{FolderNames, NotManifests, ObjectFiles, Scope, contains_objects};
use revision::{EntryKind, FileSet, Repository};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::visible;

/// Texts by their path from the folder that was read, with `/` between its parts. Equal files of both
/// snapshots share one text.
type TextFiles = BTreeMap<String, Arc<str>>;

/// The most files that are read for one snapshot.
const MAX_FILES: usize = 200_000;

/// The most bytes of files that are read for one snapshot. 1,000 copies of this repository's stack have 20 MB.
const MAX_SNAPSHOT_BYTES: usize = 24 << 20;

/// The two things to compare, as the user names them.
#[derive(Debug)]
pub struct Comparison<'a> {
    /// The old state.
    pub base: Base<'a>,
    /// A folder of rendered files; `None` for a fresh render.
    pub head: Option<&'a Path>,
    /// The folder of rendered files in a revision, from the project's root.
    pub rendered_folder: &'a str,
    /// The stacks to compare, and the overlays and assignments of a fresh render.
    pub request: &'a Request,
}

/// The old state, as the user names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base<'a> {
    /// A Git revision, whatever files the working directory has.
    Revision(&'a str),
    /// A folder of rendered files.
    Folder(&'a Path),
}

impl<'a> Base<'a> {
    /// Reads a name by its spelling: an absolute path, or one that starts with `./` or `../`, is a
    /// folder, and everything else is a revision. No revision of Git can be spelled like that.
    pub fn parse(name: &'a str) -> Self {
        let path = Path::new(name);
        if path.is_absolute() || name.starts_with("./") || name.starts_with("../") {
            Base::Folder(path)
        } else {
            Base::Revision(name)
        }
    }
}

/// The two snapshots to compare.
#[derive(Debug)]
pub struct Inputs {
    /// The old state.
    pub base: Snapshot,
    /// The new state.
    pub head: Snapshot,
    /// The new state's files that differ from the old state's, by the names that their objects have.
    pub texts: BTreeMap<String, Arc<str>>,
    /// Remarks for the user: a folder or revision without objects.
    pub notes: Vec<String>,
}

/// Loads both snapshots.
///
/// # Errors
/// A folder or revision that can't be read, a document that is not an object, or stacks that can't be
/// rendered.
pub fn load(project: &Project, comparison: &Comparison<'_>) -> Result<Inputs, Diagnostics> {
    let mut notes = Vec::new();
    let head = match comparison.head {
        Some(folder) => read_head(project, folder, &comparison.request.stacks, &mut notes)?,
        None => render_head(project, comparison)?,
    };
    let head_values = match &head.stacks {
        Some(stacks) if matches!(comparison.base, Base::Revision(_)) => {
            values::read_head(project, stacks).map_err(to_diagnostics)?
        }
        _ => TextFiles::new(),
    };
    let mut base = read_base(project, comparison, &head.files, &head_values, &mut notes)?;
    if let Some(folders) = &head.folders {
        retain_folders(&mut base.texts, folders);
    }
    let is_rendered = head.stacks.is_some();
    if is_rendered {
        retain_claimed(&mut base.texts);
    }
    let not_manifests = if is_rendered { NotManifests::Refuse } else { NotManifests::Skip };
    let base_files = ObjectFiles::parse(
        base.texts,
        FolderNames { in_reports: &base.shown, in_errors: &base.origin },
        &head.files,
        not_manifests,
        &project.new_budget(),
    )?;
    let (base_allows, head_allows) = match (&base.values, &base.commented) {
        (Some(values), Some(commented)) if is_rendered => {
            let (mut before, mut after) = values::parse_allows(values, &head_values);
            before.extend(allows::parse(commented));
            after.extend(allows::parse(&allows::read_head(project, comparison.request)?));
            (before, after)
        }
        _ => Default::default(),
    };
    let (base_values, head_values) = match base.values {
        Some(texts) if is_rendered => {
            values::load_both(project, comparison.request, texts, head_values)?
        }
        _ => (None, None),
    };
    let head_objects = collect_objects(&head.files)?;
    let (mut base_skipped, head_skipped) = (base_files.skipped(), head.files.skipped());
    notes.extend(skipped_note(base_skipped.iter().chain(&head_skipped)));
    if is_rendered {
        // A fresh render has manifests only, so there is nothing to compare them with.
        base_skipped.clear();
    }
    let base_objects = collect_objects(&base_files)?;
    Ok(Inputs {
        base: Snapshot {
            objects: base_objects,
            values: base_values,
            allows: base_allows,
            skipped: base_skipped,
        },
        head: Snapshot {
            objects: head_objects,
            values: head_values,
            allows: head_allows,
            skipped: head_skipped,
        },
        texts: head.files.into_changed_texts(&base_files),
        notes,
    })
}

/// The most skipped files that a note names.
const MAX_SKIPPED: usize = 8;

/// The note that names the files that are not compared.
fn skipped_note<'a>(files: impl Iterator<Item = &'a SkippedFile>) -> Option<String> {
    let names: BTreeSet<String> =
        files.map(|file| format!("`{}` ({})", visible(&file.path), file.reason)).collect();
    let more = names.len().saturating_sub(MAX_SKIPPED);
    let mut shown = names.into_iter().take(MAX_SKIPPED).collect::<Vec<_>>().join(", ");
    if more > 0 {
        shown.push_str(&format!(" and {more} more"));
    }
    (!shown.is_empty()).then(|| format!("not manifests, and not compared: {shown}"))
}

/// The new state, before its objects are collected.
struct Head {
    files: ObjectFiles,
    /// The folders to compare; `None` for all.
    folders: Option<BTreeSet<String>>,
    /// The stacks of a fresh render: each name with its values file.
    stacks: Option<BTreeMap<String, String>>,
}

fn read_head(
    project: &Project,
    folder: &Path,
    stacks: &[String],
    notes: &mut Vec<String>,
) -> Result<Head, Diagnostics> {
    let mut texts = folder::read_folder(project, folder)?;
    let folders: Option<BTreeSet<String>> =
        (!stacks.is_empty()).then(|| stacks.iter().cloned().collect());
    if let Some(folders) = &folders {
        retain_folders(&mut texts, folders);
    }
    let shown = folder.display().to_string();
    if !contains_objects(&texts) {
        notes.push(format!("`{shown}` contains no objects: every object counts as removed"));
    }
    let files = ObjectFiles::parse(
        texts,
        FolderNames { in_reports: &shown, in_errors: &shown },
        &ObjectFiles::default(),
        NotManifests::Skip,
        &project.new_budget(),
    )?;
    Ok(Head { files, folders, stacks: None })
}

fn render_head(project: &Project, comparison: &Comparison<'_>) -> Result<Head, Diagnostics> {
    // Most objects are the same in both snapshots, and few of those are looked at.
    let request = Request { files_only: true, ..comparison.request.clone() };
    let rendered = RenderedProject::render(project, &request)?;
    let scope = match request.stacks.as_slice() {
        [] => Scope::Everything,
        _ => Scope::StackFolders,
    };
    let (files, stacks) = ObjectFiles::from_render(rendered, comparison.rendered_folder, scope);
    // A stack may be named by the path of its values file, so the names come from the render.
    let folders = match scope {
        Scope::Everything => None,
        Scope::StackFolders => Some(stacks.keys().cloned().collect()),
    };
    Ok(Head { files, folders, stacks: Some(stacks) })
}

/// The old state as texts.
struct BaseTexts {
    texts: TextFiles,
    /// The folder's name in reports.
    shown: String,
    /// The folder's name in errors: the place that was read.
    origin: String,
    /// The texts of its values files; `None` for a folder, which has none.
    values: Option<TextFiles>,
    /// The texts of its other files that may have comments for `lint`; `None` as above.
    commented: Option<TextFiles>,
}

/// Reads the old state. Its files share the texts of the new state's rendered files and values, `head` and
/// `head_values`, where they are equal.
fn read_base(
    project: &Project,
    comparison: &Comparison<'_>,
    head: &ObjectFiles,
    head_values: &TextFiles,
    notes: &mut Vec<String>,
) -> Result<BaseTexts, InputError> {
    let rendered_folder = comparison.rendered_folder;
    let name = match comparison.base {
        Base::Revision(name) => name,
        Base::Folder(folder) => {
            let texts = folder::read_folder(project, folder)?;
            let name = folder.display().to_string();
            if !contains_objects(&texts) {
                notes.push(format!("`{name}` contains no objects: every object counts as new"));
            }
            // Under the fresh render's name, so that an equal file has an equal path.
            let origin = name.clone();
            let shown = if comparison.head.is_none() { rendered_folder.to_owned() } else { name };
            return Ok(BaseTexts { texts, shown, origin, values: None, commented: None });
        }
    };
    let repository = Repository::find(project)?;
    let commit = repository.resolve_commit(name)?;
    // A link may lead to manifests, whatever its name.
    let may_hold_objects =
        |path: &str, kind: EntryKind| kind == EntryKind::Other || is_compared(path);
    let is_visible = |path: &str, _: EntryKind| !is_hidden(path);
    let files: BTreeSet<String> =
        allows::read_head(project, comparison.request)?.into_keys().collect();
    let is_named = |path: &str, _: EntryKind| files.contains(path);
    let [texts, values, commented] = repository.read_sets(
        &commit,
        [
            FileSet::below(rendered_folder, &may_hold_objects).sharing(&|path| head.text(path)),
            FileSet::below(Project::VALUES, &is_visible)
                .sharing(&|path| head_values.get(path).map(Arc::clone)),
            FileSet::of(&files, &is_named),
        ],
    )?;
    if !contains_objects(&texts) {
        notes.push(format!("`{name}` has no `{rendered_folder}/`: every object counts as new"));
    }
    let shown = rendered_folder.to_owned();
    let origin = format!("{name}:{rendered_folder}");
    Ok(BaseTexts { texts, shown, origin, values: Some(values), commented: Some(commented) })
}

/// Drops the files that `.provenance` does not claim: other people's files among rendered ones, which a
/// fresh render never contains. A folder without a `.provenance` that we wrote keeps all its files.
fn retain_claimed(texts: &mut TextFiles) {
    let claimed: BTreeMap<String, BTreeSet<String>> = texts
        .iter()
        .filter_map(|(path, text)| {
            let (folder, _) = path.rsplit_once('/').filter(|(_, name)| *name == PROVENANCE)?;
            Some((folder.to_owned(), write::recorded_names(text.as_bytes())?))
        })
        .collect();
    texts.retain(|path, _| {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        claimed.get(folder).is_none_or(|names| names.contains(name))
    });
}

/// Returns true for a file that is read to be compared, by its path from the folder. A tool applies what is
/// in a hidden file too.
fn is_compared(path: &str) -> bool {
    let in_git = path.split('/').any(|part| part == ".git");
    let name = path.rsplit('/').next().unwrap_or(path);
    !in_git && (name == PROVENANCE || object_files::is_read(path))
}

/// Returns true if a part of the path starts with a dot.
fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.'))
}

/// Drops the files outside some folders.
fn retain_folders(texts: &mut TextFiles, folders: &BTreeSet<String>) {
    texts
        .retain(|path, _| path.split_once('/').is_some_and(|(folder, _)| folders.contains(folder)));
}

fn collect_objects(files: &ObjectFiles) -> Result<Objects, Diagnostics> {
    files.objects().map_err(|error| Diagnostic::new(error.to_string()).into())
}

fn to_diagnostics(error: ProjectError) -> Diagnostics {
    Diagnostic::new(error.to_string()).into()
}

#[cfg(test)]
mod tests;
