//! `status`: what the gate did in the last windows.

use std::fs::File;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use jiff::Timestamp;
use tts_render::kubectl::Kubectl;
use tts_render::project::load::RenderedProject;
use tts_render::project::{is_standard_input, read_at_most};
use tts_render::status::{self, LiveObjects, RenderedStack, Status, report};
use yaml_spans::diagnostic::Diagnostic;

use super::format::FormatFlag;
use super::number::parse_number;
use super::server::ServerFlags;
use super::{CliError, Context, Exit, Inputs, file_error};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "The record is kept for `offPeak.keep`. It is read with your own kubectl, which changes nothing.

Exit status: 0 as planned, 1 something deserves a look, 2 a failure.

Examples:
  tts-render status tts
  tts-render status tts --last 7 --format markdown
  tts-render status tts --prometheus http://localhost:9090
  kubectl get cronjobs,jobs,pods,events,deployments -n tts --show-managed-fields -o json > state.json
  tts-render status tts --from state.json --now 2026-11-26T07:00:00Z"
)]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    /// The number of windows to show; hours of demand since the first of them are shown, too
    #[arg(long, value_name = "N", default_value = "1", value_parser = |text: &str| parse_number(text, 1, 100))]
    last: u32,
    /// A file with the cluster's objects, as `kubectl get -o json` prints them; `-`: standard input.
    /// May be repeated
    #[arg(long, value_name = "FILE")]
    from: Vec<PathBuf>,
    /// The time of the files, such as 2026-11-26T07:00:00Z; now by default
    #[arg(long, value_name = "TIME", requires = "from")]
    now: Option<Timestamp>,
    /// The context of kubectl's configuration
    #[arg(long, value_name = "NAME", conflicts_with = "from")]
    context: Option<String>,
    /// The URL of a Prometheus, without `/api/v1`, that is asked whose memory grew before the server was stopped
    #[arg(long, value_name = "URL")]
    prometheus: Option<String>,
    #[command(flatten)]
    server: ServerFlags,
    #[command(flatten)]
    format: FormatFlag<Format>,
}

/// The format of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal: one line a decision.
    Text,
    /// For programs.
    Json,
    /// For an issue or a chat.
    Markdown,
    /// For a browser, with a chart of each night.
    Html,
}

/// The most that a file of objects may hold, in bytes.
const MAX_STATE: u64 = 64 << 20;

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let rendered = RenderedProject::render(&context.common.project(), &args.inputs.request()?)?;
    let mut recorded = LiveObjects::default();
    for file in &args.from {
        let added = recorded.add_json(&read_state(file)?, &file.display().to_string());
        added.map_err(|error| *error)?;
    }
    let now = args.now.unwrap_or_else(Timestamp::now);
    let server = args.prometheus.as_ref();
    let project = context.common.project();
    let server = server.map(|url| args.server.server(url, &project)).transpose()?;
    let mut statuses = Vec::new();
    for stack in &rendered.stacks {
        let rendered_stack = RenderedStack::of(&rendered, stack)
            .map_err(|error| Diagnostic::new(error.to_string()))?;
        if args.from.is_empty() {
            let kubectl = Kubectl { context: args.context.clone() };
            let read = status::read_cluster(&kubectl, &rendered_stack);
            recorded = read.map_err(|error| *error)?;
        }
        let status = status::inspect(&rendered_stack, &recorded, now, args.last as usize);
        let mut status = status.map_err(|error| Diagnostic::new(error.to_string()))?;
        if let Some(server) = &server {
            status::add_growth(&mut status, &rendered_stack, server)?;
        }
        statuses.push(status);
    }
    let text = match args.format.format {
        Format::Text => join(&statuses, report::text),
        Format::Markdown => join(&statuses, report::markdown),
        Format::Json => report::json(&statuses),
        Format::Html => report::html(&statuses),
    };
    context.out.write_all(text.as_bytes())?;
    Ok(if statuses.iter().all(Status::is_as_planned) { Exit::Success } else { Exit::Differs })
}

fn join(statuses: &[Status], format: fn(&Status) -> String) -> String {
    statuses.iter().map(format).collect::<Vec<_>>().join("\n")
}

fn read_state(path: &Path) -> Result<Vec<u8>, CliError> {
    let read = match is_standard_input(path) {
        true => read_at_most(std::io::stdin().lock(), 0, MAX_STATE),
        false => File::open(path).and_then(|file| read_at_most(file, 0, MAX_STATE)),
    };
    let bytes = read.map_err(|error| file_error("read", path, &error))?;
    let limit = MAX_STATE >> 20;
    Ok(bytes.ok_or_else(|| {
        Diagnostic::new(format!("`{}` is larger than {limit} MiB", path.display()))
    })?)
}
