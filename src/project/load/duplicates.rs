//! Objects that are rendered more than once.
//!
//! In: the files of a run. Out: one error for each pair of values files that render the same objects, with
//! the values to change.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::File;
use super::stack::RenderJob;
use crate::budget::Trials;
use crate::explain::{Influence, Subject};
use crate::model::nearest_written;
use crate::project::StackFile;
use kube_validate::ObjectId;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::{Path, Segment, list_names};

/// The most pairs of values files for which the values to change are searched: each costs a rendering for
/// each value.
const MAX_EXPLAINED: usize = 3;

/// The values files of the first and of the second rendering of an object.
type Claimants = (Vec<String>, Vec<String>);

/// Checks that each object is rendered once: by one stack, from one template. `stacks` are the values
/// files, each with its name in messages.
pub(super) fn check_unique_objects(
    files: &[File],
    stacks: &[(&StackFile, &str)],
    job: &RenderJob<'_>,
) -> Result<(), Diagnostics> {
    // Not a sorted map: identities have long parts in common, which each comparison would pass.
    let mut seen = HashMap::with_capacity(files.len());
    let mut duplicates: BTreeMap<Claimants, Vec<ObjectId>> = BTreeMap::new();
    for file in files {
        let object = &file.object;
        let id = (object.group(), &object.kind, &object.namespace, &object.name);
        match seen.entry(id) {
            Entry::Vacant(slot) => {
                slot.insert(file);
            }
            Entry::Occupied(first) => {
                let pair = (first.get().claimants.clone(), file.claimants.clone());
                duplicates.entry(pair).or_default().push(object.id());
            }
        }
    }
    if duplicates.is_empty() {
        return Ok(());
    }
    let errors = duplicates.iter().enumerate().map(|(index, (claimants, objects))| {
        let mut error = describe_duplicates(claimants, objects);
        let (_, second) = claimants;
        let stack = stacks.iter().find(|(_, name)| second.iter().any(|other| other == name));
        if index < MAX_EXPLAINED
            && let Some((file, _)) = stack
        {
            explain_fix(&mut error, claimants, file, objects, job);
        }
        error
    });
    Err(Diagnostics(errors.collect()))
}

fn describe_duplicates((first, second): &Claimants, objects: &[ObjectId]) -> Diagnostic {
    let [first, second] = [first, second].map(|claimants| claimants.join("`, `"));
    let is_one_stack = first == second;
    Diagnostic::new(match objects {
        [object] if is_one_stack => format!("`{first}` renders `{object}` twice"),
        [object] => format!("`{first}` and `{second}` both render `{object}`"),
        many if is_one_stack => {
            format!("`{first}` renders {} objects twice: {}", many.len(), list_names(many))
        }
        many => {
            let names = list_names(many);
            format!("`{first}` and `{second}` render the same {} objects: {names}", many.len())
        }
    })
}

/// Adds what to change: the values of a stack that would give the objects other names, with the place of
/// the first, or the templates of one stack that make the same object.
fn explain_fix(
    error: &mut Diagnostic,
    (first, second): &Claimants,
    file: &StackFile,
    objects: &[ObjectId],
    job: &RenderJob<'_>,
) {
    let mut sources = job.base.clone();
    let Ok((name, loaded)) = job.load_values(file, &mut sources) else { return };
    let trials = Trials::share_of(MAX_EXPLAINED);
    let subject = Subject {
        templates: job.checks.templates,
        loaded: &loaded,
        sources: &sources,
        trials: &trials,
        extra: None,
    };
    let Some(rendering) = subject.rendering() else { return };
    let wanted: BTreeSet<&ObjectId> = objects.iter().collect();
    let places: BTreeMap<(usize, usize), ObjectId> = rendering
        .objects()
        .filter(|(_, id)| wanted.contains(id))
        .map(|(field, id)| ((field.template, field.document), id))
        .collect();
    if first == second {
        let templates: BTreeSet<usize> = places.keys().map(|(template, _)| *template).collect();
        let names = job.checks.templates.names().enumerate();
        let names: Vec<String> = names
            .filter(|(index, _)| templates.contains(index))
            .map(|(_, name)| format!("`templates/{name}`"))
            .collect();
        error.notes.push(format!(
            "by {}; a file in `templates/` replaces the built-in one of the same name, and adds objects with another",
            names.join(" and ")
        ));
        return;
    }
    let influences = subject.influences();
    let renaming: Vec<(&Path, BTreeSet<&ObjectId>)> = influences
        .iter()
        .map(|influence| (&influence.value, renamed_objects(influence, &places)))
        .collect();
    let values = smallest_cover(renaming);
    let Some(first) = values.first() else { return };
    if let Some(span) = nearest_written(&loaded.tree, first) {
        error.place = Some(sources.place(span));
        error.path = Some(first.to_string());
    }
    let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
    let listed = match values.split_last() {
        Some((last, others)) if !others.is_empty() => {
            format!("{} and {last}", others.join(", "))
        }
        _ => values.concat(),
    };
    error.notes.push(format!("give `{name}` its own {listed}"));
}

/// The objects whose name or namespace changes with a value.
fn renamed_objects<'a>(
    influence: &Influence,
    places: &'a BTreeMap<(usize, usize), ObjectId>,
) -> BTreeSet<&'a ObjectId> {
    let is_identity = |path: &Path| match path.segments() {
        [Segment::Key(parent), Segment::Key(key)] => {
            parent == "metadata" && (key == "name" || key == "namespace")
        }
        _ => false,
    };
    let fields = influence.fields.iter().filter(|field| is_identity(&field.path));
    fields.filter_map(|field| places.get(&(field.template, field.document))).collect()
}

/// A few values that together rename every object that any value renames: in each step the one that
/// renames the most of the rest.
fn smallest_cover<'a>(mut renaming: Vec<(&'a Path, BTreeSet<&ObjectId>)>) -> Vec<&'a Path> {
    let mut chosen = Vec::new();
    loop {
        // The first of several, in the order of the values.
        let best = renaming.iter().rev().max_by_key(|(_, objects)| objects.len());
        let Some((value, covered)) = best.filter(|(_, objects)| !objects.is_empty()) else {
            return chosen;
        };
        chosen.push(*value);
        let covered = covered.clone();
        for (_, objects) in &mut renaming {
            objects.retain(|object| !covered.contains(object));
        }
    }
}
