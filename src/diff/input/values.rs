//! The values files of both snapshots.

use std::collections::BTreeMap;

use super::TextFiles;
use crate::diff::{Allow, ValuesFiles};
use crate::project::Project;
use crate::project::load::{LoadedStack, Request, Stack};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::{Source, Sources};
use yaml_spans::{self, Dialect};

/// Loads the values files that can differ: those with another text, or all of them if overlays or
/// assignments apply. `base` has the texts of the base's `values/`.
///
/// A stack that was named by a path outside `values/` has no counterpart in the base, so it is
/// skipped. The base's values are `None` if one of its files can't be parsed.
pub(super) fn load_both(
    project: &Project,
    request: &Request,
    stacks: &[Stack],
    mut base: TextFiles,
) -> Result<(Option<ValuesFiles>, Option<ValuesFiles>), Diagnostics> {
    let is_layered = !request.overlays.is_empty() || !request.assignments.is_empty();
    let mut changed = Vec::new();
    for stack in stack_files(project, stacks)? {
        let name = format!("{}.yaml", stack.stem);
        let text = project.read_stack(&stack).map_err(to_diagnostics)?;
        if !is_layered && base.get(&name).is_some_and(|before| before == text.text()) {
            base.remove(&name);
        } else {
            changed.push(stack.stem);
        }
    }
    // Stacks that were not asked for are not compared.
    if !request.stacks.is_empty() {
        base.retain(|file, _| changed.iter().any(|name| format!("{name}.yaml") == *file));
    }
    let head = if changed.is_empty() {
        Vec::new()
    } else {
        let request = Request { stacks: changed, without_policies: true, ..request.clone() };
        let opened = LoadedStack::load_all(project, &request)?;
        opened.into_iter().map(|stack| (stack.file, stack.loaded.tree)).collect()
    };
    Ok((parse_values(&base), Some(head)))
}

/// Reads the comments that allow findings of `lint` in the values files of both snapshots. `base` has
/// the texts of the base's `values/`.
pub(super) fn read_allows(
    project: &Project,
    stacks: &[Stack],
    base: &TextFiles,
) -> Result<(Vec<Allow>, Vec<Allow>), Diagnostics> {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for stack in stack_files(project, stacks)? {
        let name = format!("{}.yaml", stack.stem);
        let file = format!("{}/{name}", Project::VALUES);
        let text = project.read_stack(&stack).map_err(to_diagnostics)?;
        after.extend(Allow::read_all(&file, text.text()));
        before.extend(base.get(&name).into_iter().flat_map(|text| Allow::read_all(&file, text)));
    }
    Ok((before, after))
}

/// The values files in `values/` that were rendered.
fn stack_files(
    project: &Project,
    stacks: &[Stack],
) -> Result<Vec<crate::project::StackFile>, Diagnostics> {
    // If all stacks were named by paths, `values/` need not exist.
    if !stacks.iter().any(|stack| stack.file.starts_with(Project::VALUES)) {
        return Ok(Vec::new());
    }
    let rendered: BTreeMap<&str, &str> =
        stacks.iter().map(|stack| (stack.name.as_str(), stack.file.as_str())).collect();
    let mut files = project.stacks().map_err(to_diagnostics)?;
    files.retain(|file| {
        let path = format!("{}/{}.yaml", Project::VALUES, file.stem);
        rendered.get(file.stem.as_str()).is_some_and(|file| **file == path)
    });
    Ok(files)
}

/// Parses the values files of a revision; `None` if one of them can't be parsed, since the changes
/// are unknown then.
fn parse_values(texts: &TextFiles) -> Option<ValuesFiles> {
    let files = texts.iter().filter(|(path, _)| path.ends_with(".yaml") && !path.contains('/'));
    files
        .map(|(path, text)| {
            let name = format!("{}/{path}", Project::VALUES);
            let mut sources = Sources::new();
            let id = sources.add(Source::written(&name, text));
            let mut documents = yaml_spans::parse(&sources, id, Dialect::Strict).ok()?;
            let node = documents.pop()?;
            documents.is_empty().then_some((name, node))
        })
        .collect()
}

fn to_diagnostics(error: crate::project::ProjectError) -> Diagnostics {
    Diagnostic::new(error.to_string()).into()
}
