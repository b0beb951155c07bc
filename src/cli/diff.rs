//! `diff`: what changed in the objects, and what that will do to the cluster.

use std::path::PathBuf;

use clap::ValueEnum;
use jiff::Timestamp;
use tts_render::diff::input::{self, Base, Comparison};
use tts_render::diff::{Diff, report};
use tts_render::project::Project;
use tts_render::window::history;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

use super::fail_on::FailOn;
use super::format::FormatFlag;
use super::project::refuse_standard_input;
use super::{CliError, Context, Exit, Inputs};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 no difference, 1 a difference, 2 a failure. With --fail-on: 1 if a \
consequence has at least that severity, else 0; a change that no rule judges counts as a warning.

Examples:
  tts-render diff                                 the last commit's rendered/ against a fresh render
  tts-render diff --base origin/main -o markdown > comment.md
  tts-render diff --base-dir ../main/rendered --head rendered
  tts-render diff tts --set gate.floor=8Gi --history month.json
  tts-render diff --base origin/main --fail-on critical"
)]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    /// The old state: a Git revision; a path that starts with `./`, `../` or `/` is a folder
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    base: String,
    /// The old state: a folder of rendered files in place of a revision
    #[arg(long, value_name = "DIR", conflicts_with = "base")]
    base_dir: Option<PathBuf>,
    /// The new state: a folder of rendered files in place of a fresh render
    #[arg(long, value_name = "DIR", conflicts_with_all = ["overlays", "set", "set_string", "templates"])]
    head: Option<PathBuf>,
    /// The folder of rendered files in a revision, from the project's root
    #[arg(long, value_name = "DIR", default_value = Project::RENDERED)]
    rendered: String,
    #[command(flatten)]
    format: FormatFlag<Format>,
    /// The most bytes of markdown; the report says what it omits
    #[arg(long, value_name = "BYTES", default_value_t = 65_536)]
    budget: usize,
    /// Exit 1 only if a consequence has at least this severity
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
    /// Recorded GPU memory to replay the gate's rules over: Prometheus' answer to a range query, or a file
    /// of `window fetch`; may be repeated
    #[arg(long, value_name = "FILE")]
    history: Vec<PathBuf>,
    /// The time to evaluate schedules at, such as 2026-11-24T12:00:00Z; now by default
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
}

/// The format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal.
    Text,
    /// For a pull request's comment.
    Markdown,
    /// One page for a browser.
    Html,
    /// For machines.
    Json,
    /// GitHub's workflow commands.
    Github,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    if args.budget < report::MIN_BUDGET {
        let message = format!(
            "invalid `--budget` `{}`: expected at least {} bytes",
            args.budget,
            report::MIN_BUDGET
        );
        return Err(Diagnostic::new(message).into());
    }
    for path in &args.history {
        refuse_standard_input("--history", path)?;
    }
    let project = context.common.project();
    let history = match &*args.history {
        [] => None,
        files => Some(history::read_files(&project, files)?),
    };
    let request = args.inputs.request()?;
    let comparison = Comparison {
        base: args.base_dir.as_deref().map_or_else(|| Base::parse(&args.base), Base::Folder),
        head: args.head.as_deref(),
        rendered_folder: &args.rendered,
        request: &request,
    };
    let inputs = input::load(&project, &comparison)?;
    for note in &inputs.notes {
        context.printer.status(note);
    }
    let now = args.now.unwrap_or_else(Timestamp::now);
    let diff =
        Diff::between(&inputs.base, &inputs.head, now, history.as_ref(), &project.new_budget())
            .map_err(Diagnostics::from)?;
    let text = match args.format.format {
        Format::Text => report::text(&diff),
        Format::Markdown => report::markdown(&diff, args.budget),
        Format::Html => report::html(&diff),
        Format::Json => report::json(&diff),
        Format::Github => {
            // `--head` is relative to the working directory, a fresh render to the project's root.
            let paths = context.common.forge_paths(&project);
            let root = if args.head.is_some() { &paths.here } else { &paths.project };
            report::github(&diff, root, &inputs.texts)
        }
    };
    context.out.write_all(text.as_bytes())?;
    Ok(exit_status(args.fail_on, &diff))
}

fn exit_status(fail_on: Option<FailOn>, diff: &Diff) -> Exit {
    let worst = diff.worst_severity();
    let fails = match fail_on {
        None => !diff.is_empty(),
        Some(limit) => worst.is_some_and(|worst| worst <= limit.severity()),
    };
    if fails { Exit::Differs } else { Exit::Success }
}
