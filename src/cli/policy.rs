//! `policy edit` and `policy show`: the command-line side of [`tts_render::policy`].

use std::path::{Path, PathBuf};

use serde::Serialize;
use tts_render::policy::{self, Direction, Outcome, Request, Shown, Status, Tenant};
use tts_render::project::{is_standard_input, read_manifests, replace_file};
use tts_render::report::json::to_text;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::{SourceId, Sources};

use super::format::{FormatFlag, TextOrJson};
use super::{CliError, Context, Exit, file_error};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render policy show policies/inject-gpu-workload-priority.yaml
  tts-render policy edit policy.yaml --exclude tts")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum PolicyCommand {
    /// Add a namespace to a policy's exclusions; every other byte stays the same
    Edit(EditArgs),
    /// Show what policies exclude, and their effect on a Pod
    Show(ShowArgs),
}

/// The arguments of `policy edit`.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "For files outside a project. In a project, `kyverno.mode: edit` renders the edited policy, and the owner's
file in policies/ stays as it is.

Exit status with --check: 0 nothing to change, 1 the file would change, 2 a failure.

Examples:
  tts-render policy edit policy.yaml --exclude tts
  tts-render policy edit policy.yaml --exclude tts --rule gpu-priority --check
  tts-render policy edit policy.yaml --exclude tts --all-rules
  tts-render policy edit policy.yaml --exclude tts --remove"
)]
pub(crate) struct EditArgs {
    /// The owner's file, with a ClusterPolicy, MutatingPolicy or ValidatingPolicy; it may contain other documents
    pub file: PathBuf,
    /// The namespace to exclude
    #[arg(long, value_name = "NS")]
    pub exclude: String,
    /// The rule, if the policy has several
    #[arg(long, value_name = "NAME")]
    pub rule: Option<String>,
    /// All rules of the policy; if one is refused, none is edited
    #[arg(long, conflicts_with = "rule")]
    pub all_rules: bool,
    /// The policy, if the file contains several
    #[arg(long, value_name = "NAME")]
    pub policy: Option<String>,
    /// Write nothing; exit 1 if the file would change
    #[arg(long)]
    pub check: bool,
    /// Remove the namespace from the exclusions again
    #[arg(long)]
    pub remove: bool,
}

/// The arguments of `policy show`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  tts-render policy show policy.yaml
  tts-render policy show policy.yaml --namespace tts
  tts-render policy show policy.yaml -o json
  kubectl get clusterpolicy -o yaml | tts-render policy show - --namespace tts")]
pub(crate) struct ShowArgs {
    /// A file, or `-` for the output of `kubectl get clusterpolicy -o yaml`
    pub file: PathBuf,
    /// Show the effect on a Pod in this namespace
    #[arg(long, value_name = "NS")]
    pub namespace: Option<String>,
    /// The priority class in the Pod's template
    #[arg(long, value_name = "NAME")]
    pub priority_class: Option<String>,
    /// The extended resource that the Pod requests
    #[arg(long, value_name = "NAME", default_value = "nvidia.com/gpu")]
    pub resource: String,
    /// The kind of the object that makes the Pod, such as Deployment; unknown by default
    #[arg(long, value_name = "KIND")]
    pub controller: Option<String>,
    #[command(flatten)]
    pub format: FormatFlag<TextOrJson>,
}

/// Runs `policy edit` or `policy show`.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    match &args.command {
        PolicyCommand::Edit(args) => edit_policy(args, context),
        PolicyCommand::Show(args) => show_policies(args, context),
    }
}

fn edit_policy(args: &EditArgs, context: &mut Context<'_>) -> Result<Exit, CliError> {
    if is_standard_input(&args.file) {
        let message = "invalid file `-`: expected a file to edit, such as `policy.yaml` or `./-`";
        return Err(Diagnostic::new(message).into());
    }
    let (sources, source) = read_source(&args.file, context)?;
    let request = Request {
        namespace: &args.exclude,
        rule: args.rule.as_deref(),
        policy: args.policy.as_deref(),
    };
    let direction = if args.remove { Direction::Remove } else { Direction::Exclude };
    let outcomes = if args.all_rules {
        policy::edit_all_rules(&sources, source, &request, direction)
    } else {
        direction.edit(&sources, source, &request).map(|outcome| vec![outcome])
    };
    let outcomes = outcomes.map_err(|errors| Diagnostics::locate(&errors, &sources))?;
    let original = sources.get(source).text();
    let text = outcomes.last().map_or(original, |outcome| outcome.text.as_str());
    let changed = text != original;
    if changed && !args.check {
        replace_file(&args.file, text).map_err(|error| file_error("write", &args.file, &error))?;
    }
    for outcome in &outcomes {
        context.printer.status(&describe_edit(args, outcome));
    }
    Ok(if changed && args.check { Exit::Differs } else { Exit::Success })
}

/// Describes the change that was made, or would be made, in one line.
fn describe_edit(args: &EditArgs, outcome: &Outcome) -> String {
    let target = match &outcome.rule {
        Some(rule) => format!("rule `{rule}` of `{}`", outcome.policy),
        None => format!("`{}`", outcome.policy),
    };
    let namespace = &args.exclude;
    let result = match (&outcome.status, args.check) {
        (Status::Added, false) => format!("{target} now excludes `{namespace}`"),
        (Status::Added, true) => format!("{target} does not exclude `{namespace}` yet"),
        (Status::AlreadyExcluded { by }, _) => {
            format!("{target} already excludes `{namespace}`, by {by}")
        }
        (Status::NothingToExclude { kinds }, _) => {
            format!("{target} is only about {kinds}, so there is no namespace to exclude")
        }
        (Status::Removed { still_excluded_by }, false) => {
            format!(
                "`{namespace}` is no longer listed in {target}{}",
                still_excluded(still_excluded_by)
            )
        }
        (Status::Removed { .. }, true) => format!("`{namespace}` is still listed in {target}"),
        (Status::NotListed { still_excluded_by }, _) => {
            format!("`{namespace}` is not listed in {target}{}", still_excluded(still_excluded_by))
        }
    };
    format!("`{}`: {result}", args.file.display())
}

fn still_excluded(by: &Option<String>) -> String {
    match by {
        Some(by) => format!("; it is still excluded by {by}"),
        None => String::new(),
    }
}

fn show_policies(args: &ShowArgs, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let (sources, source) = read_source(&args.file, context)?;
    let tenant = args.namespace.as_deref().map(|namespace| Tenant {
        namespace,
        priority_class: args.priority_class.as_deref(),
        resource: &args.resource,
        controller: args.controller.as_deref(),
    });
    let shown = policy::show_policies(&sources, source, tenant.as_ref())
        .map_err(|errors| Diagnostics::locate(&errors, &sources))?;
    if args.format.format == TextOrJson::Json {
        let report = ShowReport { version: VERSION, policies: &shown };
        context.out.write_all(to_text(&report).as_bytes())?;
        return Ok(Exit::Success);
    }
    for policy in &shown {
        for line in describe_policy(policy, tenant.as_ref()) {
            context.print_line(&line)?;
        }
    }
    Ok(Exit::Success)
}

/// The version of the JSON format; raised when a key is removed or changes its meaning.
const VERSION: u32 = 1;

/// The JSON of `policy show`.
#[derive(Serialize)]
struct ShowReport<'a> {
    version: u32,
    policies: &'a [Shown],
}

fn describe_policy(policy: &Shown, tenant: Option<&Tenant<'_>>) -> Vec<String> {
    let mut lines = vec![format!("{} {}", policy.kind.name(), policy.name)];
    for rule in &policy.rules {
        let indent = match &rule.name {
            Some(name) => {
                lines.push(format!("  rule {name}"));
                "    "
            }
            None => "  ",
        };
        let excluded = match (rule.excluded.is_empty(), rule.also_excluded.is_empty()) {
            (false, _) => rule.excluded.join(", "),
            (true, true) => "nothing".to_owned(),
            (true, false) => "no namespace by name".to_owned(),
        };
        lines.push(format!("{indent}excludes: {excluded}"));
        lines
            .extend(rule.also_excluded.iter().map(|also| format!("{indent}also excludes: {also}")));
        lines.extend(rule.notes.iter().map(|note| format!("{indent}note: {note}")));
        if let (Some(effect), Some(tenant)) = (&rule.effect, tenant) {
            lines.push(format!(
                "{indent}a Pod in `{}` that requests `{}`: {effect}",
                tenant.namespace, tenant.resource
            ));
        }
    }
    lines
}

fn read_source(file: &Path, context: &Context<'_>) -> Result<(Sources, SourceId), CliError> {
    let project = context.common.project();
    project.check_named(file)?;
    project.check_exists(file)?;
    let source = read_manifests(file).map_err(|error| Diagnostic::new(error.to_string()))?;
    let mut sources = Sources::new();
    let id = sources.add(source);
    Ok((sources, id))
}
