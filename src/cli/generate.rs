//! `generate`: the manifests on standard output.

use tts_render::project::load::RenderedProject;
use yaml_spans::diagnostic::Diagnostic;

use super::plugin::asked;
use super::{CliError, Context, Exit, Inputs};

/// Print the manifests: the config management plugin's command
///
/// Called by Argo CD, the stack is that of the Application's `plugin.env` STACK (a shared folder: APP),
/// or the last part of its source path; its parameters are laid over the values.
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
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let asked = asked(context.common, &args.inputs, args.app.as_deref())?;
    let named = !asked.request.stacks.is_empty();
    let fleet = RenderedProject::render(&asked.project, &asked.request)?;
    let own = |folder: &str| fleet.stacks.iter().any(|stack| stack.name == folder);
    let mut files = fleet.in_apply_order(asked.app.as_deref());
    files.retain(|file| !named || own(&file.folder));
    if files.is_empty() {
        let folder = asked.app.as_deref().unwrap_or("rendered");
        let message = format!("there are no objects in `{folder}`: an empty answer is never meant");
        return Err(Diagnostic::new(message).into());
    }
    for file in files {
        writeln!(context.out, "---")?;
        context.out.write_all(file.contents.as_bytes())?;
        if !file.contents.ends_with('\n') {
            writeln!(context.out)?;
        }
    }
    Ok(Exit::Success)
}
