//! Writes the measured amounts into a values file without changing any other byte.

use kube_formats::quantity::{format_bytes, parse_bytes};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::edit::Editor;
use yaml_spans::source::{Place, Source, Sources};
use yaml_spans::{Path, PathError};

use super::Calibration;
use crate::model::nearest_written;
use crate::project::load::{LoadedStack, Request};
use crate::project::{Project, replace_file};

/// A value that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenValue {
    /// The values file.
    pub file: String,
    /// The value's path.
    pub path: &'static str,
    /// Its text.
    pub text: String,
}

/// Writes a calibration's values into the stack's values file.
///
/// # Errors
/// There is nothing to write that starves nobody, or a value is decided by an overlay, an alias or an
/// anchor.
pub fn write_values(
    project: &Project,
    request: &Request,
    calibration: &Calibration,
) -> Result<Vec<WrittenValue>, Diagnostics> {
    let Some(proposal) = &calibration.proposal else {
        let message = "no floor below the total is enough, so nothing is written";
        return Err(Diagnostic::new(message).into());
    };
    if proposal.outcome.starved_nights() > 0 {
        let message = "with the measured values somebody would have starved, so nothing is written";
        return Err(Diagnostic::new(message).into());
    }
    let stacks = LoadedStack::load_all(project, request)?;
    let [stack] = &*stacks else {
        return Err(Diagnostic::new("name one stack").into());
    };
    let file = match &*request.stacks {
        [name] => project.stack(name)?,
        _ => project.stacks()?.into_iter().next().ok_or_else(|| Diagnostic::new("no stack"))?,
    };
    let mut text = project.read_stack(&file)?.text().to_owned();
    let mut written = Vec::new();
    for value in &proposal.values {
        let path: Path = value.path.parse().map_err(to_diagnostic)?;
        let layer = deciding_layer(stack, &path);
        let is_assigned = layer.as_ref().is_some_and(|place| place.name == ASSIGNED);
        // What `--set` decides is not in the file yet.
        if !value.is_changed() && !is_assigned {
            continue;
        }
        if let Some(place) = layer.filter(|place| !is_assigned && place.name != stack.file) {
            let message =
                format!("`{}` is decided by `{}`: write it there", value.path, place.name);
            return Err(Diagnostic { place: Some(place), ..Diagnostic::new(message) }.into());
        }
        let mut sources = Sources::new();
        let id = sources.add(Source::written(stack.file.clone(), text.clone()));
        let editor = Editor::open(&sources, id).map_err(|error| error.diagnose(&sources))?;
        let present = editor.scalar(0, &path).ok().and_then(|it| parse_bytes(it.value).ok());
        if present == Some(value.new) {
            continue;
        }
        let new = format_bytes(value.new);
        text = editor.set(0, &path, &new).map_err(|error| error.diagnose(&sources))?;
        written.push(WrittenValue { file: stack.file.clone(), path: value.path, text: new });
    }
    if !written.is_empty() {
        replace_file(file.path(), &text)
            .map_err(|error| Diagnostic::new(format!("can't write `{}`: {error}", stack.file)))?;
    }
    Ok(written)
}

fn to_diagnostic(error: PathError) -> Diagnostic {
    Diagnostic::new(error.to_string())
}

/// The layer of values that `--set` makes.
const ASSIGNED: &str = "--set";

/// The place of a value in the layer that decides it; `None` for a default.
fn deciding_layer(stack: &LoadedStack, path: &Path) -> Option<Place> {
    path.find(&stack.loaded.tree)?;
    nearest_written(&stack.loaded.tree, path).map(|span| stack.sources.place(span))
}
