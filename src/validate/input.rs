//! The files to validate.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::{MAX_SEQUENTIAL_FILES, stream};
use crate::parallel;
use crate::project::{Project, find_manifests, read_manifests};
use yaml_spans::diagnostic::{Diagnostics, Located};
use yaml_spans::source::{Source, Sources};
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

    /// The size in bytes, and whether there may be definitions; zero for a file that can't be read.
    fn size(&self) -> (usize, bool) {
        let size = |source: &Source| (source.text().len(), source.text().contains(DEFINITION));
        match &self.kept {
            Some(Ok(text)) => {
                text.sources.iter().next().map(|(_, source)| size(source)).unwrap_or_default()
            }
            Some(Err(_)) => (0, false),
            None => read_manifests(&self.path).map(|source| size(&source)).unwrap_or_default(),
        }
    }
}

/// A file to validate.
pub struct Job<'a> {
    pub manifest: &'a Manifest,
    /// Its size in bytes.
    pub size: usize,
    /// True if it is read for definitions.
    pub may_define: bool,
}

/// The files of all paths, in their order.
pub fn find_jobs<'a>(inputs: &'a [Input<'_>]) -> Vec<Job<'a>> {
    let manifests: Vec<&Manifest> = inputs.iter().flat_map(Input::manifests).collect();
    let sizes = parallel::map(&manifests, MAX_SEQUENTIAL_FILES, |manifest| manifest.size());
    let mut total = 0;
    let jobs = manifests.into_iter().zip(sizes).map(|(manifest, (size, has_definition))| {
        total += if has_definition { size } else { 0 };
        let may_define = has_definition && total <= MAX_DEFINITION_BYTES;
        Job { manifest, size, may_define }
    });
    jobs.collect()
}

fn read_text(path: &Path) -> Result<Text, Diagnostics> {
    let mut sources = Sources::new();
    let id = sources.add(read_manifests(path)?);
    let documents = parse(&sources, id, Dialect::Kubectl)
        .or_else(|errors| stream::parse_json(&mut sources, id).ok_or(errors));
    Ok(Text { sources, documents })
}
