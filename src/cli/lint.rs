//! `lint`: what is unwise, by rule.

use std::collections::BTreeSet;

use annotate_snippets::Level;
use clap::ValueEnum;
use tts_render::lint::{self, Finding, RULES, Report, Rule, Subject, report};
use tts_render::model::Severity;
use tts_render::project::load::{LoadedStack, RenderedProject, Request};
use tts_render::project::{Project, ProjectError};
use yaml_spans::diagnostic::Diagnostic;
use yaml_spans::source::Source;
use yaml_spans::suggest;

use super::fail_on::FailOn;
use super::print::Titled;
use super::{CliError, Context, Exit, Inputs};

/// Say what is unwise in the values, the templates and the policies
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A comment allows a finding, beside the line that is meant or right above it:
  # tts-render: allow image-moving-tag: local trials, never merged

Exit status: 0 nothing, 1 findings, 2 a failure. With --fail-on the severity decides.

Examples:
  tts-render lint
  tts-render lint tts --set gate.floor=1Gi
  tts-render lint --format sarif > lint.sarif
  tts-render lint --explain liveness-http"
)]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    /// The form of the findings
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Exit 1 only for a finding that is at least so severe
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
    /// Show what comments allow, too (in text; JSON and SARIF always have it)
    #[arg(long)]
    allowed: bool,
    /// Say what a rule is for, and how to mend what it finds; `all` lists the rules
    #[arg(
        long,
        value_name = "ID",
        conflicts_with_all = ["stacks", "overlays", "set", "templates", "format", "fail_on", "allowed"]
    )]
    explain: Option<String>,
}

/// The form of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal.
    Text,
    /// For machines.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// GitHub's workflow commands.
    Github,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    if let Some(id) = &args.explain {
        return explain(id, context);
    }
    let project = context.common.project();
    let request = args.inputs.request()?;
    // What does not render is said first, and is no matter of lint.
    RenderedProject::render(&project, &Request { files_only: true, ..request.clone() })?;
    let stacks = LoadedStack::load_all(&project, &request)?;
    let policies = policies(&project, &stacks)?;
    let whole = request.stacks.is_empty();
    let trial = !request.overlays.is_empty() || !request.assignments.is_empty();
    let report = lint::run(&Subject { stacks: &stacks, policies, whole, trial })?;
    match args.format {
        Format::Text => text(args, &report, context)?,
        Format::Json => context.out.write_all(report::json(&report).as_bytes())?,
        Format::Sarif => {
            context.out.write_all(report::sarif(&report, project.root()).as_bytes())?
        }
        Format::Github => {
            context.out.write_all(report::github(&report, project.root()).as_bytes())?
        }
    }
    let limit = args.fail_on.unwrap_or(FailOn::Info).severity();
    let fails = report.findings.iter().any(|finding| finding.rule.severity <= limit);
    Ok(if fails { Exit::Differs } else { Exit::Success })
}

/// The owners' policies: those of their folder, and those that stacks name elsewhere.
fn policies(project: &Project, stacks: &[LoadedStack]) -> Result<Vec<Source>, CliError> {
    let failed = |error: ProjectError| CliError::from(Diagnostic::new(error.to_string()));
    let mut policies = project.policies().map_err(failed)?;
    let named = stacks.iter().filter_map(|stack| stack.loaded.values.kyverno.policy.as_ref());
    for path in named.collect::<BTreeSet<_>>() {
        if !policies.iter().any(|policy| policy.name() == path.as_str()) {
            policies.push(project.read_relative(path).map_err(failed)?);
        }
    }
    Ok(policies)
}

fn text(args: &Args, report: &Report, context: &mut Context<'_>) -> Result<(), CliError> {
    for finding in &report.findings {
        writeln!(context.out, "{}\n", shown(finding, None, context))?;
    }
    if args.allowed {
        for allowed in &report.allowed {
            writeln!(context.out, "{}\n", shown(&allowed.finding, Some(&allowed.reason), context))?;
        }
    }
    let of = |severity: Severity| format!("{} {}", report.count(severity), severity.name());
    context.printer.status(&format!(
        "{}, {}, {}; {} allowed; {} looked at",
        of(Severity::Critical),
        of(Severity::Warning),
        of(Severity::Info),
        report.allowed.len(),
        match report.stacks {
            1 => "1 stack".to_owned(),
            stacks => format!("{stacks} stacks"),
        },
    ));
    Ok(())
}

fn shown(finding: &Finding, allowed: Option<&str>, context: &Context<'_>) -> String {
    let level = match finding.rule.severity {
        _ if allowed.is_some() => Level::INFO.with_name("allowed"),
        Severity::Critical => Level::ERROR.with_name("critical"),
        Severity::Warning => Level::WARNING.with_name("warning"),
        Severity::Info => Level::INFO.with_name("info"),
    };
    let mend = match allowed {
        Some(reason) => format!("allowed: {reason}"),
        None => finding.rule.mend.to_owned(),
    };
    let diagnostic = Diagnostic {
        message: report::sentence(finding),
        place: finding.place.clone(),
        label: None,
        path: finding.path.clone(),
        notes: vec![mend],
    };
    context.printer.finding(Titled { level, id: Some(finding.rule.id) }, &diagnostic)
}

fn explain(id: &str, context: &mut Context<'_>) -> Result<Exit, CliError> {
    if id == "all" {
        let width = RULES.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
        for rule in RULES {
            writeln!(context.out, "{:9}  {:width$}  {}", rule.severity.name(), rule.id, rule.what)?;
        }
        return Ok(Exit::Success);
    }
    match lint::find(id) {
        Some(rule) => context.out.write_all(explained(rule).as_bytes())?,
        None => {
            let near = suggest(id, lint::ids());
            let hint = near.map(|near| format!(": did you mean `{near}`?"));
            let hint = hint.unwrap_or_else(|| ": `--explain all` lists them".to_owned());
            return Err(Diagnostic::new(format!("there is no rule `{id}`{hint}")).into());
        }
    }
    Ok(Exit::Success)
}

fn explained(rule: &Rule) -> String {
    format!(
        "{} ({})\n\n{}.\n\nWhy: {}\n\nMend: {}\n\nSource: {}\n\nAllow it where it is meant:\n  # tts-render: allow {}: the reason\n",
        rule.id,
        rule.severity.name(),
        rule.what,
        rule.why,
        rule.mend,
        rule.source,
        rule.id
    )
}
