//! The flags that commands share, and their conversion into the library's types.

use std::io;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args};
use tts_render::budget::Budget;
use tts_render::project::load::Request;
use tts_render::project::{Project, is_standard_input};
use tts_render::report::ForgePaths;
use tts_render::values::Assignment;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

use super::complete;
use super::number::parse_number;
use super::print::Color;

/// Flags of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Common {
    /// Run as if started in this folder. The project is the nearest folder from there upwards with a
    /// values file in `values/`; file arguments are relative to this folder
    #[arg(short = 'C', long, value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// Print nothing but errors and requested data; a report is not printed, its exit code says it all
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Allow a run this many times its budget of bytes, keys and values: for more stacks or larger files than
    /// an ordinary project has, in a repository that you trust
    #[arg(long, value_name = "N", default_value_t = 1, global = true,
        value_parser = |text: &str| parse_number(text, 1, Budget::MAX_FACTOR))]
    budget_factor: u32,
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

// Flags of the commands that render.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Inputs {
    /// Stacks, by name, or by the path of their values file (with `/` or `.yaml`); default: all
    #[arg(value_name = "STACK", add = complete::stacks())]
    pub stacks: Vec<String>,
    /// An overlay: maps merge, lists and scalars replace, null removes; the last wins
    #[arg(short = 'f', long = "values", value_name = "FILE")]
    pub overlays: Vec<PathBuf>,
    /// One value, typed by the schema; stronger than overlays: --set gate.floor=7Gi
    #[arg(long, value_name = "PATH=VALUE", add = complete::assignments())]
    pub set: Vec<String>,
    /// One text, a string whatever it says; stronger than --set: --set-string server.image.tag=1.10
    #[arg(long, value_name = "PATH=TEXT", add = complete::assignments())]
    pub set_string: Vec<String>,
    /// A folder of templates in place of the project's
    #[arg(long, value_name = "DIR")]
    pub templates: Option<PathBuf>,
}

impl Common {
    /// Changes to the folder of `-C`. Paths are relative to it from then on.
    pub(crate) fn enter_directory(&self) -> Result<(), Diagnostics> {
        let Some(folder) = &self.directory else {
            return match std::env::current_dir() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Diagnostic::new(
                    "the working directory was deleted: change to one that exists",
                )
                .into()),
                _ => Ok(()),
            };
        };
        std::env::set_current_dir(folder).map_err(|error| {
            let folder = folder.display();
            Diagnostic::new(format!("can't change to the folder `{folder}` of `-C`: {error}"))
                .into()
        })
    }

    /// The project around the working directory.
    pub(crate) fn project(&self) -> Project {
        Project::find(Path::new(".")).with_budget_factor(self.budget_factor)
    }

    /// The project in a folder.
    pub(crate) fn project_in(&self, root: PathBuf) -> Project {
        Project::new(root).with_budget_factor(self.budget_factor)
    }

    /// The names of files for a forge.
    pub(crate) fn forge_paths(&self, project: &Project) -> ForgePaths {
        ForgePaths::find(project.root(), self.directory.as_deref().unwrap_or(Path::new("")))
    }
}

/// Refuses `-` for a flag that takes a file: it may be read more than once.
pub(crate) fn refuse_standard_input(flag: &str, path: &Path) -> Result<(), Diagnostics> {
    if !is_standard_input(path) {
        return Ok(());
    }
    let message = format!("`{flag} -` is not supported: expected a file, not standard input");
    Err(Diagnostic::new(message).note("a file of this name is `./-`").into())
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
        for text in &self.set_string {
            match Assignment::parse_string(text) {
                Ok(assignment) => assignments.push(assignment),
                Err(error) => errors.push(Diagnostic::new(format!("--set-string: {error}"))),
            }
        }
        if !errors.is_empty() {
            return Err(Diagnostics(errors));
        }
        self.overlays.iter().try_for_each(|path| refuse_standard_input("-f", path))?;
        Ok(Request {
            stacks: self.stacks.clone(),
            overlays: self.overlays.clone(),
            assignments,
            templates: self.templates.clone(),
            ..Request::default()
        })
    }
}
