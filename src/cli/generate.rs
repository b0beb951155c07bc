//! `generate`: the manifests on standard output.

use tts_render::diagnostic::Diagnostic;
use tts_render::fleet::Fleet;

use super::{Exit, Inputs, Run, Stop};

/// Print the manifests: the config management plugin's command
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render generate tts                     what rendered/tts/ would hold, in the order to apply
  tts-render generate --app kyverno           one folder, with every stack's part in it
  tts-render generate tts | kubectl diff -f -")]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    /// Print this folder of rendered/ alone
    #[arg(long, value_name = "FOLDER")]
    app: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, run: &mut Run<'_>) -> Result<Exit, Stop> {
    let mut request = args.inputs.request()?;
    // A folder that is shared takes every stack to fill.
    let shared = args.app.as_ref().is_some_and(|app| !request.stacks.contains(app));
    if shared {
        request.stacks.clear();
    }
    let named = !request.stacks.is_empty();
    let fleet = Fleet::build(&run.common.project(), &request)?;
    let own = |folder: &str| fleet.stacks.iter().any(|stack| stack.name == folder);
    let mut files = fleet.in_apply_order(args.app.as_deref());
    files.retain(|file| !named || own(&file.folder));
    if files.is_empty() {
        let folder = args.app.as_deref().unwrap_or("rendered");
        let message = format!("there are no objects in `{folder}`: an empty answer is never meant");
        return Err(Diagnostic::new(message).into());
    }
    for file in files {
        writeln!(run.out, "---")?;
        run.out.write_all(file.contents.as_bytes())?;
        if !file.contents.ends_with('\n') {
            writeln!(run.out)?;
        }
    }
    Ok(Exit::Success)
}
