//! `list`: the stacks, the apps and the objects of a project.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use clap::ValueEnum;
use kube_validate::ObjectId;
use serde::Serialize;
use tts_render::project::Project;
use tts_render::project::load::{RenderedProject, Request};
use tts_render::report::json::{ObjectReference, to_text};

use super::format::{FormatFlag, TextOrJson};
use super::table::write_table;
use super::{CliError, Context, Exit, Inputs};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Reads values and templates, not rendered/, so a list is what `render` would write.

Examples:
  tts-render list
  tts-render list objects tts
  tts-render list apps -o json | jq -r '.apps[].name'"
)]
pub(crate) struct Args {
    /// The kind of things to list
    #[arg(value_name = "WHAT", default_value = "stacks")]
    what: What,
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    format: FormatFlag<TextOrJson>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// The tenants, a values file each
    Stacks,
    /// The folders of rendered/, which a controller syncs
    Apps,
    /// The objects, with their files; an object's name is what `explain` takes
    Objects,
}

/// The version of the JSON format; raised when a key is removed or changes its meaning.
const VERSION: u32 = 1;

/// The JSON; only the requested list is in it.
#[derive(Serialize, Default)]
struct List<'a> {
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    stacks: Option<Vec<StackItem<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    apps: Option<Vec<AppItem<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    objects: Option<Vec<ObjectItem<'a>>>,
}

#[derive(Serialize)]
struct StackItem<'a> {
    name: &'a str,
    namespace: &'a str,
    file: &'a str,
    /// The number of objects that it renders or has a part in.
    objects: usize,
}

#[derive(Serialize)]
struct AppItem<'a> {
    name: &'a str,
    objects: usize,
    /// The values files that it is rendered from.
    sources: Vec<&'a str>,
}

#[derive(Serialize)]
struct ObjectItem<'a> {
    #[serde(flatten)]
    object: ObjectReference<'a>,
    app: &'a str,
    file: String,
    sources: Vec<&'a str>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let request = Request { files_only: true, ..args.inputs.request()? };
    let rendered = RenderedProject::render(&context.common.project(), &request)?;
    let ids: Vec<ObjectId> = rendered.files.iter().map(|file| file.object.id()).collect();
    let list = match args.what {
        What::Stacks => List { stacks: Some(list_stacks(&rendered)), ..List::default() },
        What::Apps => List { apps: Some(list_apps(&rendered)), ..List::default() },
        What::Objects => List { objects: Some(list_objects(&rendered, &ids)), ..List::default() },
    };
    match args.format.format {
        TextOrJson::Json => {
            context.out.write_all(to_text(&List { version: VERSION, ..list }).as_bytes())?;
        }
        TextOrJson::Text => print_list(&list, &ids, context)?,
    }
    Ok(Exit::Success)
}

/// Prints the one list as a table.
fn print_list(
    list: &List<'_>,
    ids: &[ObjectId],
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let stacks = list.stacks.iter().flatten().map(|stack| {
        [stack.name, stack.namespace, &stack.objects.to_string(), stack.file]
            .map(str::to_owned)
            .to_vec()
    });
    write_table(context.out, &["STACK", "NAMESPACE", "OBJECTS", "FILE"], stacks.collect())?;
    let apps = list
        .apps
        .iter()
        .flatten()
        .map(|app| vec![app.name.to_owned(), app.objects.to_string(), app.sources.join(", ")]);
    write_table(context.out, &["APP", "OBJECTS", "FROM"], apps.collect())?;
    let objects = list
        .objects
        .iter()
        .flatten()
        .zip(ids)
        .map(|(object, id)| vec![id.to_string(), object.app.to_owned(), object.file.clone()]);
    Ok(write_table(context.out, &["OBJECT", "APP", "FILE"], objects.collect())?)
}

fn list_stacks(rendered: &RenderedProject) -> Vec<StackItem<'_>> {
    let objects_of = |file: &str| {
        rendered
            .files
            .iter()
            .filter(|one| one.claimants.iter().any(|claimant| claimant == file))
            .count()
    };
    let stacks = rendered.stacks.iter().map(|stack| StackItem {
        name: &stack.name,
        namespace: stack.values.namespace.name.as_str(),
        file: &stack.file,
        objects: objects_of(&stack.file),
    });
    stacks.collect()
}

fn list_apps(rendered: &RenderedProject) -> Vec<AppItem<'_>> {
    let mut apps: BTreeMap<&str, AppItem<'_>> = BTreeMap::new();
    for file in &rendered.files {
        let app = match apps.entry(&file.folder) {
            Entry::Occupied(app) => app.into_mut(),
            Entry::Vacant(new) => {
                new.insert(AppItem { name: &file.folder, objects: 0, sources: Vec::new() })
            }
        };
        app.objects += 1;
        app.sources.extend(file.claimants.iter().map(String::as_str));
        app.sources.sort_unstable();
        app.sources.dedup();
    }
    apps.into_values().collect()
}

fn list_objects<'a>(rendered: &'a RenderedProject, ids: &'a [ObjectId]) -> Vec<ObjectItem<'a>> {
    let objects = rendered.files.iter().zip(ids).map(|(file, id)| ObjectItem {
        object: ObjectReference::from(id),
        app: &file.folder,
        file: format!("{}/{}/{}", Project::RENDERED, file.folder, file.name),
        sources: file.claimants.iter().map(String::as_str).collect(),
    });
    objects.collect()
}
