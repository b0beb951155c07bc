//! The flags that commands share, and their conversion into the library's types.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use tts_render::project::Project;
use tts_render::project::load::Request;
use tts_render::values::Assignment;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

use super::print::Color;

/// Flags of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Common {
    /// The project's root
    #[arg(short = 'C', long = "directory", value_name = "DIR", default_value = ".", global = true)]
    pub root: PathBuf,
    /// Print nothing but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Colour the output: on a terminal, always or never
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub color: Color,
    /// Print help; `--help` prints more of it
    #[arg(short, long, global = true, action = ArgAction::Help)]
    help: Option<bool>,
    /// Print the version
    #[arg(short = 'V', long, global = true, action = ArgAction::Version)]
    version: Option<bool>,
}

/// Flags of the commands that render.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Inputs {
    /// Stacks, by name, or by the path of their values file (with `/` or `.yaml`); default: all
    #[arg(value_name = "STACK")]
    pub stacks: Vec<String>,
    /// An overlay: maps merge, lists and scalars replace, null removes; the last wins
    #[arg(short = 'f', long = "values", value_name = "FILE")]
    pub overlays: Vec<PathBuf>,
    /// One value, typed by the schema; stronger than overlays: --set gate.floor=7Gi
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// A folder of templates in place of the project's
    #[arg(long, value_name = "DIR")]
    pub templates: Option<PathBuf>,
}

impl Common {
    /// The project.
    pub(crate) fn project(&self) -> Project {
        Project::new(&self.root)
    }
}

impl Inputs {
    /// The stacks to render, with their layers.
    pub(crate) fn request(&self) -> Result<Request, Diagnostics> {
        let mut assignments = Vec::new();
        let mut errors = Vec::new();
        for text in &self.set {
            match Assignment::parse(text) {
                Ok(assignment) => assignments.push(assignment),
                Err(error) => errors.push(Diagnostic::new(format!("--set: {error}"))),
            }
        }
        if !errors.is_empty() {
            return Err(Diagnostics(errors));
        }
        Ok(Request {
            stacks: self.stacks.clone(),
            overlays: self.overlays.clone(),
            assignments,
            templates: self.templates.clone(),
            ..Request::default()
        })
    }
}
