//! The files to validate, and the definitions in them.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use kube_validate::Definitions;

use super::{MAX_SEQUENTIAL_FILES, stream};
use crate::budget::{Budget, Resource, count_nodes};
use crate::parallel;
use crate::project::{Project, find_manifests, read_manifests};
use yaml_spans::diagnostic::{Diagnostics, Located};
use yaml_spans::source::Sources;
use yaml_spans::{Dialect, Node, ParseError, parse};

/// A file without this text has no definition.
const DEFINITION: &str = "CustomResourceDefinition";

/// The most bytes of files with definitions that are read for them, in the files' order. The objects of the others
/// are of unknown kinds.
const MAX_DEFINITION_BYTES: usize = 32 << 20;

/// The manifests of one path that the user named.
pub struct Input<'a> {
    pub path: &'a Path,
    pub manifests: Result<Vec<Manifest>, Diagnostics>,
}

/// A file of manifests.
pub struct Manifest {
    path: PathBuf,
    /// The text of standard input or a pipe, which can't be read twice.
    kept: Option<Result<Text, Diagnostics>>,
}

/// The documents of a file.
#[derive(Clone)]
pub struct Text {
    pub sources: Sources,
    pub documents: Result<Vec<Node>, Vec<Located<ParseError>>>,
}

impl<'a> Input<'a> {
    /// The manifests; none if the path can't be read.
    pub fn manifests(&self) -> &[Manifest] {
        self.manifests.as_deref().unwrap_or_default()
    }

    /// Finds the manifests of a path.
    pub fn find(project: &Project, path: &'a Path) -> Self {
        let is_usable = project.check_named(path).and_then(|()| project.check_exists(path));
        let files = is_usable.and_then(|()| find_manifests(path));
        let open = |path: PathBuf| {
            let kept = (!path.is_file()).then(|| read_text(&path));
            Manifest { path, kept }
        };
        let manifests = files.map(|files| files.into_iter().map(open).collect());
        Input { path, manifests: manifests.map_err(Diagnostics::from) }
    }
}

impl Manifest {
    /// The documents.
    pub fn text(&self) -> Result<Cow<'_, Text>, Diagnostics> {
        match &self.kept {
            Some(kept) => kept.as_ref().map(Cow::Borrowed).map_err(Clone::clone),
            None => read_text(&self.path).map(Cow::Owned),
        }
    }

    /// The size of a file that may have definitions, in bytes; 0 if it has none.
    fn size_of_definitions(&self) -> usize {
        let size = |text: &str| if text.contains(DEFINITION) { text.len() } else { 0 };
        match &self.kept {
            Some(Ok(text)) => text.sources.iter().map(|(_, source)| size(source.text())).sum(),
            Some(Err(_)) => 0,
            None => read_manifests(&self.path).map_or(0, |source| size(source.text())),
        }
    }

    /// The definitions; none once the budget is spent, which is an error of the whole run.
    fn definitions(&self, budget: &Budget) -> Definitions {
        if budget.check().is_err() {
            return Definitions::default();
        }
        let text = self.text();
        let documents = text.as_ref().ok().and_then(|text| text.documents.as_deref().ok());
        let documents = documents.unwrap_or_default();
        let nodes = documents.iter().map(count_nodes).sum();
        match budget.spend(Resource::ManifestNodes, nodes) {
            Ok(()) => Definitions::of_documents(documents),
            Err(_) => Definitions::default(),
        }
    }
}

/// The definitions in all manifests.
pub fn find_definitions(inputs: &[Input<'_>], budget: &Budget) -> Definitions {
    let manifests: Vec<&Manifest> = inputs.iter().flat_map(Input::manifests).collect();
    let sizes =
        parallel::map(&manifests, MAX_SEQUENTIAL_FILES, |manifest| manifest.size_of_definitions());
    let mut total = 0;
    let defining: Vec<&Manifest> = manifests
        .into_iter()
        .zip(sizes)
        .filter(|(_, size)| {
            total += size;
            *size > 0 && total <= MAX_DEFINITION_BYTES
        })
        .map(|(manifest, _)| manifest)
        .collect();
    let found =
        parallel::map(&defining, MAX_SEQUENTIAL_FILES, |manifest| manifest.definitions(budget));
    let mut definitions = Definitions::default();
    found.into_iter().for_each(|found| definitions.extend(found));
    definitions
}

fn read_text(path: &Path) -> Result<Text, Diagnostics> {
    let mut sources = Sources::new();
    let id = sources.add(read_manifests(path)?);
    let documents = parse(&sources, id, Dialect::Kubectl)
        .or_else(|errors| stream::parse_json(&mut sources, id).ok_or(errors));
    Ok(Text { sources, documents })
}
