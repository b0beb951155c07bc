//! Rendered files and the objects in them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::TextFiles;
use super::skipped::{self, SkippedFile};
use crate::budget::{Budget, count_nodes};
use crate::model::object::Tree;
use crate::model::{Object, ObjectError, Objects};
use crate::project::load::RenderedProject;
use kube_validate::{ObjectId, list_items};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::{Source, Sources};
use yaml_spans::{self, Dialect, Node, Value};

/// The files that kustomize reads; they are not objects.
const KUSTOMIZATION: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// The endings of files that contain objects.
const ENDINGS: [&str; 3] = [".yaml", ".yml", ".json"];
/// The ending of files from which Argo CD computes objects.
const JSONNET: &str = ".jsonnet";

/// The files of one snapshot with their objects, by path.
#[derive(Debug, Default)]
pub(super) struct ObjectFiles(pub(super) BTreeMap<String, ObjectFile>);

#[derive(Debug)]
pub(super) struct ObjectFile {
    text: Arc<str>,
    pub(super) objects: Vec<Arc<Object>>,
    /// The part of it that is not compared.
    skipped: Option<SkippedFile>,
}

/// The part of a fresh render that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// All folders, edited policies included.
    Everything,
    /// The stacks' own folders.
    StackFolders,
}

/// The treatment of what is not a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotManifests {
    /// Keep it by name.
    Skip,
    /// An error: this program wrote the files, so each was a manifest.
    Refuse,
}

/// The names of a compared folder.
#[derive(Debug, Clone, Copy)]
pub(super) struct FolderNames<'a> {
    pub in_reports: &'a str,
    pub in_errors: &'a str,
}

impl ObjectFiles {
    /// Takes over the files of a fresh render; `shown` is the name of their folder in messages. Also returns
    /// each stack's name with its values file.
    pub(super) fn from_render(
        rendered: RenderedProject,
        shown: &str,
        scope: Scope,
    ) -> (Self, BTreeMap<String, String>) {
        let own: BTreeSet<&str> = rendered.stacks.iter().map(|stack| stack.name.as_str()).collect();
        let mut files = BTreeMap::new();
        for file in rendered.files.into_iter().filter(|file| match scope {
            Scope::Everything => true,
            Scope::StackFolders => own.contains(file.folder.as_str()),
        }) {
            let path = format!("{}/{}", file.folder, file.name);
            let id = file.object.id();
            let text: Arc<str> = file.contents.into();
            let node = match file.object.node {
                // The tree was dropped after rendering.
                Node { value: Value::Null, .. } => Tree::of_text(Arc::clone(&text)),
                node => node.into(),
            };
            let object = Object { id, node, file: format!("{shown}/{path}") };
            let objects = vec![Arc::new(object)];
            files.insert(path, ObjectFile { text, objects, skipped: None });
        }
        let stacks = rendered.stacks.into_iter().map(|stack| (stack.name, stack.file));
        (ObjectFiles(files), stacks.collect())
    }

    /// Parses files. A file that `known` has with the same bytes shares its objects and is not parsed again.
    ///
    /// # Errors
    /// Every manifest that is not YAML or not an object, with its position.
    pub(super) fn parse(
        texts: TextFiles,
        names: FolderNames<'_>,
        known: &ObjectFiles,
        not_manifests: NotManifests,
        budget: &Budget,
    ) -> Result<Self, Diagnostics> {
        let mut files = BTreeMap::new();
        let mut errors = Vec::new();
        let mut nodes: BTreeMap<String, usize> = BTreeMap::new();
        for (path, text) in texts.into_iter().filter(|(path, _)| is_read(path)) {
            let shared = known.0.get(&path).filter(|file| are_equal(&file.text, &text));
            let parsed = match (shared, unparsed_reason(&path)) {
                (Some(file), _) => Ok((file.objects.clone(), file.skipped.clone())),
                (None, Some(reason)) => {
                    Ok((Vec::new(), Some(SkippedFile::whole(&path, reason, &text))))
                }
                (None, None) => {
                    let name = format!("{}/{path}", names.in_reports);
                    let origin = format!("{}/{path}", names.in_errors);
                    parse_objects(&path, &name, &origin, &text, not_manifests)
                }
            };
            match parsed {
                Ok((objects, skipped)) => {
                    if shared.is_none() {
                        let folder = path.split_once('/').map_or("", |(folder, _)| folder);
                        let already = nodes.entry(folder.to_owned()).or_default();
                        let more = objects.iter().map(|object| count_nodes(&object.node)).sum();
                        budget.spend_object_nodes(*already, more)?;
                        *already += more;
                    }
                    let text = shared.map_or(text, |file| Arc::clone(&file.text));
                    files.insert(path, ObjectFile { text, objects, skipped });
                }
                Err(Diagnostics(list)) => errors.extend(list),
            }
        }
        if errors.is_empty() { Ok(ObjectFiles(files)) } else { Err(Diagnostics(errors)) }
    }

    /// The files, or parts of them, that are not compared.
    pub(super) fn skipped(&self) -> Vec<SkippedFile> {
        self.0.values().filter_map(|file| file.skipped.clone()).collect()
    }

    /// The text of a file, by its path.
    pub(super) fn text(&self, path: &str) -> Option<Arc<str>> {
        Some(Arc::clone(&self.0.get(path)?.text))
    }

    /// The texts of the files that differ from those of another snapshot, which shares the other texts. They
    /// are named as their objects name them.
    pub(super) fn into_changed_texts(self, other: &ObjectFiles) -> BTreeMap<String, Arc<str>> {
        let changed = self.0.into_iter().filter(|(path, file)| {
            other.0.get(path).is_none_or(|other| !Arc::ptr_eq(&other.text, &file.text))
        });
        let named =
            changed.filter_map(|(_, file)| Some((file.objects.first()?.file.clone(), file.text)));
        named.collect()
    }

    /// Collects all objects.
    ///
    /// # Errors
    /// One object in two documents.
    pub(super) fn objects(&self) -> Result<Objects, ObjectError> {
        Objects::collect(self.0.values().flat_map(|file| file.objects.iter().cloned()))
    }
}

/// Returns true for equal texts, at once if they are shared.
fn are_equal(one: &Arc<str>, other: &Arc<str>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

/// Returns true if one of the files may contain an object.
pub(super) fn contains_objects(texts: &TextFiles) -> bool {
    texts.keys().any(|path| may_contain_objects(path))
}

/// Returns true for a file that may contain objects, or that decides what is applied.
pub(super) fn is_read(path: &str) -> bool {
    may_contain_objects(path) || unparsed_reason(path).is_some()
}

/// The name of a file without its folders.
fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn may_contain_objects(path: &str) -> bool {
    let name = file_name(path);
    !KUSTOMIZATION.contains(&name) && ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// The reason why a file is not parsed, by its name.
fn unparsed_reason(path: &str) -> Option<&'static str> {
    let name = file_name(path);
    if KUSTOMIZATION.contains(&name) {
        Some("kustomize computes objects from it")
    } else if name.ends_with(JSONNET) {
        Some("Argo CD computes objects from it")
    } else {
        None
    }
}

/// The objects of a file, and the part of it that is none.
type Parsed = (Vec<Arc<Object>>, Option<SkippedFile>);

/// Parses a file: `path` is its path below the compared folder, `name` and `origin` are those in reports
/// and in errors.
fn parse_objects(
    path: &str,
    name: &str,
    origin: &str,
    text: &str,
    not_manifests: NotManifests,
) -> Result<Parsed, Diagnostics> {
    let skips = not_manifests == NotManifests::Skip;
    let mut sources = Sources::new();
    let id = sources.add(Source::written(origin, text));
    let documents = match yaml_spans::parse(&sources, id, Dialect::Kubectl) {
        Ok(documents) => documents,
        Err(_) if skips && !skipped::may_be_manifest(text) => {
            let skipped = SkippedFile::whole(path, "it is not valid YAML", text);
            return Ok((Vec::new(), Some(skipped)));
        }
        Err(errors) => {
            let errors = errors.iter().map(|error| error.diagnose(&sources));
            return Err(Diagnostics(errors.collect()));
        }
    };
    let (mut objects, mut skipped) = (Vec::new(), None);
    for node in documents.into_iter().flat_map(take_apart) {
        if let Some(reason) = skipped::skip_reason(&node).filter(|_| skips) {
            skipped.get_or_insert_with(|| SkippedFile::whole(path, reason, "")).add(&node);
            continue;
        }
        match ObjectId::read_generated(&node) {
            Ok(id) => {
                let object = Object { id, node: node.into(), file: name.to_owned() };
                objects.push(Arc::new(object));
            }
            Err(missing) => {
                let error = ObjectError::NoObject { file: name.to_owned(), missing };
                return Err(Diagnostic::new(error.to_string()).into());
            }
        }
    }
    Ok((objects, skipped))
}

/// The objects of a document: the items of a list, also of lists in it, or the document itself.
pub(crate) fn take_apart(document: Node) -> Vec<Node> {
    match list_items(&document) {
        Some(items) => items.into_iter().flat_map(|item| take_apart(item.into_owned())).collect(),
        None => vec![document],
    }
}
