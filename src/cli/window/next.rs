//! `window next`: the coming windows.

use clap::ValueEnum;
use jiff::{SignedDuration, Timestamp};
use tts_render::project::load::{RenderedProject, Request};
use tts_render::values::parse_span;
use tts_render::window::next::{self, Calendar, Detail, MAX_SPAN, Span};
use yaml_spans::diagnostic::Diagnostic;

use crate::cli::format::FormatFlag;
use crate::cli::{CliError, Context, Exit, Inputs};

/// Show the coming windows, and what clock changes do to them
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Times are shown on the clock of `offPeak.timeZone`; JSON and iCalendar have them in UTC.

Exit status: 0 done, 2 a failure. With --check, 1 if a night of the span has no window, or one that does
not end within a day.

Examples:
  tts-render window next
  tts-render window next tts --for 7d --runs
  tts-render window next --from 2027-03-27T12:00:00Z --for 2d --check
  tts-render window next --format ics > windows.ics
  tts-render window next --for 4w --format html > windows.html"
)]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    /// The length of the span, such as `36h`, `14d` or `2w`
    #[arg(long = "for", value_name = "LENGTH", default_value = "14d", value_parser = parse_length)]
    length: SignedDuration,
    /// The start of the span, such as 2026-11-24T12:00:00Z; now by default
    #[arg(long, visible_alias = "at", value_name = "TIME")]
    from: Option<Timestamp>,
    /// List every run of the three jobs, too (JSON always does)
    #[arg(long)]
    runs: bool,
    /// Exit 1 if a night of the span has no window, or no end of it
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    format: FormatFlag<Format>,
}

impl Args {
    /// Returns true if the output is a report, which `--quiet` omits.
    pub(crate) fn reports(&self) -> bool {
        self.check
    }
}

/// The format of a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal.
    Text,
    /// For programs.
    Json,
    /// For people's calendars: iCalendar, an event a window.
    Ics,
    /// A picture: one row a night.
    Svg,
    /// One page for a browser.
    Html,
}

/// Parses the length of a span.
fn parse_length(text: &str) -> Result<SignedDuration, String> {
    let expected = "expected a span, such as `36h`, `14d` or `2w`";
    let length = parse_span(text).filter(|length| length.is_positive()).ok_or(expected)?;
    if length > MAX_SPAN {
        return Err("expected at most five years: Kubernetes looks no further".to_owned());
    }
    Ok(length)
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let from = args.from.unwrap_or_else(Timestamp::now);
    let until = from.checked_add(args.length).map_err(|_| {
        Diagnostic::new(format!("invalid `--from` `{from}`: the span ends after the year 9999"))
    })?;
    let request = Request { without_policies: true, ..args.inputs.request()? };
    let project = RenderedProject::render(&context.common.project(), &request)?;
    let detail = match args.runs || args.format.format == Format::Json {
        true => Detail::EveryRun,
        false => Detail::Windows,
    };
    let calendar = Calendar::new(&project, Span { from, until }, detail)?;
    let text = match args.format.format {
        Format::Text => next::text(&calendar),
        Format::Json => next::json(&calendar),
        Format::Ics => next::ics(&calendar),
        Format::Svg => next::svg(&calendar),
        Format::Html => next::html(&calendar),
    };
    match args.format.format {
        Format::Text => text.lines().try_for_each(|line| context.print_line(line))?,
        _ => context.out.write_all(text.as_bytes())?,
    }
    let fails = args.check && calendar.has_faults();
    Ok(if fails { Exit::Differs } else { Exit::Success })
}
