//! `policy edit` and `policy show`: arguments, files and printing; what they do is in
//! [`tts_render::policy`].

use std::path::{Path, PathBuf};

use tts_render::policy::{self, Outcome, Request, Shown, Status, Tenant};
use tts_render::project::{read_manifests, replace_file};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::{SourceId, Sources};

use super::{CliError, Context, Exit};

/// Policies of Kyverno: leave a namespace out of one, and see what they do.
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum PolicyCommand {
    /// Adds a namespace to what a policy leaves out; every other byte stays as it was
    Edit(EditArgs),
    /// Says what policies leave out, and what a Pod gets
    Show(ShowArgs),
}

/// The arguments of `policy edit`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct EditArgs {
    /// The owner's file: ClusterPolicy or MutatingPolicy, among other documents if need be
    pub file: PathBuf,
    /// The namespace to leave out
    #[arg(long, value_name = "NS")]
    pub exclude: String,
    /// The rule, where a policy has several
    #[arg(long, value_name = "NAME")]
    pub rule: Option<String>,
    /// The policy, where the file holds several
    #[arg(long, value_name = "NAME")]
    pub policy: Option<String>,
    /// Write nothing; exit 1 if the file would change
    #[arg(long)]
    pub check: bool,
    /// Take the namespace out again
    #[arg(long)]
    pub remove: bool,
}

/// The arguments of `policy show`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ShowArgs {
    /// A file, or `-` for what `kubectl get clusterpolicy -o yaml` prints
    pub file: PathBuf,
    /// The namespace of the Pod that is asked about
    #[arg(long, value_name = "NS")]
    pub namespace: Option<String>,
    /// The priority class that the Pod names
    #[arg(long, value_name = "NAME")]
    pub priority_class: Option<String>,
    /// The extended resource that the Pod asks for
    #[arg(long, value_name = "NAME", default_value = "nvidia.com/gpu")]
    pub resource: String,
}

/// Runs a command.
pub(crate) fn run(command: &PolicyCommand, context: &mut Context<'_>) -> Result<Exit, CliError> {
    match command {
        PolicyCommand::Edit(args) => edit(args, context),
        PolicyCommand::Show(args) => show(args, context),
    }
}

fn edit(args: &EditArgs, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let (sources, source) = source(&args.file)?;
    let request = Request {
        namespace: &args.exclude,
        rule: args.rule.as_deref(),
        policy: args.policy.as_deref(),
    };
    let change = if args.remove { policy::include } else { policy::exclude };
    let outcome =
        change(&sources, source, &request).map_err(|errors| diagnose(&errors, &sources))?;
    let changed = outcome.text != sources.get(source).text();
    if changed && !args.check {
        replace_file(&args.file, &outcome.text).map_err(|error| {
            Diagnostic::new(format!("{} can't be written: {error}", args.file.display()))
        })?;
    }
    context.printer.status(&edit_line(args, &outcome));
    Ok(if changed && args.check { Exit::Differs } else { Exit::Success })
}

/// What was done, or would be, in one line.
fn edit_line(args: &EditArgs, outcome: &Outcome) -> String {
    let whole = match &outcome.rule {
        Some(rule) => format!("rule `{rule}` of `{}`", outcome.policy),
        None => format!("`{}`", outcome.policy),
    };
    let namespace = &args.exclude;
    let still = |by: &Option<String>| match by {
        Some(by) => format!("; it is still left out by {by}"),
        None => String::new(),
    };
    let said = match (&outcome.status, args.check) {
        (Status::Added, false) => format!("{whole} leaves `{namespace}` out now"),
        (Status::Added, true) => format!("{whole} does not leave `{namespace}` out yet"),
        (Status::AlreadyCovered { by }, _) => {
            format!("{whole} leaves `{namespace}` out already, by {by}")
        }
        (Status::Removed { still_covered_by }, false) => {
            format!("`{namespace}` is no longer listed in {whole}{}", still(still_covered_by))
        }
        (Status::Removed { .. }, true) => format!("`{namespace}` is still listed in {whole}"),
        (Status::NotListed { still_covered_by }, _) => {
            format!("`{namespace}` is not listed in {whole}{}", still(still_covered_by))
        }
    };
    format!("{}: {said}", args.file.display())
}

fn show(args: &ShowArgs, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let (sources, source) = source(&args.file)?;
    let tenant = args.namespace.as_deref().map(|namespace| Tenant {
        namespace,
        priority_class: args.priority_class.as_deref(),
        resource: &args.resource,
    });
    let shown = policy::show(&sources, source, tenant.as_ref())
        .map_err(|errors| diagnose(&errors, &sources))?;
    for policy in &shown {
        context.out.write_all(show_text(policy, tenant.as_ref()).as_bytes())?;
    }
    Ok(Exit::Success)
}

fn show_text(policy: &Shown, tenant: Option<&Tenant<'_>>) -> String {
    let mut lines = vec![format!("{} {}", policy.kind.name(), policy.name)];
    for rule in &policy.rules {
        let indent = match &rule.name {
            Some(name) => {
                lines.push(format!("  rule {name}"));
                "    "
            }
            None => "  ",
        };
        let out = match (rule.out.is_empty(), rule.also.is_empty()) {
            (false, _) => rule.out.join(", "),
            (true, true) => "nothing".to_owned(),
            (true, false) => "no namespace by its name".to_owned(),
        };
        lines.push(format!("{indent}leaves out: {out}"));
        lines.extend(rule.also.iter().map(|also| format!("{indent}and also: {also}")));
        if let (Some(effect), Some(tenant)) = (&rule.effect, tenant) {
            lines.push(format!(
                "{indent}a Pod of `{}` that asks for {}: {effect}",
                tenant.namespace, tenant.resource
            ));
        }
    }
    lines.join("\n") + "\n"
}

fn source(file: &Path) -> Result<(Sources, SourceId), CliError> {
    let source = read_manifests(file).map_err(|error| Diagnostic::new(error.to_string()))?;
    let mut sources = Sources::new();
    let id = sources.add(source);
    Ok((sources, id))
}

fn diagnose(
    errors: &[yaml_spans::diagnostic::Located<policy::Error>],
    sources: &Sources,
) -> Diagnostics {
    Diagnostics(errors.iter().map(|error| error.diagnose(sources)).collect())
}
