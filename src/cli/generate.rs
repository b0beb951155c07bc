//! `generate`: the manifests on standard output.

use tts_render::project::Project;
use tts_render::project::load::RenderedProject;
use yaml_spans::diagnostic::Diagnostic;
use yaml_spans::suggest;

use super::complete;
use super::plugin::read_request_with_parameters;
use super::{CliError, Context, Exit, Inputs};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render generate tts                     what rendered/tts/ would hold, in the order to apply
  tts-render generate --app kyverno           one folder, with every stack's part in it
  tts-render generate tts | kubectl diff -f -")]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    /// Print this folder of rendered/ alone
    #[arg(long, value_name = "FOLDER", add = complete::apps())]
    app: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let mut requested =
        read_request_with_parameters(context.common, &args.inputs, args.app.as_deref())?;
    requested.request.files_only = true;
    let rendered = RenderedProject::render(&requested.project, &requested.request)?;
    let mut files = rendered.in_apply_order(requested.app.as_deref());
    if !requested.request.stacks.is_empty() {
        files.retain(|file| rendered.stacks.iter().any(|stack| stack.name == file.folder));
    }
    if files.is_empty() {
        let folder = requested.app.as_deref().unwrap_or(Project::RENDERED);
        let message = format!(
            "there are no objects in `{folder}`: Argo CD would take an empty output for the deletion of all objects"
        );
        let error = Diagnostic::new(message);
        return Err(match suggest_folder(&rendered, folder) {
            Some(name) => error.note(format!("did you mean `--app {name}`?")).into(),
            None => error.into(),
        });
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

/// The folder that was probably meant: one with a similar name, or the last part of a path.
fn suggest_folder<'a>(rendered: &'a RenderedProject, name: &str) -> Option<&'a str> {
    let last = name.trim_end_matches('/').rsplit('/').next().unwrap_or(name);
    let mut folders = rendered.files.iter().map(|file| file.folder.as_str());
    folders.clone().find(|folder| *folder == last).or_else(|| suggest(last, &mut folders))
}
