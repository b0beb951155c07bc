//! `init`: a first values file for a new tenant.

use std::fs::{self, OpenOptions};
use std::io::Write;

use tts_render::project::Project;
use tts_render::values::{self, DnsLabel};
use yaml_spans::diagnostic::Diagnostic;

use super::{CliError, Context, Exit};

/// The file; `NAME` stands for the stack's name.
const FIRST_VALUES: &str = include_str!("init.yaml");

/// Write a first values file for a new tenant; it renders at once, and rests until you say go
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
    let folder = context.common.root.join(Project::VALUES);
    let failed = |what: &std::path::Path, error: std::io::Error| {
        CliError::from(Diagnostic::new(format!("{} can't be written: {error}", what.display())))
    };
    fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
    let schema = (folder.join("schema.json"), format!("{:#}\n", values::schema()));
    let first = (folder.join(format!("{name}.yaml")), FIRST_VALUES.replace("NAME", name.as_str()));
    for (path, text) in [&first, &schema] {
        let opened = OpenOptions::new().write(true).create_new(true).open(path);
        match opened.and_then(|mut file| file.write_all(text.as_bytes())) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                if path == &first.0 {
                    let message =
                        format!("{} is there already: init overwrites nothing", path.display());
                    return Err(Diagnostic::new(message).into());
                }
            }
            Err(error) => return Err(failed(path, error)),
            Ok(()) => context.printer.status(&format!("wrote {}", path.display())),
        }
    }
    Ok(Exit::Success)
}
