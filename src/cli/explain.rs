//! `explain`: which value decides a field, and which fields a value decides.

use tts_render::diagnostic::Diagnostic;
use tts_render::explain::{Field, Influence, Rendering};
use tts_render::fleet::Opened;
use tts_render::source::Place;
use tts_render::yaml::{Node, Path, near_name};

use super::{Exit, Inputs, Run, Stop};

/// Say which value decides a field, or which fields a value decides
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render explain deployment/chatterbox-tts 'spec.template.spec.containers[0].image'
  tts-render explain deployment/chatterbox-tts spec.replicas
  tts-render explain --value gate.floor

Found by rendering again with each value changed in turn, so it holds whatever a template does.")]
pub(crate) struct Args {
    /// The object, as KIND/NAME
    #[arg(value_name = "OBJECT", required_unless_present = "value", conflicts_with = "value")]
    object: Option<String>,
    /// The field's path in it
    #[arg(value_name = "PATH", requires = "object")]
    path: Option<Path>,
    /// The value's path: every field that it decides
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
pub(crate) fn run(args: &Args, run: &mut Run<'_>) -> Result<Exit, Stop> {
    let inputs = Inputs {
        stacks: args.stacks.clone(),
        overlays: args.overlays.clone(),
        set: args.set.clone(),
        templates: args.templates.clone(),
    };
    let stacks = Opened::open(&run.common.project(), &inputs.request()?)?;
    let mut names = Vec::new();
    for stack in &stacks {
        let subject = stack.subject();
        let rendering = subject.rendering().ok_or_else(|| {
            Diagnostic::new(format!("{} does not render: see `tts-render render`", stack.file))
        })?;
        if let Some(value) = &args.value {
            explain_value(stack, &rendering, value, run)?;
            continue;
        }
        let wanted = args.object.as_deref().unwrap_or_default().to_lowercase();
        for (template, documents) in rendering.documents.iter().enumerate() {
            for (document, node) in documents.iter().enumerate() {
                let name = object_name(node);
                if name == wanted {
                    let path = args.path.clone().unwrap_or_default();
                    let field = Field { template, document, path };
                    return explain_field(stack, &rendering, node, &field, run);
                }
                names.push(name);
            }
        }
    }
    if args.value.is_some() {
        return Ok(Exit::Success);
    }
    let wanted = args.object.as_deref().unwrap_or_default();
    let near = near_name(wanted, names.iter().map(String::as_str));
    let hint = near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
    Err(Diagnostic::new(format!("no stack renders `{wanted}`{hint}")).into())
}

/// `kind/name`, lower case, as kubectl names objects.
fn object_name(node: &Node) -> String {
    let text = |path: &[&str]| {
        path.iter().try_fold(node, |node, key| node.get(key)).and_then(Node::as_str)
    };
    let (kind, name) = (text(&["kind"]), text(&["metadata", "name"]));
    format!("{}/{}", kind.unwrap_or("?"), name.unwrap_or("?")).to_lowercase()
}

fn explain_field(
    stack: &Opened,
    rendering: &Rendering,
    document: &Node,
    field: &Field,
    run: &mut Run<'_>,
) -> Result<Exit, Stop> {
    let node = field.path.find(document).ok_or_else(|| {
        Diagnostic::new(format!("`{}` is no field of {}", field.path, object_name(document)))
    })?;
    let text = tts_render::yaml::emit(node);
    if text.lines().count() == 1 {
        writeln!(run.out, "{} = {}", field.path, text.trim_end())?;
    } else {
        writeln!(run.out, "{}", field.path)?;
    }
    if let Some(span) = node.span {
        let place = rendering.sources.place(span);
        writeln!(run.out, "  template  {}", place_text(&place))?;
    }
    let influences = stack.subject().influences();
    let behind: Vec<&Influence> =
        influences.iter().filter(|influence| influence.reaches(field)).collect();
    if behind.is_empty() {
        writeln!(run.out, "  value     none: it stands in the template")?;
    }
    for influence in behind {
        writeln!(run.out, "  value     {}", value_text(stack, &influence.value))?;
    }
    Ok(Exit::Success)
}

fn explain_value(
    stack: &Opened,
    rendering: &Rendering,
    value: &Path,
    run: &mut Run<'_>,
) -> Result<(), Stop> {
    writeln!(run.out, "{}", value_text(stack, value))?;
    let influence = stack.subject().influence_of(value);
    let Some(influence) = influence.filter(|influence| influence.changed_to.is_some()) else {
        let message =
            format!("`{value}` is no value that can be changed: name a leaf of the values");
        return Err(Diagnostic::new(message).into());
    };
    if influence.fields.is_empty() {
        writeln!(run.out, "  decides no field of the stack's own objects")?;
    }
    for field in influence.fields {
        let document = rendering.documents.get(field.template).and_then(|d| d.get(field.document));
        match document {
            Some(node) if field.path.is_root() => {
                writeln!(run.out, "  {}: whether it is there", object_name(node))?;
            }
            Some(node) => writeln!(run.out, "  {} {}", object_name(node), field.path)?,
            None => writeln!(run.out, "  an object that is not rendered now")?,
        }
    }
    Ok(())
}

/// A value's path and the place that brought it.
fn value_text(stack: &Opened, value: &Path) -> String {
    let tree = &stack.loaded.tree;
    match value.find(tree).and_then(|node| node.span) {
        Some(span) => format!("{value}, {}", place_text(&stack.sources.place(span))),
        None => format!("{value}, a default"),
    }
}

fn place_text(place: &Place) -> String {
    format!("{}:{}:{}", place.name, place.line, place.column)
}
