//! `window fetch`: the recorded memory of past windows.

use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::builder::RangedU64ValueParser;
use jiff::Timestamp;
use tts_render::project::create_file;
use tts_render::project::load::{RenderedProject, Request};
use tts_render::window::fetch::{
    self, DEFAULT_STEP, FetchError, Fetched, Hole, Past, Plan, Server,
};
use yaml_spans::diagnostic::Diagnostic;

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
    /// A file with a token to send, by HTTPS only or to this machine
    #[arg(long, value_name = "FILE", requires = "prometheus")]
    token_file: Option<PathBuf>,
    /// A PEM file of the certificates to trust, in place of the system's
    #[arg(long, value_name = "FILE", requires = "prometheus")]
    ca: Option<PathBuf>,
    /// The number of nights
    #[arg(long, value_name = "NUMBER", default_value = "30", value_parser = RangedU64ValueParser::<u32>::new().range(1..=400))]
    nights: u32,
    /// The instant at which the last window is closed, such as 2026-11-24T12:00:00Z; now by default
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// The step between two points: the interval at which Prometheus scrapes the exporter
    #[arg(long, value_name = "LENGTH", default_value = "15s", value_parser = parse_step)]
    step: u32,
    /// The file to write, which must not exist; of a script, the folder that it writes into
    #[arg(short, long, value_name = "FILE", default_value = "history.json.gz")]
    out: PathBuf,
}

/// The largest file with a token.
const MAX_TOKEN_BYTES: u64 = 16 << 10;
/// The largest file of certificates.
const MAX_CA_BYTES: u64 = 1 << 20;

/// Parses a step: seconds or minutes.
fn parse_step(text: &str) -> Result<u32, String> {
    let (number, unit) = match text.strip_suffix('m') {
        Some(minutes) => (minutes, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    let seconds = number.parse::<u32>().ok().and_then(|number| number.checked_mul(unit));
    seconds
        .filter(|seconds| (1..=3600).contains(seconds))
        .ok_or_else(|| format!("expected `{DEFAULT_STEP}s` or `1m`, from one second to an hour"))
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let request = Request { without_policies: true, ..args.inputs.request()? };
    let project = RenderedProject::render(&context.common.project(), &request)?;
    let past = Past { nights: args.nights, until: args.until.unwrap_or_else(Timestamp::now) };
    let plan = Plan::new(&project, past, args.step)?;
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
    let token = args.token_file.as_deref().map(|path| read_file(path, MAX_TOKEN_BYTES));
    let token = token.transpose()?.map(|bytes| {
        String::from_utf8(bytes)
            .map(|token| token.trim_end().to_owned())
            .map_err(|_| FetchError::Token)
    });
    let server = Server {
        url: url.clone(),
        token: token.transpose().map_err(to_diagnostic)?,
        ca: args.ca.as_deref().map(|path| read_file(path, MAX_CA_BYTES)).transpose()?,
    };
    let is_watched = io::stderr().is_terminal();
    let fetched = fetch::send(&plan, &server, &mut |step| {
        if is_watched {
            context.printer.status(&format!("query {} of {}", step.query, step.queries));
        }
    })
    .map_err(to_diagnostic)?;
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

fn to_diagnostic(error: FetchError) -> Diagnostic {
    let hint = error.hint();
    hint.into_iter().fold(Diagnostic::new(error.to_string()), Diagnostic::note)
}

fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, Diagnostic> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
        .map_err(|error| file_error("read", path, &error))?;
    match bytes.len() as u64 > limit {
        true => Err(Diagnostic::new(format!("`{}` is larger than {limit} bytes", path.display()))),
        false => Ok(bytes),
    }
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
