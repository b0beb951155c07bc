//! Comments that allow findings of `lint`, in the files besides the values: templates, policies and
//! overlays.

use std::path::Path;

use super::TextFiles;
use crate::diff::Allow;
use crate::project::load::Request;
use crate::project::{Project, ProjectError};
use yaml_spans::source::Source;

/// The files besides the values from which a request renders and which may have such comments, by
/// their path from the project's root. Files outside the root are the caller's own.
pub(super) fn read_head(project: &Project, request: &Request) -> Result<TextFiles, ProjectError> {
    let mut files = TextFiles::new();
    let mut add = |path: Option<String>, source: &Source| {
        path.map(|path| files.insert(path, source.text().into()));
    };
    for source in project.policies()? {
        add(Some(source.name().to_owned()), &source);
    }
    for (_, source) in project.templates(request.templates.as_deref())? {
        let path = match request.templates {
            Some(_) => project.path_inside(Path::new(source.name())),
            None => Some(source.name().to_owned()),
        };
        add(path, &source);
    }
    for path in &request.overlays {
        add(project.path_inside(path), &project.read_named(path)?);
    }
    Ok(files)
}

/// The comments of these files.
pub(super) fn parse(files: &TextFiles) -> impl Iterator<Item = Allow> {
    files.iter().flat_map(|(file, text)| Allow::read_all(file, text))
}
