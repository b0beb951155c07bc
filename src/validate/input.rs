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
pub const MAX_DEFINITION_BYTES: usize = 32 << 20;

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

    /// The documents of a file that may have definitions, with any others in it.
    pub fn text_with_definitions(&self) -> Option<Cow<'_, Text>> {
        match &self.kept {
            Some(Ok(text)) => self.has_definition().then_some(Cow::Borrowed(text)),
            Some(Err(_)) => None,
            None => {
                let source = read_manifests(&self.path).ok().filter(has_definition)?;
                Some(Cow::Owned(parse_text(source)))
            }
        }
    }

    /// Returns true for a file that may have definitions.
    fn has_definition(&self) -> bool {
        match &self.kept {
            Some(Ok(text)) => text.sources.iter().any(|(_, source)| has_definition(source)),
            Some(Err(_)) => false,
            None => read_manifests(&self.path).is_ok_and(|source| has_definition(&source)),
        }
    }

    /// The size in bytes; 0 for a file that can't be read.
    fn size(&self) -> usize {
        match &self.kept {
            Some(Ok(text)) => text.sources.iter().map(|(_, source)| source.text().len()).sum(),
            Some(Err(_)) => 0,
            None => self.path.metadata().map_or(0, |metadata| metadata.len() as usize),
        }
    }
}

fn has_definition(source: &Source) -> bool {
    source.text().contains(DEFINITION)
}

/// A file to validate.
pub struct InputFile<'a> {
    pub manifest: &'a Manifest,
    /// Its size in bytes.
    pub size: usize,
    /// True if it is read for definitions, should it have any.
    pub may_define: bool,
}

/// The files of all paths, in their order. Files with definitions are read for them up to so many bytes.
pub fn find_files<'a>(inputs: &'a [Input<'_>], max_bytes: usize) -> Vec<InputFile<'a>> {
    let manifests = inputs.iter().flat_map(Input::manifests);
    let mut files: Vec<InputFile<'_>> = manifests
        .map(|manifest| InputFile { manifest, size: manifest.size(), may_define: true })
        .collect();
    // With few bytes in all, no file is read to know whether it counts.
    if files.iter().map(|file| file.size).sum::<usize>() > max_bytes {
        let is_defining =
            parallel::map(&files, MAX_SEQUENTIAL_FILES, |file| file.manifest.has_definition());
        let mut total = 0;
        for (file, is_defining) in files.iter_mut().zip(is_defining) {
            total += if is_defining { file.size } else { 0 };
            file.may_define = is_defining && total <= max_bytes;
        }
    }
    files
}

fn read_text(path: &Path) -> Result<Text, Diagnostics> {
    Ok(parse_text(read_manifests(path)?))
}

fn parse_text(source: Source) -> Text {
    let mut sources = Sources::new();
    let id = sources.add(source);
    let documents = parse(&sources, id, Dialect::Kubectl)
        .or_else(|errors| stream::parse_json(&mut sources, id).ok_or(errors));
    Text { sources, documents }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_with_definitions_are_read_for_them_up_to_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::new(folder.path());
        let texts = ["kind: CustomResourceDefinition", "kind: ConfigMap", DEFINITION, DEFINITION];
        let paths: Vec<PathBuf> =
            (0..texts.len()).map(|index| folder.path().join(format!("{index}.yaml"))).collect();
        for (path, text) in paths.iter().zip(texts) {
            std::fs::write(path, text).unwrap();
        }
        let inputs: Vec<Input<'_>> = paths.iter().map(|path| Input::find(&project, path)).collect();
        let read = |max_bytes| {
            let files = find_files(&inputs, max_bytes);
            files.iter().map(|file| file.may_define).collect::<Vec<_>>()
        };
        // Below the limit a file is not read to know whether it has definitions.
        assert_eq!(read(MAX_DEFINITION_BYTES), [true; 4]);
        // Only files with definitions count: 30, 24 and 24 bytes.
        assert_eq!(read(54), [true, false, true, false]);
        assert_eq!(read(53), [true, false, false, false]);
    }
}
