//! The command line: one file a command, with its arguments and its printing and nothing else.
//!
//! Data goes to standard output, talk to standard error. Nothing else in the project prints.

mod commit;
mod completions;
mod diff;
mod doctor;
mod explain;
mod fail_on;
mod generate;
mod gitops;
mod image;
mod init;
mod lint;
mod man;
mod parameters;
mod plugin;
mod policy;
mod print;
mod project;
mod render;
mod schema;
mod validate;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

use print::{Color, Printer};
pub(crate) use project::{Common, Inputs};

/// Renders a polite GPU tenant's whole stack into static, reviewed Kubernetes YAML.
#[derive(Debug, Parser)]
#[command(name = "tts-render", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Examples:
  tts-render init whisper                 a first values file
  tts-render render                       write rendered/ for every stack
  tts-render render --check               is rendered/ what the values say?
  tts-render generate tts | kubectl diff -f -")]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Render(render::Args),
    Generate(generate::Args),
    Parameters(parameters::Args),
    Commit(commit::Args),
    Gitops(gitops::Args),
    Doctor(doctor::Args),
    Validate(validate::Args),
    Explain(explain::Args),
    Diff(Box<diff::Args>),
    Lint(lint::Args),
    Schema(schema::Args),
    Init(init::Args),
    /// Keep a namespace out of somebody else's policy
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Container images of the gate and of this program, without Docker
    #[command(subcommand)]
    Image(image::ImageCommand),
    Completions(completions::Args),
    Man(man::Args),
}

/// What a run ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; nothing differs, nothing was found.
    Success = 0,
    /// Something differs, or there are findings.
    Differs = 1,
    /// Bad usage, bad input or a failure; said on standard error.
    Failure = 2,
}

/// Why a command ends before its time.
#[derive(Debug)]
pub(crate) enum CliError {
    /// Something is wrong, and a person is told.
    Diagnostics(Diagnostics),
    /// Nobody reads our output any more: an ordinary end.
    ClosedPipe,
}

impl From<Diagnostics> for CliError {
    fn from(diagnostics: Diagnostics) -> Self {
        CliError::Diagnostics(diagnostics)
    }
}

impl From<Diagnostic> for CliError {
    fn from(diagnostic: Diagnostic) -> Self {
        CliError::Diagnostics(diagnostic.into())
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => CliError::ClosedPipe,
            _ => Diagnostic::new(format!("the output can't be written: {error}")).into(),
        }
    }
}

/// What every command is given beside its own arguments.
pub(crate) struct Context<'a> {
    /// The flags that all commands share.
    pub common: &'a Common,
    /// Standard output: data.
    pub out: &'a mut dyn Write,
    /// Standard error: talk.
    pub printer: &'a Printer,
}

/// Parses, runs, prints what is wrong.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => return print_usage(&usage),
    };
    let printer = Printer::new(cli.common.color, cli.common.quiet);
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut context = Context { common: &cli.common, out: &mut out, printer: &printer };
    let result = dispatch(cli.command, &mut context);
    let result = result.and_then(|exit| {
        out.flush()?;
        Ok(exit)
    });
    exit_code(result, &printer)
}

/// Prints a usage error to standard error, or the help or version that was asked for to standard
/// output.
fn print_usage(usage: &clap::Error) -> ExitCode {
    let written = usage.print().and_then(|()| io::stdout().flush());
    let exit = if usage.use_stderr() { Exit::Failure } else { Exit::Success };
    exit_code(written.map(|()| exit).map_err(CliError::from), &Printer::new(Color::Auto, false))
}

/// Reports the error of a context, if it has one, and returns its exit code.
fn exit_code(result: Result<Exit, CliError>, printer: &Printer) -> ExitCode {
    match result {
        Ok(exit) => code(exit),
        Err(CliError::ClosedPipe) => code(Exit::Success),
        Err(CliError::Diagnostics(diagnostics)) => {
            printer.errors(&diagnostics);
            code(Exit::Failure)
        }
    }
}

fn dispatch(command: Command, context: &mut Context<'_>) -> Result<Exit, CliError> {
    match command {
        Command::Render(args) => render::run(&args, context),
        Command::Generate(args) => generate::run(&args, context),
        Command::Parameters(args) => parameters::run(&args, context),
        Command::Commit(args) => commit::run(&args, context),
        Command::Gitops(args) => gitops::run(&args, context),
        Command::Doctor(args) => doctor::run(&args, context),
        Command::Validate(args) => validate::run(&args, context),
        Command::Explain(args) => explain::run(&args, context),
        Command::Diff(args) => diff::run(&args, context),
        Command::Lint(args) => lint::run(&args, context),
        Command::Schema(args) => schema::run(&args, context),
        Command::Init(args) => init::run(&args, context),
        Command::Policy(command) => policy::run(&command, context),
        Command::Image(command) => image::run(&command, context),
        Command::Completions(args) => completions::run(&args, context),
        Command::Man(args) => man::run(&args, context),
    }
}

fn code(exit: Exit) -> ExitCode {
    ExitCode::from(exit as u8)
}

/// The whole command line, for completions and the manual.
fn command() -> clap::Command {
    Cli::command()
}
