//! `window simulate`: the gate over recorded memory.

use clap::ValueEnum;
use jiff::civil::Date;
use tts_render::window::simulate::{self, Comparison, Replayed, Simulation};

use super::history::HistoryFlags;
use crate::cli::{CliError, Context, Exit, Inputs};

/// Replay recorded GPU memory under a stack's settings: when the tenant would have run, and whom it
/// would have starved
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  tts-render window simulate tts --history month.json
  tts-render window simulate tts --history month.json --tenant 4.8Gi --compare 'gate.floor=8Gi'
  tts-render window simulate tts --history month.json --tenant 4.8Gi --format html > nights.html")]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    history: HistoryFlags,
    /// Another setting, as `--set` takes it; several values with `;` between them
    #[arg(long, value_name = "PATH=VALUE")]
    compare: Vec<Comparison>,
    /// Only the nights whose windows open on this day, such as 2026-11-24; may be repeated
    #[arg(long, value_name = "DAY")]
    night: Vec<Date>,
    /// The format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// The format of a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal.
    Text,
    /// For programs.
    Json,
    /// A picture: one chart a night.
    Svg,
    /// One page for a browser.
    Html,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let project = context.common.project();
    let history = args.history.read(&project)?;
    let request = args.inputs.request()?;
    let replayed = Replayed { history: &history, tenant: args.history.tenant(), days: &args.night };
    let simulation = Simulation::run(&project, &request, &args.compare, replayed)?;
    let text = match args.format {
        Format::Text => simulate::text(&simulation),
        Format::Json => simulate::json(&simulation),
        Format::Svg => simulate::svg(&simulation),
        Format::Html => simulate::html(&simulation),
    };
    match args.format {
        Format::Text => text.lines().try_for_each(|line| context.print_line(line))?,
        _ => context.out.write_all(text.as_bytes())?,
    }
    Ok(Exit::Success)
}
