//! Writes the measured amounts into a values file without changing any other byte.

use kube_formats::quantity::format_bytes;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::edit::Editor;
use yaml_spans::source::{Source, Sources};
use yaml_spans::{Path, PathError};

use super::{Calibration, ProposedValue};
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
        check_layer(stack, value, &path)?;
        let new = format_bytes(value.new);
        let mut sources = Sources::new();
        let id = sources.add(Source::written(stack.file.clone(), text));
        text = Editor::open(&sources, id)
            .and_then(|editor| editor.set(0, &path, &new))
            .map_err(|error| error.diagnose(&sources))?;
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

/// Refuses a value that an overlay decides: what is written below it would have no effect.
fn check_layer(stack: &LoadedStack, value: &ProposedValue, path: &Path) -> Result<(), Diagnostics> {
    let is_set = path.find(&stack.loaded.tree).is_some();
    let Some(span) = nearest_written(&stack.loaded.tree, path).filter(|_| is_set) else {
        return Ok(());
    };
    let place = stack.sources.place(span);
    if place.name == stack.file || place.name == "--set" {
        return Ok(());
    }
    let message = format!("`{}` is decided by `{}`: write it there", value.path, place.name);
    Err(Diagnostic { place: Some(place), ..Diagnostic::new(message) }.into())
}
