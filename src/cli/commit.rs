//! `commit`: renders, and commits `rendered/`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tts_render::commit::{CommitError, CommitRequest, Content, create_commit};
use tts_render::diff::input::{self, Base, Comparison};
use tts_render::diff::{Diff, report};
use tts_render::project::Project;
use tts_render::project::load::{RenderedProject, Request};
use tts_render::project::write::Plan;
use tts_render::values::KyvernoMode;
use yaml_spans::diagnostic::Diagnostics;

use super::{CliError, Context, Exit};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render commit
  tts-render commit --push                    rebases and renders again if the upstream has new commits
  tts-render commit --subject 'chore(rendered): {summary}'")]
pub(crate) struct Args {
    /// The first line of the message; `{summary}` stands for the default, which then starts in lower case
    #[arg(long, value_name = "TEXT", value_parser = parse_subject)]
    subject: Option<String>,
    /// Push the branch to its upstream
    #[arg(long)]
    push: bool,
}

/// Parses the first line of a message.
fn parse_subject(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("expected one line of text".to_owned());
    }
    Ok(text.to_owned())
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let project = context.common.project();
    let request = CommitRequest {
        root: project.root(),
        out: Project::RENDERED,
        tool: concat!("tts-render ", env!("CARGO_PKG_VERSION")),
        subject: args.subject.as_deref(),
        push: args.push,
        render: &|| render_content(&project),
        describe: &|| {
            // A commit is not refused because of its message.
            find_effects(&project).unwrap_or_else(|Diagnostics(errors)| {
                let reason = errors.first().map(|error| error.message.to_string());
                let reason = reason.unwrap_or_default();
                context.printer.status(&format!("the message omits the effects: {reason}"));
                Vec::new()
            })
        },
    };
    let outcome = create_commit(&request).map_err(CommitError::diagnose)?;
    if let Some(hooks) = &outcome.skipped_hooks {
        let hooks = hooks.display();
        context.printer.status(&format!(
            "the hooks in `{hooks}` were not run: a pull request can change them in the work tree"
        ));
    }
    match &outcome.committed {
        Some(commit) => {
            context.printer.status(&commit.subject);
            writeln!(context.out, "{}", commit.id)?;
        }
        None => context.printer.status("nothing to commit: `rendered/` in HEAD is up to date"),
    }
    if let Some(upstream) = &outcome.pushed {
        context.printer.status(&format!("pushed to `{upstream}`"));
    }
    Ok(Exit::Success)
}

/// Describes what the commit will do to the cluster, compared with the last one.
fn find_effects(project: &Project) -> Result<Vec<String>, Diagnostics> {
    let comparison = Comparison {
        base: Base::Revision("HEAD"),
        head: None,
        rendered_folder: Project::RENDERED,
        request: &Request::default(),
    };
    let inputs = input::load(project, &comparison)?;
    let diff =
        Diff::between(&inputs.base, &inputs.head, Timestamp::now(), None, &project.new_budget())?;
    Ok(report::commit_lines(&diff))
}

/// Renders all stacks, and lists the files that were read.
fn render_content(project: &Project) -> Result<Content, Diagnostics> {
    let request = Request { files_only: true, ..Request::default() };
    let RenderedProject { stacks, files } = RenderedProject::render(project, &request)?;
    let (mut plan, mut objects) = (Plan::new(), BTreeMap::new());
    for file in files {
        objects.insert(format!("{}/{}", file.folder, file.name), file.object.id().to_string());
        plan.add(&file.folder, &file.name, file.contents, &file.claimants.join(", "))?;
    }
    let mut inputs = vec![
        format!(":(glob){}/*.yaml", Project::VALUES),
        format!(":(glob){}/*.yaml.j2", Project::TEMPLATES),
    ];
    let policies = stacks.iter().filter_map(|stack| {
        let kyverno = &stack.values.kyverno;
        kyverno.policy.as_ref().filter(|_| kyverno.mode != KyvernoMode::None)
    });
    inputs.extend(policies.map(|path| format!(":(literal){path}")));
    inputs.dedup();
    Ok(Content { plan, objects, inputs })
}
