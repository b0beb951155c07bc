//! `explain`: which value decides a field, and which fields a value decides.

use std::collections::BTreeSet;

use kube_validate::ObjectId;
use tts_render::explain::{
    Effect, ExplainError, Field, Influence, Maker, Name, Rendering, choose, why_idle,
};
use tts_render::project::load::LoadedStack;
use yaml_spans::diagnostic::Diagnostic;
use yaml_spans::source::Place;
use yaml_spans::{self, Node, Path, Segment, Value};

use super::{CliError, Context, Exit, Inputs};

/// Say which value decides a field, or which fields a value decides
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render explain deployment/chatterbox-tts 'spec.template.spec.containers[0].image'
  tts-render explain 'Deployment tts/chatterbox-tts' spec.replicas
  tts-render explain clusterpolicy/inject-gpu-workload-priority spec.rules
  tts-render explain --value gate.floor
  tts-render explain --value offPeak

Found by rendering again with each value changed in turn, so it holds whatever a template does.")]
pub(crate) struct Args {
    /// The object, as KIND/NAME or 'KIND NAMESPACE/NAME'; kinds as kubectl takes them
    #[arg(value_name = "OBJECT", required_unless_present = "value", conflicts_with = "value")]
    object: Option<String>,
    /// The field's path in it; the whole object if none is given
    #[arg(value_name = "PATH", requires = "object")]
    path: Option<Path>,
    /// A value's path: every field that it decides, or that what is below it does
    #[arg(long, value_name = "PATH")]
    value: Option<Path>,
    /// The stacks to look in; all if none is named
    #[arg(long = "stack", value_name = "STACK")]
    stacks: Vec<String>,
    /// An overlay, as for render
    #[arg(short = 'f', long = "values", value_name = "FILE")]
    overlays: Vec<std::path::PathBuf>,
    /// One value, as for render
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// A folder of templates in place of the project's
    #[arg(long, value_name = "DIR")]
    templates: Option<std::path::PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let inputs = Inputs {
        stacks: args.stacks.clone(),
        overlays: args.overlays.clone(),
        set: args.set.clone(),
        templates: args.templates.clone(),
    };
    let stacks = LoadedStack::load_all(&context.common.project(), &inputs.request()?)?;
    let rendered: Vec<(&LoadedStack, Rendering)> = stacks
        .iter()
        .map(|stack| {
            let broken = || ExplainError::Broken { file: stack.file.clone() };
            Ok((stack, stack.subject().rendering().ok_or_else(broken)?))
        })
        .collect::<Result<_, ExplainError>>()
        .map_err(Diagnostic::from)?;
    match (&args.value, &args.object) {
        (Some(value), _) => of_value(&rendered, value, context)?,
        (None, Some(object)) => {
            of_object(&rendered, object, &args.path.clone().unwrap_or_default(), context)?;
        }
        // One of them is required.
        (None, None) => {}
    }
    Ok(Exit::Success)
}

/// From a field to its values, in each stack that has a part in the object.
fn of_object(
    stacks: &[(&LoadedStack, Rendering)],
    name: &str,
    path: &Path,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let all: Vec<(usize, Field, ObjectId)> = stacks
        .iter()
        .enumerate()
        .flat_map(|(stack, (_, rendering))| {
            rendering.objects().map(move |(field, id)| (stack, field, id))
        })
        .collect();
    let wanted =
        choose(&Name::parse(name), all.iter().map(|(.., id)| id)).map_err(Diagnostic::from)?;
    let parts: Vec<(usize, Field)> = all
        .into_iter()
        .filter(|(.., id)| *id == wanted)
        .map(|(stack, field, _)| (stack, Field { path: path.clone(), ..field }))
        .collect();
    let found = |(stack, field): &(usize, Field)| {
        let document = stacks.get(*stack)?.1.document(field)?;
        Some((document, field.path.find(document)))
    };
    let Some((document, node)) = parts.first().and_then(found) else { return Ok(()) };
    let Some(node) = node else {
        return Err(Diagnostic::from(ExplainError::no_field(path, wanted, document)).into());
    };
    writeln!(context.out, "{}", shown(path, node))?;
    // Of many stacks in one policy, those whose own namespace stands there.
    let (mut near, far): (Vec<_>, Vec<_>) = parts.iter().partition(|(stack, _)| {
        holds(node, stacks[*stack].0.loaded.values.namespace.name.as_str())
    });
    near.extend(far);
    for (at, (stack, field)) in near.iter().take(STACKS).enumerate() {
        let (opened, rendering) = &stacks[*stack];
        if at == 0 {
            writeln!(context.out, "  {}", made_by(opened, rendering, field))?;
        }
        let behind = opened.subject().behind(rendering, field);
        if behind.is_empty() {
            writeln!(context.out, "  value     none: nothing in {} changes it", opened.file)?;
        }
        for (value, effect) in behind {
            let effect = match effect {
                Effect::Value => "",
                Effect::Presence => ": whether it is there",
            };
            writeln!(context.out, "  value     {}{effect}", origin(opened, &value)?)?;
        }
    }
    if near.len() > STACKS {
        let more = near.len() - STACKS;
        writeln!(
            context.out,
            "  {more} more stacks have a part in it: `--stack NAME` tells of one"
        )?;
    }
    Ok(())
}

/// The most stacks whose values are told of one object.
const STACKS: usize = 3;

/// Whether a text stands in a tree, as a whole.
fn holds(node: &Node, text: &str) -> bool {
    match &node.value {
        Value::String(own) => own == text,
        Value::Sequence(items) => items.iter().any(|item| holds(item, text)),
        Value::Mapping(map) => map.values().any(|entry| holds(&entry.node, text)),
        _ => false,
    }
}

/// A path, and what stands there if that is short.
fn shown(path: &Path, node: &Node) -> String {
    let path = if path.is_root() { "the whole object".to_owned() } else { path.to_string() };
    match short(node) {
        Some(text) => format!("{path} = {text}"),
        None => path,
    }
}

/// Where a field is written, besides in values.
fn made_by(stack: &LoadedStack, rendering: &Rendering, field: &Field) -> String {
    let node = rendering.document(field).and_then(|document| field.path.find(document));
    let place =
        node.and_then(|node| node.span).map(|span| place_text(&rendering.sources.place(span)));
    match (stack.subject().maker(field), place) {
        (Some(Maker::Policy), Some(place)) => format!("policy    {place}, its owner's"),
        (Some(Maker::Policy), None) => "policy    what the edit puts in".to_owned(),
        (Some(Maker::Exception), _) => {
            "template  none: the exception to a policy has one form".to_owned()
        }
        (_, Some(place)) => format!("template  {place}"),
        (_, None) => "template  unknown".to_owned(),
    }
}

/// From a value to its fields, in each stack.
fn of_value(
    stacks: &[(&LoadedStack, Rendering)],
    value: &Path,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let mut missing = None;
    let mut found = Vec::new();
    for (stack, rendering) in stacks {
        match stack.subject().influences_of(rendering, value) {
            Ok(influences) => found.push((stack, rendering, influences)),
            Err(error) => missing = Some(error),
        }
    }
    // A value that only some stacks have is none that is missing.
    if let (true, Some(error)) = (found.is_empty(), missing) {
        return Err(Diagnostic::from(error).into());
    }
    for (stack, rendering, influences) in found {
        for influence in &influences {
            writeln!(context.out, "{}", origin(stack, &influence.value)?)?;
            for line in decided(rendering, influence) {
                writeln!(context.out, "  {line}")?;
            }
        }
    }
    Ok(())
}

/// The fields that a value decides, a line each; or why there is none.
fn decided(rendering: &Rendering, influence: &Influence) -> Vec<String> {
    if influence.fields.is_empty() {
        let why = why_idle(&influence.value).unwrap_or(match influence.changed_to {
            Some(_) => "another value makes the same objects",
            None => "no other value could be tried",
        });
        return vec![format!("decides no field: {why}")];
    }
    let ids: Vec<(Field, ObjectId)> = rendering.objects().collect();
    let id = |field: &Field| {
        let is_it = |(of, _): &&(Field, ObjectId)| {
            (of.template, of.document) == (field.template, field.document)
        };
        ids.iter().find(is_it).map(|(_, id)| id)
    };
    let mut new = BTreeSet::new();
    let mut lines = Vec::new();
    for field in &influence.fields {
        match id(field) {
            Some(id) if field.path.is_root() => lines.push(format!("{id}: whether it is there")),
            Some(id) => {
                let names = rendering.document(field).map(|node| names(node, &field.path));
                let names = names.filter(|names| !names.is_empty());
                let names = names.map(|names| format!("  ({names})")).unwrap_or_default();
                lines.push(format!("{id} {}{names}", field.path));
            }
            None => {
                new.insert((field.template, field.document));
            }
        }
    }
    match new.len() {
        0 => {}
        1 => lines.push("whether there is one object more".to_owned()),
        count => lines.push(format!("whether there are {count} objects more")),
    }
    lines
}

/// What the list items on the way to a field are called: `vram-gate › FLOOR`.
fn names(document: &Node, path: &Path) -> String {
    let mut way = Path::root();
    let mut names = Vec::new();
    for segment in path.segments() {
        way.push(segment.clone());
        if let Segment::Index(_) = segment {
            names.extend(way.find(document).and_then(|item| item.get("name")?.as_str()));
        }
    }
    names.join(" › ")
}

/// A value, what it is, and the place that brought it.
fn origin(stack: &LoadedStack, value: &Path) -> Result<String, CliError> {
    let loaded = &stack.loaded;
    if let Some(node) = value.find(&loaded.tree)
        && let Some(span) = node.span
    {
        let place = place_text(&stack.sources.place(span));
        return Ok(format!("{}, {place}", shown(value, node)));
    }
    let values =
        yaml_spans::to_node(&loaded.values).map_err(|error| Diagnostic::new(error.to_string()))?;
    let file = &stack.file;
    Ok(match value.find(&values).filter(|node| node.value != Value::Null) {
        Some(node) => format!("{}, the default: {file} does not set it", shown(value, node)),
        None => format!("{value}, not set in {file}"),
    })
}

/// A node on one line, if it is short.
fn short(node: &Node) -> Option<String> {
    const MOST: usize = 80;
    let text = yaml_spans::emit(node);
    let line = text.trim_end();
    (!line.contains('\n') && line.chars().count() <= MOST).then(|| line.to_owned())
}

fn place_text(place: &Place) -> String {
    format!("{}:{}:{}", place.name, place.line, place.column)
}
