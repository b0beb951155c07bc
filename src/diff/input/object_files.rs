//! Rendered files and the objects in them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::TextFiles;
use crate::model::{Object, ObjectError, Objects};
use crate::project::load::{self, RenderedProject, Stack};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::{Source, Sources};
use yaml_spans::{self, Dialect};

/// The files that kustomize reads; they are not objects.
const KUSTOMIZATION: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// The endings of files that contain objects.
const ENDINGS: [&str; 3] = [".yaml", ".yml", ".json"];

/// The files of one snapshot with their objects, by path.
#[derive(Debug, Default)]
pub(super) struct ObjectFiles(pub(super) BTreeMap<String, ObjectFile>);

#[derive(Debug)]
pub(super) struct ObjectFile {
    text: String,
    pub(super) objects: Vec<Arc<Object>>,
}

/// The part of a fresh render that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// All folders, edited policies included.
    Everything,
    /// The stacks' own folders.
    StackFolders,
}

impl ObjectFiles {
    /// Takes over the files of a fresh render; `shown` is the name of their folder in messages.
    pub(super) fn from_render(
        rendered: RenderedProject,
        shown: &str,
        scope: Scope,
    ) -> (Self, Vec<Stack>) {
        let own: BTreeSet<&str> = rendered.stacks.iter().map(|stack| stack.name.as_str()).collect();
        let is_compared = |file: &load::File| match scope {
            Scope::Everything => true,
            Scope::StackFolders => own.contains(file.folder.as_str()),
        };
        let mut files = BTreeMap::new();
        for file in rendered.files.into_iter().filter(is_compared) {
            let path = format!("{}/{}", file.folder, file.name);
            let id = file.object.id();
            let object = Object { id, node: file.object.node, file: format!("{shown}/{path}") };
            let objects = vec![Arc::new(object)];
            files.insert(path, ObjectFile { text: file.contents, objects });
        }
        (ObjectFiles(files), rendered.stacks)
    }

    /// Parses files; `shown` is the name of their folder in reports, `origin` that in errors. A file that
    /// `known` has with the same bytes shares its objects and is not parsed again.
    ///
    /// # Errors
    /// Every document that is not YAML or not an object, with its position.
    pub(super) fn parse(
        texts: TextFiles,
        shown: &str,
        origin: &str,
        known: &ObjectFiles,
    ) -> Result<Self, Diagnostics> {
        let mut files = BTreeMap::new();
        let mut errors = Vec::new();
        for (path, text) in texts.into_iter().filter(|(path, _)| may_contain_objects(path)) {
            let shared = known.0.get(&path).filter(|file| file.text == text);
            let parsed = match shared {
                Some(file) => Ok(file.objects.clone()),
                None => {
                    parse_objects(&format!("{shown}/{path}"), &format!("{origin}/{path}"), &text)
                }
            };
            match parsed {
                Ok(objects) => {
                    files.insert(path, ObjectFile { text, objects });
                }
                Err(Diagnostics(list)) => errors.extend(list),
            }
        }
        if errors.is_empty() { Ok(ObjectFiles(files)) } else { Err(Diagnostics(errors)) }
    }

    /// Collects all objects.
    ///
    /// # Errors
    /// One object in two documents.
    pub(super) fn objects(&self) -> Result<Objects, ObjectError> {
        Objects::collect(self.0.values().flat_map(|file| file.objects.iter().cloned()))
    }
}

/// Returns true if one of the files may contain an object.
pub(super) fn contains_objects(texts: &TextFiles) -> bool {
    texts.keys().any(|path| may_contain_objects(path))
}

fn may_contain_objects(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    !name.starts_with('.')
        && !KUSTOMIZATION.contains(&name)
        && ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn parse_objects(name: &str, origin: &str, text: &str) -> Result<Vec<Arc<Object>>, Diagnostics> {
    let mut sources = Sources::new();
    let id = sources.add(Source::written(origin, text));
    let documents = yaml_spans::parse(&sources, id, Dialect::Kubectl).map_err(|errors| {
        Diagnostics(errors.iter().map(|error| error.diagnose(&sources)).collect())
    })?;
    documents
        .into_iter()
        .map(|node| Object::read(node, name).map(Arc::new))
        .collect::<Result<_, _>>()
        .map_err(|error| Diagnostic::new(error.to_string()).into())
}
