//! `window fetch`: the recorded memory of past windows.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tts_render::project::create_file;
use tts_render::window::fetch::{self, Fetched, Hole, Past, Plan};
use vram_gate::duration;
use yaml_spans::diagnostic::Diagnostic;

use crate::cli::number::parse_number;
use crate::cli::server::ServerFlags;
use crate::cli::{CliError, Context, Exit, Inputs, file_error};

/// Fetch the recorded memory of past windows from a Prometheus, or print the commands that do
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Fetches what the gate reads (`gate.metric`, `gate.select`, and the metric of free memory if there is
one) in the stack's own windows, also of one that is suspended. The file says what it holds, and joins with
others: `--history` takes several.

Examples:
  tts-render window fetch tts --prometheus http://localhost:9090 --out nights.json.gz
  tts-render window fetch tts --prometheus https://prometheus.example.com --token-file token --ca ca.pem
  tts-render window fetch tts --nights 7 > fetch.sh        # commands for a machine that reaches it"
)]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    /// The URL of the Prometheus, without `/api/v1`; without it, print a shell script
    #[arg(long, value_name = "URL")]
    prometheus: Option<String>,
    #[command(flatten)]
    server: ServerFlags,
    /// The number of nights
    #[arg(long, value_name = "NUMBER", default_value = "30", value_parser = |text: &str| parse_number(text, 1, 400))]
    nights: u32,
    /// The instant at which the last window is closed, such as 2026-11-24T12:00:00Z; now by default
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// The step between two points: the interval at which Prometheus scrapes the exporter
    #[arg(long, value_name = "LENGTH", default_value = "15s", value_parser = parse_step)]
    step: u32,
    /// The file to write, which must not exist; of a script, the folder that it writes into
    #[arg(long, value_name = "FILE", default_value = "history.json.gz")]
    out: PathBuf,
}

/// Parses a step: whole seconds, up to an hour.
fn parse_step(text: &str) -> Result<u32, String> {
    let step = duration::parse(text).map_err(|error| error.to_string())?;
    let seconds = u32::try_from(step.as_secs()).ok().filter(|_| step.subsec_nanos() == 0);
    seconds
        .filter(|seconds| (1..=3600).contains(seconds))
        .ok_or_else(|| "expected whole seconds, from `1s` to `1h`".to_owned())
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let project = context.common.project();
    let past = Past { nights: args.nights, until: args.until.unwrap_or_else(Timestamp::now) };
    let plan = Plan::new(&project, &args.inputs.request()?, past, args.step)?;
    let Some(url) = &args.prometheus else {
        let folder = args.out.display().to_string();
        let folder = folder.strip_suffix(".json.gz").unwrap_or(&folder);
        context.out.write_all(fetch::commands(&plan, folder).as_bytes())?;
        return Ok(Exit::Success);
    };
    // Before anything is sent: what was fetched must have a place.
    if std::fs::symlink_metadata(&args.out).is_ok() {
        return Err(exists(&args.out).into());
    }
    let server = args.server.server(url, &project)?;
    let is_watched = io::stderr().is_terminal();
    let fetched = fetch::send(&plan, &server, &mut |step| {
        if is_watched {
            context.printer.status(&format!("query {} of {}", step.query, step.queries));
        }
    })
    .map_err(|error| error.diagnostic())?;
    create_file(&args.out, &fetched.file).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(&args.out),
        _ => file_error("write", &args.out, &error),
    })?;
    report(args, &plan, &fetched, context);
    Ok(Exit::Success)
}

fn exists(path: &Path) -> Diagnostic {
    let message = format!("`{}` exists", path.display());
    Diagnostic::new(message).note("choose another `--out`: several files join")
}

/// The most holes that are listed.
const MAX_HOLES: usize = 10;

/// Reports what the file has and lacks.
fn report(args: &Args, plan: &Plan, fetched: &Fetched, context: &Context<'_>) {
    let whole = |hole: &&Hole| hole.start == hole.window.start && hole.end == hole.window.end;
    let empty = fetched.holes.iter().filter(whole).count();
    context.printer.status(&format!(
        "wrote `{}`: {} of {} windows, {} samples of {} series, {} KiB",
        args.out.display(),
        plan.windows.len() - empty,
        plan.windows.len(),
        fetched.samples,
        fetched.series,
        fetched.file.len().div_ceil(1024)
    ));
    for hole in fetched.holes.iter().take(MAX_HOLES) {
        let what = if whole(&hole) { "no sample in the window" } else { "no sample" };
        context.printer.status(&format!("{what} from {} to {}", hole.start, hole.end));
    }
    if let Some(more) = fetched.holes.len().checked_sub(MAX_HOLES).filter(|more| *more > 0) {
        context.printer.status(&format!("… and {more} more times without a sample"));
    }
    for remark in &fetched.remarks {
        context.printer.status(&format!("Prometheus notes: {remark}"));
    }
}
