//! `templates`: the built-in templates, and the project's own in their place.

use std::fs;
use std::io;
use std::path::Path;

use tts_render::project::{Project, create_file};
use tts_render::templates::BUILT_IN;
use yaml_spans::diagnostic::{Diagnostic, Hint};
use yaml_spans::{list_names, suggest};

use super::{CliError, Context, Exit, file_error};

/// The ending of a template's file.
const ENDING: &str = ".yaml.j2";

#[derive(Debug, clap::Args)]
#[command(
    after_help = "A file in `templates/` replaces the built-in template of the same name; one with another name
adds objects.

Examples:
  tts-render templates list                  which exist, and which the project has itself
  tts-render templates show deployment | diff - templates/deployment.yaml.j2
  tts-render templates eject deployment      write templates/deployment.yaml.j2"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: TemplatesCommand,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum TemplatesCommand {
    /// List the templates, and where each one comes from
    #[command(after_help = "Example:
  tts-render templates list")]
    List,
    /// Print a built-in template
    #[command(after_help = "Example:
  tts-render templates show deployment | diff - templates/deployment.yaml.j2")]
    Show(NameArgs),
    /// Write a built-in template into `templates/`, to be changed there
    #[command(after_help = "Example:
  tts-render templates eject deployment")]
    Eject(NameArgs),
}

/// The arguments of `templates show` and `templates eject`.
#[derive(Debug, Clone, clap::Args)]
struct NameArgs {
    /// The template's name: `deployment`
    name: String,
}

/// Runs one of the commands.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    match &args.command {
        TemplatesCommand::List => list_templates(context),
        TemplatesCommand::Show(args) => show_template(&args.name, context),
        TemplatesCommand::Eject(args) => eject_template(&args.name, context),
    }
}

fn list_templates(context: &mut Context<'_>) -> Result<Exit, CliError> {
    let own = own_names(context)?;
    let built_in = BUILT_IN.iter().map(|(file, _)| stem_of(file));
    let added = own.iter().map(String::as_str).filter(|name| find_built_in(name).is_none());
    let mut names: Vec<&str> = built_in.chain(added).collect();
    names.sort_unstable();
    let width = names.iter().map(|name| name.len()).max().unwrap_or_default();
    for name in names {
        let is_own = own.iter().any(|own| own == name);
        let origin = match (is_own, find_built_in(name)) {
            (false, _) => "built in".to_owned(),
            (true, Some(_)) => format!("{}, in place of the built-in one", path_of(name)),
            (true, None) => path_of(name),
        };
        context.print_line(&format!("{name:width$}  {origin}"))?;
    }
    Ok(Exit::Success)
}

fn show_template(name: &str, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let text = built_in(stem_of(name), context)?;
    context.out.write_all(text.as_bytes())?;
    Ok(Exit::Success)
}

fn eject_template(name: &str, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let name = stem_of(name);
    let text = built_in(name, context)?;
    // Refuses a folder that is a link out of the project.
    own_names(context)?;
    let folder = context.common.project().path_from_here(Path::new(Project::TEMPLATES));
    fs::create_dir_all(&folder).map_err(|error| file_error("write", &folder, &error))?;
    let file = folder.join(format!("{name}{ENDING}"));
    match create_file(&file, text) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let message =
                format!("`{}` exists already: `eject` overwrites nothing", file.display());
            return Err(Diagnostic::new(message).into());
        }
        Err(error) => return Err(file_error("write", &file, &error).into()),
        Ok(()) => {}
    }
    context.printer.status(&format!("wrote `{}`", file.display()));
    Ok(Exit::Success)
}

/// The text of a built-in template.
fn built_in(name: &str, context: &Context<'_>) -> Result<&'static str, CliError> {
    if let Some(text) = find_built_in(name) {
        return Ok(text);
    }
    if own_names(context)?.iter().any(|own| own == name) {
        let message = format!("`{name}` is not a built-in template: it is `{}`", path_of(name));
        return Err(Diagnostic::new(message).into());
    }
    let names: Vec<&str> = BUILT_IN.iter().map(|(file, _)| stem_of(file)).collect();
    let hint = match suggest(name, names.iter().copied()) {
        Some(near) => Hint::Suggestion(near.into()).to_string(),
        None => format!("expected one of {}", list_names(&names)),
    };
    let message = format!("there is no built-in template `{name}`");
    Err(Diagnostic { notes: vec![hint], ..Diagnostic::new(message) }.into())
}

fn find_built_in(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(file, _)| stem_of(file) == name).map(|(_, text)| *text)
}

/// The names of the project's own templates.
fn own_names(context: &Context<'_>) -> Result<Vec<String>, CliError> {
    let files = context.common.project().templates(None)?;
    Ok(files.iter().map(|(file, _)| stem_of(file).to_owned()).collect())
}

/// A template's name: that of its file, without folder and ending.
fn stem_of(file: &str) -> &str {
    let name = file.strip_prefix("templates/").unwrap_or(file);
    let name = name.strip_suffix(".j2").unwrap_or(name);
    name.strip_suffix(".yaml").unwrap_or(name)
}

fn path_of(name: &str) -> String {
    format!("{}/{name}{ENDING}", Project::TEMPLATES)
}
