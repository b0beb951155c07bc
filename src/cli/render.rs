//! `render`: writes `rendered/`, or lists how it differs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tts_render::project::Project;
use tts_render::project::load::{File, RenderedProject, Request};
use tts_render::project::write::{self, Difference, DifferenceKind, Force, Plan, Scope, Summary};
use tts_render::report::json;
use yaml_spans::diagnostic::Diagnostic;

use super::format::{FormatFlag, TextOrJson};
use super::{CliError, Context, Exit, Inputs};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "With -f, --set or --templates, give --out or --dry-run: rendered/ is what the project's own
values and templates say.

Exit status: 0 done; with --check 1 if there is a difference; 2 a failure.

Examples:
  tts-render render                               every stack of values/
  tts-render render tts                           rendered/tts/ alone
  tts-render render --check                       exit 1 if rendered/ differs from the values
  tts-render render --set gate.floor=5Gi --dry-run
  tts-render render -f overlays/english.yaml --out /tmp/try"
)]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    /// The folder to write to [default: rendered in the project]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write nothing: list what is stale, missing, foreign or edited by hand
    #[arg(long)]
    check: bool,
    /// Write nothing: list the files that would change
    #[arg(long, conflicts_with = "check")]
    dry_run: bool,
    /// Overwrite files that tts-render did not write, or that were edited since
    #[arg(long, conflicts_with = "check")]
    force: bool,
    /// Name each file that changed
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    format: FormatFlag<TextOrJson>,
}

impl Args {
    /// Returns true if the output is a report, which `--quiet` omits.
    pub(crate) fn reports(&self) -> bool {
        self.check || self.dry_run
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let project = context.common.project();
    project.check_output(args.out.as_deref())?;
    let request = Request { files_only: true, ..args.inputs.request()? };
    let RenderedProject { stacks, files } = RenderedProject::render(&project, &request)?;
    let scope = match request.stacks.is_empty() {
        true => Scope::All,
        false => Scope::Folders(stacks.iter().map(|stack| stack.name.clone()).collect()),
    };
    let plan = plan_files(files, &scope)?;
    let out = match &args.out {
        Some(out) => out.clone(),
        None => project.path_from_here(Path::new(Project::RENDERED)),
    };
    if args.check {
        return check_files(args, &write::find_differences(&out, &plan, &scope)?, context);
    }
    let force = if args.force { Force::Yes } else { Force::No };
    if args.dry_run {
        let summary = write::preview_tree(&out, &plan, &scope, force)?;
        report_changes(args, &summary, context)?;
        context.printer.status(&format!("nothing written; {}", summary_line(&summary)));
        return Ok(Exit::Success);
    }
    let is_trial = !request.overlays.is_empty()
        || !request.assignments.is_empty()
        || request.templates.is_some();
    if is_trial && args.out.is_none() {
        let message = "`render` with `-f`, `--set` or `--templates` would make `rendered/` differ from the \
                       project's own files: give `--out DIR` to write elsewhere, or `--dry-run` to list the changes";
        return Err(Diagnostic::new(message).into());
    }
    let summary = write::write_tree(&out, &plan, &scope, force)?;
    report_changes(args, &summary, context)?;
    for path in &summary.retained {
        let path = path.display();
        context
            .printer
            .status(&format!("`{path}` is no longer rendered; kept, since it was edited"));
    }
    for need in stacks.iter().flat_map(|stack| &stack.needs) {
        context.printer.status(&format!("needed: {need}"));
    }
    context.printer.status(&summary_line(&summary));
    Ok(Exit::Success)
}

/// Prints the differences, and returns the exit code of `--check`.
fn check_files(
    args: &Args,
    differences: &[Difference],
    context: &mut Context<'_>,
) -> Result<Exit, CliError> {
    let items: Vec<(String, String)> =
        differences.iter().map(|one| (shown(&one.path), one.kind.to_string())).collect();
    match args.format.format {
        TextOrJson::Text => {
            for (path, kind) in &items {
                context.print_line(&format!("{path}: {kind}"))?;
            }
        }
        TextOrJson::Json => {
            let differences =
                items.iter().map(|(path, kind)| JsonDifference { path, kind }).collect();
            let report = CheckReport { version: VERSION, differences };
            context.out.write_all(json::to_text(&report).as_bytes())?;
        }
    }
    if differences.is_empty() {
        return Ok(Exit::Success);
    }
    for advice in advice(differences) {
        context.printer.status(advice);
    }
    Ok(Exit::Differs)
}

/// Advice about differences, one line a kind of remedy.
fn advice(differences: &[Difference]) -> impl Iterator<Item = &'static str> {
    let remedies = differences.iter().map(|difference| match difference.kind {
        DifferenceKind::HandEdited => "edited by hand: `tts-render render --force` overwrites it",
        DifferenceKind::Foreign | DifferenceKind::InTheWay(_) => {
            "not written by tts-render: delete it, or move it out of the folder"
        }
        _ => "out of date: run `tts-render render`, and commit the result",
    });
    remedies.collect::<BTreeSet<_>>().into_iter()
}

/// Prints the changed files: with `--dry-run` or as JSON to standard output, with `--verbose` as messages.
fn report_changes(
    args: &Args,
    summary: &Summary,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let lists = [
        ("created", &summary.created),
        ("updated", &summary.updated),
        ("pruned", &summary.pruned),
        ("retained", &summary.retained),
    ];
    let mut items: Vec<(String, &str)> = lists
        .iter()
        .flat_map(|(change, paths)| paths.iter().map(move |path| (shown(path), *change)))
        .collect();
    items.extend(summary.provenance.iter().map(|one| (shown(&one.path), change_name(one.kind))));
    items.sort();
    if args.format.format == TextOrJson::Json {
        let changes = items.iter().map(|(path, change)| JsonChange { path, change }).collect();
        let unchanged = summary.unchanged;
        let report = ChangesReport { version: VERSION, dry_run: args.dry_run, changes, unchanged };
        context.out.write_all(json::to_text(&report).as_bytes())?;
        return Ok(());
    }
    for (path, change) in &items {
        let line = format!("{path}: {change}");
        match (args.dry_run, args.verbose) {
            (true, _) => context.print_line(&line)?,
            (false, true) => context.printer.status(&line),
            (false, false) => {}
        }
    }
    Ok(())
}

/// The change that removes a difference.
fn change_name(kind: DifferenceKind) -> &'static str {
    match kind {
        DifferenceKind::Missing => "created",
        DifferenceKind::Obsolete => "pruned",
        _ => "updated",
    }
}

/// The version of the JSON formats; raised when a key is removed or changes its meaning.
const VERSION: u32 = 1;

/// The JSON of `--check`.
#[derive(Serialize)]
struct CheckReport<'a> {
    version: u32,
    differences: Vec<JsonDifference<'a>>,
}

#[derive(Serialize)]
struct JsonDifference<'a> {
    path: &'a str,
    kind: &'a str,
}

/// The JSON of a run that writes, or would write.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangesReport<'a> {
    version: u32,
    dry_run: bool,
    changes: Vec<JsonChange<'a>>,
    unchanged: usize,
}

#[derive(Serialize)]
struct JsonChange<'a> {
    path: &'a str,
    change: &'a str,
}

/// A path below the folder, with `/` between its parts.
fn shown(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// The plan of the files in scope: if the request names stacks, of those in their own folders.
fn plan_files(files: Vec<File>, scope: &Scope) -> Result<Plan, CliError> {
    let mut plan = Plan::new();
    for file in files.into_iter().filter(|file| scope.covers(&file.folder)) {
        let claimant = file.claimants.join(", ");
        plan.add(&file.folder, &file.name, file.contents, &claimant)?;
    }
    Ok(plan)
}

/// `1 created, 2 updated, 11 unchanged`, without the counts that are zero.
fn summary_line(summary: &Summary) -> String {
    let counts = [
        (summary.created.len(), "created"),
        (summary.updated.len(), "updated"),
        (summary.pruned.len(), "pruned"),
        (summary.unchanged, "unchanged"),
    ];
    let nonzero: Vec<_> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, verb)| format!("{count} {verb}"))
        .collect();
    nonzero.join(", ")
}
