//! `init`: a first values file for a new tenant.

use std::fs;
use std::io;
use std::path::Path;

use clap::builder::PossibleValuesParser;
use tts_render::budget::Budget;
use tts_render::project::{Project, ProjectError, StackFile, create_file};
use tts_render::tenants::{self, FirstValues, Neighbour};
use tts_render::values::{self, DnsLabel, Layers, Loaded};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::Sources;

use super::{CliError, Context, Exit, file_error};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Values that all other stacks of the project have in common are copied: the gate's image, the exporter,
the time zone, the policy and more. The window overlaps none of the others.

Examples:
  tts-render init whisper && tts-render render whisper
  tts-render init images --like comfyui        ports, probes, volumes and environment of ComfyUI"
)]
pub(crate) struct Args {
    /// The stack's name: a lower-case label such as `whisper`
    name: String,
    /// The kind of tenant to start from
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(tenants::kinds()))]
    like: Option<String>,
}

/// The attributes of rendered files: a clone on Windows does not convert their line ends.
fn rendered_attributes() -> String {
    format!("{}/** text eol=lf", Project::RENDERED)
}

/// Returns advice about a `.gitattributes` that exists: none if it says something about rendered files.
fn line_end_advice(project: &Project, path: &Path) -> Option<String> {
    let line = rendered_attributes();
    match project.read_named(path) {
        Ok(source) if source.text().contains(&format!("{}/", Project::RENDERED)) => None,
        Ok(_) => Some(format!(
            "add `{line}` to `{}`, so that no clone converts line ends",
            path.display()
        )),
        Err(error) => {
            Some(format!("{error}; without the line `{line}` in it, a clone may convert line ends"))
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let name = DnsLabel::new(args.name.as_str()).map_err(Diagnostic::new)?;
    let project = context.common.project();
    if project.root() != Path::new(".") {
        let root = project.root().display();
        context.printer.status(&format!("adding `{name}` to the project in `{root}`"));
    }
    let folder = project.path_from_here(Path::new(Project::VALUES));
    fs::create_dir_all(&folder).map_err(|error| file_error("write", &folder, &error))?;
    let file = folder.join(format!("{name}.yaml"));
    let others = load_others(name.as_str(), context)?;
    let first = FirstValues::new(name.as_str(), args.like.as_deref(), &others);
    if !write_new(&file, &first.text, context)? {
        let message = format!("`{}` exists already: `init` overwrites nothing", file.display());
        return Err(Diagnostic::new(message).into());
    }
    let schema = folder.join(Project::SCHEMA);
    write_new(&schema, &format!("{:#}\n", values::schema()), context)?;
    let attributes = project.path_from_here(Path::new(".gitattributes"));
    let text =
        format!("# Every clone has the bytes that were rendered.\n{}\n", rendered_attributes());
    if !write_new(&attributes, &text, context)?
        && let Some(advice) = line_end_advice(&project, &attributes)
    {
        context.printer.status(&advice);
    }
    report(&name, &first, !others.is_empty(), context);
    Ok(Exit::Success)
}

/// Loads the project's other stacks. One that can't be read shares nothing; `render` reports its errors.
///
/// # Errors
/// The stacks can't be listed, or exceed the budget of a run.
fn load_others(name: &str, context: &Context<'_>) -> Result<Vec<Neighbour>, CliError> {
    let project = context.common.project();
    let budget = project.new_budget();
    let mut others = Vec::new();
    let stacks = match project.stacks() {
        Err(ProjectError::NoStacks { .. }) => Vec::new(),
        stacks => stacks?,
    };
    for stack in stacks.iter().filter(|stack| stack.stem != name) {
        let loaded = load_values(&project, stack, &budget);
        // A stack that was not loaded because of the others' size has no error of its own.
        budget.check().map_err(Diagnostics::from)?;
        match loaded {
            Some(neighbour) => others.push(neighbour),
            None => context.printer.status(&format!(
                "copied nothing from the stack `{}`: it has errors, which `tts-render render` lists",
                stack.stem
            )),
        }
    }
    Ok(others)
}

fn load_values(project: &Project, stack: &StackFile, budget: &Budget) -> Option<Neighbour> {
    let mut sources = Sources::new();
    let source = project.read_stack(stack).ok()?;
    let text = source.text().to_owned();
    let id = sources.add(source);
    let stem = Path::new(&stack.stem);
    let loaded = Loaded::load(&mut sources, id, stem, &Layers::default(), budget).ok()?;
    Some(Neighbour { loaded, text })
}

/// Prints what was decided, and what is left to do.
fn report(name: &DnsLabel, first: &FirstValues, has_others: bool, context: &Context<'_>) {
    let printer = context.printer;
    if !first.shared.is_empty() {
        printer.status(&format!("as in the other stacks: {}", first.shared.join(", ")));
    }
    match &first.window {
        Some(window) => {
            let (start, end) = window.hours;
            printer.status(&format!("window: {start:02}:00 to {end:02}:00, beside those of the other stacks"));
        }
        None if has_others => printer.status(
            "window: the other stacks' windows leave no hour free; choose `offPeak.up`, `guard` and `down`",
        ),
        None => {}
    }
    let lint = format!("`tts-render lint {name}`");
    printer.status(&match first.marks {
        0 => format!("next: {lint}"),
        1 => format!("next: edit the line marked `<-`, then {lint}"),
        marks => format!("next: edit the {marks} lines marked `<-`, then {lint}"),
    });
}

/// Writes a file, unless it exists; returns true if it was written.
fn write_new(path: &Path, text: &str, context: &Context<'_>) -> Result<bool, CliError> {
    match create_file(path, text) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(file_error("write", path, &error).into()),
        Ok(()) => {
            context.printer.status(&format!("wrote `{}`", path.display()));
            Ok(true)
        }
    }
}
