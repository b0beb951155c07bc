//! The values files of both snapshots.

use std::collections::{BTreeMap, BTreeSet};

use super::TextFiles;
use crate::diff::{Allow, ValuesFiles};
use crate::project::load::{LoadedStack, Request};
use crate::project::{Project, ProjectError};
use yaml_spans::diagnostic::Diagnostics;
use yaml_spans::source::{Source, Sources};
use yaml_spans::{self, Dialect};

/// Reads the values files in `values/` that were rendered. `stacks` has each stack's name with its values
/// file.
pub(super) fn read_head(
    project: &Project,
    stacks: &BTreeMap<String, String>,
) -> Result<TextFiles, ProjectError> {
    let mut texts = TextFiles::new();
    // If all stacks were named by paths, `values/` need not exist.
    if !stacks.values().any(|file| file.starts_with(Project::VALUES)) {
        return Ok(texts);
    }
    for file in project.stacks()? {
        let name = file_name(&file.stem);
        let path = format!("{}/{name}", Project::VALUES);
        if stacks.get(&file.stem).is_some_and(|file| *file == path) {
            texts.insert(name, project.read_stack(&file)?.text().into());
        }
    }
    Ok(texts)
}

fn file_name(stem: &str) -> String {
    format!("{stem}.yaml")
}

/// Loads the values files that can differ: those with another text, or all of them if overlays or
/// assignments apply. `base` and `head` have the texts of `values/`.
///
/// A stack that was named by a path outside `values/` has no counterpart in the base, so it is
/// skipped. The base's values are `None` if one of its files can't be parsed.
pub(super) fn load_both(
    project: &Project,
    request: &Request,
    mut base: TextFiles,
    head: TextFiles,
) -> Result<(Option<ValuesFiles>, Option<ValuesFiles>), Diagnostics> {
    let is_layered = !request.overlays.is_empty() || !request.assignments.is_empty();
    let mut changed = BTreeSet::new();
    for (name, text) in head {
        if !is_layered && base.get(&name) == Some(&text) {
            base.remove(&name);
        } else {
            changed.insert(name);
        }
    }
    // Stacks that were not asked for are not compared.
    if !request.stacks.is_empty() {
        base.retain(|name, _| changed.contains(name));
    }
    let head = if changed.is_empty() {
        Vec::new()
    } else {
        let stacks = changed
            .iter()
            .map(|name| name.strip_suffix(".yaml").unwrap_or(name).to_owned())
            .collect();
        let request = Request { stacks, without_policies: true, ..request.clone() };
        let opened = LoadedStack::load_all(project, &request)?;
        opened.into_iter().map(|stack| (stack.file, stack.loaded.tree)).collect()
    };
    Ok((parse_values(&base), Some(head)))
}

/// Parses the comments that allow findings of `lint` in the values files that differ. An equal file has the
/// same ones in both snapshots. `base` and `head` have the texts of `values/`.
pub(super) fn parse_allows(base: &TextFiles, head: &TextFiles) -> (Vec<Allow>, Vec<Allow>) {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for (name, text) in head.iter().filter(|(name, text)| base.get(*name) != Some(text)) {
        let file = format!("{}/{name}", Project::VALUES);
        after.extend(Allow::read_all(&file, text));
        before.extend(base.get(name).into_iter().flat_map(|text| Allow::read_all(&file, text)));
    }
    (before, after)
}

/// Parses the values files of a revision; `None` if one of them can't be parsed, since the changes
/// are unknown then.
fn parse_values(texts: &TextFiles) -> Option<ValuesFiles> {
    let files = texts.iter().filter(|(path, _)| path.ends_with(".yaml") && !path.contains('/'));
    files
        .map(|(path, text)| {
            let name = format!("{}/{path}", Project::VALUES);
            let mut sources = Sources::new();
            let id = sources.add(Source::written(&name, &**text));
            let mut documents = yaml_spans::parse(&sources, id, Dialect::Strict).ok()?;
            let node = documents.pop()?;
            documents.is_empty().then_some((name, node))
        })
        .collect()
}
