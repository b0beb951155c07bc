//! The command line: one file a command, with its arguments and its printing and nothing else.
//!
//! Data goes to standard output, messages to standard error. Only this module prints.

mod commit;
mod complete;
mod completions;
mod diff;
mod doctor;
mod explain;
mod fail_on;
mod format;
mod generate;
mod gitops;
mod image;
mod init;
mod lint;
mod list;
mod man;
mod number;
mod parameters;
mod plugin;
mod policy;
mod print;
mod project;
mod render;
mod schema;
mod server;
mod status;
mod table;
mod templates;
#[cfg(test)]
mod tests;
mod usage_tips;
mod validate;
mod version;
mod window;

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tts_render::project::{ProjectError, similar_file, write};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::{is_hidden, visible_line};

use print::{Color, Printer};
pub(crate) use project::{Common, Inputs};

/// Renders a polite GPU tenant's whole stack into static, reviewed Kubernetes YAML.
#[derive(Debug, Parser)]
#[command(name = "tts-render", version, propagate_version = true, max_term_width = 100)]
#[command(disable_help_flag = true, disable_version_flag = true)]
#[command(after_help = "Examples:
  tts-render init whisper                 a first values file
  tts-render render                       write rendered/ for every stack
  tts-render render --check               list how rendered/ differs from the values
  tts-render generate tts | kubectl diff -f -")]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// The commands. Only the command that runs has its flags built. So what a command does is said here, and a set of
/// flags that commands share has a plain comment: clap would take a doc comment for the command's own.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Command {
    /// Write rendered/ from the values and templates
    Render(render::Args),
    /// Print the manifests: the config management plugin's command
    ///
    /// When Argo CD calls it, `plugin.env` of the Application names the stack (STACK) or a shared folder
    /// (APP); without them, the last part of the source path does. The Application's parameters are laid
    /// over the values.
    Generate(generate::Args),
    /// Print the values that can be set in Argo CD, as the plugin announces them (JSON)
    Parameters(parameters::Args),
    /// Render, and commit rendered/ alone; print the commit
    ///
    /// The message has the headline and the consequences of `diff`, and names every object.
    ///
    /// Uses your own git, with its identity, signing and hooks. Programs that the clone's own configuration
    /// names are not run, except for hooks; hooks from a folder of the work tree are not run either. Other staged
    /// files stay staged. If nothing changes, no commit is
    /// made and nothing is printed.
    Commit(commit::Args),
    /// Print the files that wire this repository to Argo CD, Flux or a forge, or a client to its settings
    Gitops(gitops::Args),
    /// List what the stacks need of the cluster and do not render, with a command that checks each, or
    /// check it
    Doctor(doctor::Args),
    /// Show what the gate did in the last windows, and why
    Status(status::Args),
    /// Validate any Kubernetes manifests offline, by the API server's rules
    Validate(validate::Args),
    /// Show which value decides a field, or which fields a value decides
    Explain(explain::Args),
    /// Show what changed in the objects, and what it will do to the cluster
    Diff(Box<diff::Args>),
    /// Find risky settings, with the line to change
    Lint(lint::Args),
    /// List the stacks, the apps (folders of rendered/) or the objects
    List(list::Args),
    /// Print the JSON Schema of a values file
    Schema(schema::Args),
    /// Write a first values file for a new tenant. It renders immediately; its window stays closed until you
    /// enable it
    Init(init::Args),
    /// List, print or copy the built-in templates, as a start for the project's own
    Templates(templates::Args),
    /// Exclude a namespace from another owner's Kyverno policy, or show the effect of policies
    Policy(policy::Args),
    /// Build, push, pin and inspect the images of the gate and of this program, without Docker
    Image(image::Args),
    /// Show the windows of stacks: the coming ones, recorded ones, and a floor measured from them
    Window(window::Args),
    /// Print a script that completes commands, stacks, objects, values, rules and apps in a shell
    Completions(completions::Args),
    /// Print the manual page, of tts-render or of one command
    Man(man::Args),
    /// Print the version, and the commit that this program was built from
    Version(version::Args),
}

impl Command {
    /// Returns true if the exit code says in short what the output says at length, so that `--quiet` omits
    /// the output.
    fn reports(&self) -> bool {
        match self {
            Command::Diff(_)
            | Command::Lint(_)
            | Command::Doctor(_)
            | Command::Status(_)
            | Command::Validate(_) => true,
            Command::Render(args) => args.reports(),
            Command::Window(args) => args.reports(),
            _ => false,
        }
    }
}

/// The exit code of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; there are no differences and no findings.
    Success = 0,
    /// There are differences or findings.
    Differs = 1,
    /// Wrong usage, invalid input or a failure, reported on standard error.
    Failure = 2,
}

/// The early end of a command.
#[derive(Debug)]
pub(crate) enum CliError {
    /// Errors for the user.
    Diagnostics(Diagnostics),
    /// The reader of the output has closed the pipe, which is not an error.
    ClosedPipe,
}

/// Lets commands use `?` on the library's errors.
macro_rules! impl_from_errors {
    ($($error:ty),* $(,)?) => {
        $(impl From<$error> for CliError {
            fn from(error: $error) -> Self {
                CliError::Diagnostics(error.into())
            }
        })*
    };
}

impl_from_errors!(Diagnostic, Diagnostics, ProjectError, write::Error);

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => CliError::ClosedPipe,
            _ => Diagnostic::new(format!("can't write the output: {error}")).into(),
        }
    }
}

/// The inputs of every command besides its own arguments.
pub(crate) struct Context<'a> {
    /// The flags that all commands share.
    pub common: &'a Common,
    /// Standard output: data.
    pub out: &'a mut dyn Write,
    /// Standard error: messages.
    pub printer: &'a Printer,
}

impl Context<'_> {
    /// Prints a line of text to standard output, with hidden characters written out.
    pub(crate) fn print_line(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{}", visible_line(line))
    }
}

/// Parses the command line, runs the command and reports its errors.
pub(crate) fn main() -> ExitCode {
    match complete::answer_shell() {
        Ok(false) => {}
        Ok(true) => return Exit::Success.into(),
        Err(error) => return print_usage(&error),
    }
    let cli = match parse_arguments() {
        Ok(cli) => cli,
        Err(usage) => return print_usage(&usage_tips::add_tip(usage)),
    };
    let printer = Printer::new(cli.common.color, cli.common.quiet);
    let mut out: Box<dyn Write> = match cli.common.quiet && cli.command.reports() {
        true => Box::new(io::sink()),
        false => Box::new(io::BufWriter::new(io::stdout().lock())),
    };
    let mut context = Context { common: &cli.common, out: &mut out, printer: &printer };
    let entered = cli.common.enter_directory().map_err(CliError::from);
    let result = entered.and_then(|()| run_command(cli.command, &mut context)).and_then(|exit| {
        out.flush()?;
        Ok(exit)
    });
    exit_code(result, &printer)
}

/// The arguments. clap's own description of all commands, some thousand small objects, is left to the end of the
/// process: to drop it would take as long as half of its making.
fn parse_arguments() -> Result<Cli, clap::Error> {
    let command = Box::leak(Box::new(Cli::command()));
    let mut matches = command.try_get_matches_from_mut(std::env::args_os())?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(command))
}

/// Prints a usage error to standard error, or the help or version that was asked for to standard
/// output.
fn print_usage(usage: &clap::Error) -> ExitCode {
    let written = match usage.use_stderr() && std::env::args_os().any(|arg| is_hostile(&arg)) {
        false => usage.print().and_then(|()| io::stdout().flush()),
        true => {
            let text = usage.render().to_string();
            text.lines().try_for_each(|line| writeln!(io::stderr(), "{}", visible_line(line)))
        }
    };
    let exit = if usage.use_stderr() { Exit::Failure } else { Exit::Success };
    exit_code(written.map(|()| exit).map_err(CliError::from), &Printer::new(Color::Auto, false))
}

/// Returns true if an argument, such as the name of a file, could steer a terminal or a CI system.
fn is_hostile(arg: &OsStr) -> bool {
    let text = arg.to_string_lossy();
    text.contains(is_hidden) || visible_line(&text) != text
}

/// Reports the errors of a run, and returns its exit code.
fn exit_code(result: Result<Exit, CliError>, printer: &Printer) -> ExitCode {
    match result {
        Ok(exit) => exit.into(),
        Err(CliError::ClosedPipe) => Exit::Success.into(),
        Err(CliError::Diagnostics(diagnostics)) => {
            printer.errors(&diagnostics);
            Exit::Failure.into()
        }
    }
}

/// The error of a file that the command can't read or write; `action` is the verb.
fn file_error(action: &str, path: &Path, error: &io::Error) -> Diagnostic {
    let near = similar_file(path).map(|near| format!(": did you mean `{}`?", near.display()));
    let near = near.unwrap_or_default();
    Diagnostic::new(format!("can't {action} `{}`: {error}{near}", path.display()))
}

fn run_command(command: Command, context: &mut Context<'_>) -> Result<Exit, CliError> {
    match command {
        Command::Render(args) => render::run(&args, context),
        Command::Generate(args) => generate::run(&args, context),
        Command::Parameters(args) => parameters::run(&args, context),
        Command::Commit(args) => commit::run(&args, context),
        Command::Gitops(args) => gitops::run(&args, context),
        Command::Doctor(args) => doctor::run(&args, context),
        Command::Status(args) => status::run(&args, context),
        Command::Validate(args) => validate::run(&args, context),
        Command::Explain(args) => explain::run(&args, context),
        Command::Diff(args) => diff::run(&args, context),
        Command::Lint(args) => lint::run(&args, context),
        Command::List(args) => list::run(&args, context),
        Command::Schema(args) => schema::run(&args, context),
        Command::Init(args) => init::run(&args, context),
        Command::Templates(args) => templates::run(&args, context),
        Command::Policy(args) => policy::run(&args, context),
        Command::Image(args) => image::run(&args, context),
        Command::Window(args) => window::run(&args, context),
        Command::Completions(args) => completions::run(&args, context),
        Command::Man(args) => man::run(&args, context),
        Command::Version(args) => version::run(&args, context),
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// The whole command line, for completions and the manual.
fn command_line() -> clap::Command {
    Cli::command()
}
