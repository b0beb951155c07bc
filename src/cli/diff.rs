//! `diff`: what changed in the objects, and what it will do to the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use jiff::Timestamp;
use tts_render::diff::input::{self, Files, Repository, RevisionError, SideError, Tree};
use tts_render::diff::{History, Review, Side, report};
use tts_render::model::Objects;
use tts_render::project::load::{LoadedStack, RenderedProject, Stack};
use tts_render::project::{Project, ProjectError};
use yaml_spans::Node;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

use super::fail_on::FailOn;
use super::{CliError, Context, Exit, Inputs};

/// Show what changed in the objects, and what it will do to the cluster
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 the same, 1 a difference, 2 a failure. With --fail-on the severity decides: \
1 if a consequence is at least so severe, else 0.

Examples:
  tts-render diff                                 the last commit's rendered/ against a fresh render
  tts-render diff --base origin/main --format markdown > comment.md
  tts-render diff --base ../main/rendered --head rendered
  tts-render diff tts --set gate.floor=8Gi --history month.json
  tts-render diff --base origin/main --fail-on critical"
)]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    /// What to compare with: a folder of rendered files, or a revision of Git
    #[arg(long, value_name = "REV|DIR", default_value = "HEAD")]
    base: String,
    /// A folder of rendered files in place of a fresh render
    #[arg(long, value_name = "DIR", conflicts_with_all = ["overlays", "set", "templates"])]
    head: Option<PathBuf>,
    /// The folder of rendered files in a revision, from the project's root
    #[arg(long, value_name = "DIR", default_value = "rendered")]
    out: String,
    /// The form of the report
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// The most bytes of markdown; what is left out is said
    #[arg(long, value_name = "BYTES", default_value_t = 65_536)]
    budget: usize,
    /// Exit 1 only if a consequence is at least so severe
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
    /// Recorded memory of the card, to replay the gate's rules over: Prometheus' answer to a range query
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// The time that consequences are told at, such as 2026-11-24T12:00:00Z; now if not given
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal.
    Text,
    /// For a pull request's comment.
    Markdown,
    /// One page for a browser.
    Html,
    /// For machines.
    Json,
    /// GitHub's workflow commands.
    Github,
}

/// The largest history that is read, in bytes: a month of a dozen series by the minute.
const HISTORY: u64 = 64 << 20;

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    if args.budget < report::LEAST_BUDGET {
        let least = report::LEAST_BUDGET;
        return Err(Diagnostic::new(format!("--budget must be at least {least} bytes")).into());
    }
    let history = args.history.as_deref().map(read_history).transpose()?;
    let now = args.now.unwrap_or_else(Timestamp::now);
    let (base, head) = both(args, context)?;
    let review = Review::of(&base, &head, now, history.as_ref());
    let text = match args.format {
        Format::Text => report::text(&review),
        Format::Markdown => report::markdown(&review, args.budget),
        Format::Html => report::html(&review),
        Format::Json => report::json(&review),
        Format::Github => {
            // A folder was named from where we are; the rendered one lies under the project's root.
            let root = args.head.as_ref().map_or(context.common.root.as_path(), |_| Path::new(""));
            report::github(&review, root)
        }
    };
    context.out.write_all(text.as_bytes())?;
    Ok(exit(args, &review))
}

fn exit(args: &Args, review: &Review) -> Exit {
    let worst = review.consequences.first().map(|found| found.rule.severity);
    let differs = match args.fail_on {
        None => !review.is_same(),
        Some(limit) => worst.is_some_and(|worst| worst <= limit.severity()),
    };
    if differs { Exit::Differs } else { Exit::Success }
}

/// Both sides: the head first, since the base shares what is the same in it.
fn both(args: &Args, context: &mut Context<'_>) -> Result<(Side, Side), CliError> {
    let project = context.common.project();
    let asked = &args.inputs.stacks;
    let mut folders: Option<BTreeSet<String>> =
        (!asked.is_empty()).then(|| asked.iter().cloned().collect());
    let (head, stacks) = match &args.head {
        Some(folder) => {
            let tree = scoped(input::read_folder(folder).map_err(failed)?, folders.as_ref());
            if input::is_empty(&tree) {
                context
                    .printer
                    .status(&format!("{} holds no objects: every one is gone", folder.display()));
            }
            (Files::of_tree(tree, &folder.display().to_string(), &Files::default())?, None)
        }
        None => {
            let fleet = RenderedProject::render(&project, &args.inputs.request()?)?;
            let (files, stacks) = Files::of_fleet(fleet, &args.out, !asked.is_empty());
            // A stack may be asked for by its path.
            folders = folders.map(|_| stacks.iter().map(|stack| stack.name.clone()).collect());
            (files, Some(stacks))
        }
    };
    let base = base(args, context)?;
    let tree = scoped(base.tree, folders.as_ref());
    let tree = if stacks.is_some() { input::ours(tree) } else { tree };
    let base_files = Files::of_tree(tree, &base.shown, &head)?;
    let (base_values, head_values) = match (base.values, stacks) {
        (Some(texts), Some(stacks)) => values(args, &project, &stacks, texts)?,
        _ => (None, None),
    };
    let base = Side { objects: objects(&base_files)?, values: base_values };
    Ok((base, Side { objects: objects(&head)?, values: head_values }))
}

/// What is compared with.
struct Base {
    tree: Tree,
    /// What messages call its folder.
    shown: String,
    /// The texts of its values, where they are known.
    values: Option<Tree>,
}

fn base(args: &Args, context: &mut Context<'_>) -> Result<Base, CliError> {
    let folder = Path::new(&args.base);
    if folder.is_dir() {
        let tree = input::read_folder(folder).map_err(failed)?;
        if input::is_empty(&tree) {
            context.printer.status(&format!("{} holds no objects: every object is new", args.base));
        }
        // The same name as the head's, so that an equal file is the same file.
        let shown = if args.head.is_none() { args.out.clone() } else { args.base.clone() };
        return Ok(Base { tree, shown, values: None });
    }
    let git = |error: RevisionError| failed(error.into());
    let repository = Repository::around(&context.common.root).map_err(git)?;
    let commit = repository.commit(&args.base).map_err(git)?;
    let tree = repository.tree(&commit, &args.out).map_err(failed)?;
    if input::is_empty(&tree) {
        context
            .printer
            .status(&format!("`{}` has no {}/: every object is new", args.base, args.out));
    }
    let values = repository.tree(&commit, Project::VALUES).map_err(failed)?;
    Ok(Base { tree, shown: args.out.clone(), values: Some(values) })
}

/// The values of one side; none where they are not known.
type Values = Option<Vec<(String, Node)>>;

/// The values of both sides, of the stacks that can differ in them: those whose file does, or all
/// where something is laid over the files. A stack named by a path from elsewhere has no base.
fn values(
    args: &Args,
    project: &Project,
    stacks: &[Stack],
    mut base: Tree,
) -> Result<(Values, Values), CliError> {
    let layered = !args.inputs.overlays.is_empty() || !args.inputs.set.is_empty();
    let mut request = args.inputs.request()?;
    request.stacks.clear();
    let names: BTreeMap<&str, &Stack> =
        stacks.iter().map(|stack| (stack.name.as_str(), stack)).collect();
    // Stacks named by a path from elsewhere leave `values/` alone, which may not even be there.
    let in_values = stacks.iter().any(|stack| stack.file.starts_with(Project::VALUES));
    let found = if in_values { project.stacks().map_err(read)? } else { Vec::new() };
    for found in found {
        let file = format!("{}.yaml", found.stem);
        let here = format!("{}/{file}", Project::VALUES);
        if names.get(found.stem.as_str()).is_none_or(|stack| stack.file != here) {
            continue;
        }
        let text = project.read_stack(&found).map_err(read)?;
        if !layered && base.get(&file).is_some_and(|was| was == text.text()) {
            base.remove(&file);
        } else {
            request.stacks.push(found.stem);
        }
    }
    // Of stacks that were not asked for nothing is said.
    if !args.inputs.stacks.is_empty() {
        base.retain(|file, _| request.stacks.iter().any(|name| format!("{name}.yaml") == *file));
    }
    let head = match request.stacks.is_empty() {
        true => Vec::new(),
        false => LoadedStack::load_all(project, &request)?
            .into_iter()
            .map(|opened| (opened.file, opened.loaded.tree))
            .collect(),
    };
    Ok((input::values(&base, Project::VALUES), Some(head)))
}

fn read(error: ProjectError) -> CliError {
    Diagnostic::new(error.to_string()).into()
}

fn scoped(tree: Tree, folders: Option<&BTreeSet<String>>) -> Tree {
    match folders {
        Some(folders) => input::within(tree, folders),
        None => tree,
    }
}

fn objects(files: &Files) -> Result<Objects, CliError> {
    files.objects().map_err(|error| Diagnostic::new(error.to_string()).into())
}

fn read_history(path: &Path) -> Result<History, CliError> {
    let shown = path.display();
    let wrong =
        |why: String| CliError::from(Diagnostics::from(Diagnostic::new(format!("{shown}: {why}"))));
    let about = fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    if !about.is_file() || about.len() > HISTORY {
        return Err(wrong(format!("a history is a plain file of at most {} MiB", HISTORY >> 20)));
    }
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    History::parse(&text).map_err(|error| wrong(error.to_string()))
}

fn failed(error: SideError) -> CliError {
    Diagnostic::new(error.to_string()).into()
}
