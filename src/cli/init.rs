//! `init`: a first values file for a new tenant.

use std::fs;
use std::io;
use std::path::Path;

use tts_render::project::{Project, create_file};
use tts_render::values::{self, DnsLabel};
use yaml_spans::diagnostic::Diagnostic;

use super::{CliError, Context, Exit, file_error};

/// The file, with the placeholder `NAME` for the stack's name.
const FIRST_VALUES: &str = include_str!("init.yaml");

/// Write a first values file for a new tenant. It renders immediately; its window stays closed until you
/// enable them
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  tts-render init whisper && tts-render render whisper")]
pub(crate) struct Args {
    /// The stack's name: a lower-case label such as `whisper`
    name: String,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let name = DnsLabel::new(args.name.as_str()).map_err(Diagnostic::new)?;
    let project = context.common.project();
    if project.root() != Path::new(".") {
        let root = project.root().display();
        context.printer.status(&format!("adding `{name}` to the project in `{root}`"));
    }
    let folder = project.root().join(Project::VALUES);
    fs::create_dir_all(&folder).map_err(|error| file_error("write", &folder, &error))?;
    let file = folder.join(format!("{name}.yaml"));
    if !write_new(&file, &FIRST_VALUES.replace("NAME", name.as_str()), context)? {
        let message = format!("`{}` exists already: `init` overwrites nothing", file.display());
        return Err(Diagnostic::new(message).into());
    }
    let schema = folder.join(Project::SCHEMA);
    write_new(&schema, &format!("{:#}\n", values::schema()), context)?;
    Ok(Exit::Success)
}

/// Writes a file, unless it exists; returns true if it was written.
fn write_new(path: &Path, text: &str, context: &Context<'_>) -> Result<bool, CliError> {
    match create_file(path, text) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(file_error("write", path, &error).into()),
        Ok(()) => {
            context.printer.status(&format!("wrote {}", path.display()));
            Ok(true)
        }
    }
}
