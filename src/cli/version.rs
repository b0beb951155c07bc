//! `version`: the version, and the commit that the program was built from.

use serde::Serialize;
use tts_render::report::json::to_text;

use super::format::{FormatFlag, TextOrJson};
use super::{CliError, Context, Exit};

#[derive(Debug, clap::Args)]
#[command(after_help = "The commit is known for release builds from a clone of the project.

Examples:
  tts-render version
  tts-render version -o json | jq -r .commit")]
pub(crate) struct Args {
    #[command(flatten)]
    format: FormatFlag<TextOrJson>,
}

/// The JSON.
#[derive(Serialize)]
struct Version {
    version: &'static str,
    commit: Option<&'static str>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let built = Version {
        version: env!("CARGO_PKG_VERSION"),
        // From the build script.
        commit: option_env!("TTS_RENDER_COMMIT"),
    };
    match (args.format.format, built.commit) {
        (TextOrJson::Json, _) => context.out.write_all(to_text(&built).as_bytes())?,
        (TextOrJson::Text, Some(commit)) => {
            writeln!(context.out, "tts-render {} (commit {commit})", built.version)?;
        }
        (TextOrJson::Text, None) => writeln!(context.out, "tts-render {}", built.version)?,
    }
    Ok(Exit::Success)
}
