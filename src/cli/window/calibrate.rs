//! `window calibrate`: a floor that is measured.

use tts_render::window::calibrate::{self, Calibration};

use super::history::HistoryFlags;
use crate::cli::format::{FormatFlag, TextOrJson};
use crate::cli::{CliError, Context, Exit, Inputs};

/// Measure the floor, the budget and the total of a stack from recorded GPU memory
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Exit status: 0 done, 2 a failure, among them values that can't be written.

Examples:
  tts-render window calibrate tts --history month.json
  tts-render window calibrate tts --history month.json --tenant 4.8Gi --set gpu.total=15360Mi
  tts-render window calibrate tts --history month.json --write
  tts-render window calibrate tts --history month.json --format json > measured.json")]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    history: HistoryFlags,
    /// Write the measured floor, budget, total and reserve into the values file, and change nothing else
    /// in it
    #[arg(long)]
    write: bool,
    #[command(flatten)]
    format: FormatFlag<TextOrJson>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let project = context.common.project();
    let history = args.history.read(&project)?;
    let request = args.inputs.request()?;
    let calibration = Calibration::measure(&project, &request, &history, args.history.tenant())?;
    let written = match args.write {
        true => calibrate::write_values(&project, &request, &calibration)?,
        false => Vec::new(),
    };
    match args.format.format {
        TextOrJson::Text => {
            calibrate::text(&calibration).lines().try_for_each(|line| context.print_line(line))?;
        }
        TextOrJson::Json => context.out.write_all(calibrate::json(&calibration).as_bytes())?,
    }
    for value in &written {
        let line = format!("wrote `{}: {}` to `{}`", value.path, value.text, value.file);
        context.printer.status(&line);
    }
    Ok(Exit::Success)
}
