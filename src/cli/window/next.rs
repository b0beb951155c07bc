//! `window next`: the coming windows.

use jiff::{SignedDuration, Timestamp};
use tts_render::window::next::Span;

use crate::cli::{CliError, Context, Exit, Inputs};

/// Show the coming windows and what may go wrong with them
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    /// The first instant, such as 2026-11-24T12:00:00Z; now by default
    #[arg(long, alias = "at", value_name = "TIME")]
    from: Option<Timestamp>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let from = args.from.unwrap_or_else(Timestamp::now);
    let until = from.checked_add(SignedDuration::from_hours(14 * 24)).unwrap_or(Timestamp::MAX);
    let span = Span { from, until };
    args.inputs.request()?;
    writeln!(context.out, "{} to {}", span.from, span.until)?;
    Ok(Exit::Success)
}
