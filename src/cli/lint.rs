//! `lint`: risky settings, by rule.

use std::collections::BTreeSet;

use annotate_snippets::Level;
use tts_render::lint::{self, Finding, Input, RULES, Report, Rule, Scope, Trial, report};
use tts_render::model::Severity;
use tts_render::project::load::{LoadedStack, RenderedProject, Request};
use tts_render::project::{Project, ProjectError};
use yaml_spans::diagnostic::Diagnostic;
use yaml_spans::source::Source;
use yaml_spans::suggest;

use super::complete;
use super::fail_on::FailOn;
use super::format::{FindingFormat, FormatFlag};
use super::print::Entry;
use super::{CliError, Context, Exit, Inputs};

#[derive(Debug, clap::Args)]
#[command(after_help = "A comment allows a finding, on the same line or right above it:
  # tts-render: allow image-moving-tag: local trials, never merged

Exit status: 0 no findings, 1 findings, 2 a failure. With --fail-on, only findings of that severity or
a higher one give 1.

Examples:
  tts-render lint
  tts-render lint tts --set gate.floor=1Gi
  tts-render lint -o sarif > lint.sarif
  tts-render lint --explain liveness-http")]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    format: FormatFlag<FindingFormat>,
    /// Exit 1 only for findings of this severity or a higher one
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
    /// Show allowed findings, too (for text; JSON and SARIF always include them)
    #[arg(long)]
    allowed: bool,
    /// Explain a rule and how to fix its findings; `all` lists the rules
    #[arg(
        long,
        value_name = "ID",
        add = complete::rules(),
        conflicts_with_all = ["stacks", "overlays", "set", "set_string", "templates", "format", "fail_on", "allowed"]
    )]
    explain: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    if let Some(id) = &args.explain {
        return explain(id, context);
    }
    let project = context.common.project();
    let request = args.inputs.request()?;
    let report = match find_risks(&project, &request) {
        Ok(report) => report,
        Err(error) => {
            // Settings that can never work are errors of rendering, which reports all of them.
            RenderedProject::render(&project, &Request { files_only: true, ..request })?;
            return Err(error);
        }
    };
    let paths = context.common.forge_paths(&project);
    match args.format.format {
        FindingFormat::Text => print_text(args, &report, context)?,
        FindingFormat::Json => context.out.write_all(report::json(&report).as_bytes())?,
        FindingFormat::Sarif => context.out.write_all(report::sarif(&report, &paths).as_bytes())?,
        FindingFormat::Github => {
            context.out.write_all(report::github(&report, &paths).as_bytes())?
        }
    }
    let least = args.fail_on.unwrap_or(FailOn::Info).severity();
    let fails = report.findings.iter().any(|finding| finding.rule.severity <= least);
    Ok(if fails { Exit::Differs } else { Exit::Success })
}

/// Checks the stacks that were asked for.
fn find_risks(project: &Project, request: &Request) -> Result<Report, CliError> {
    let stacks = LoadedStack::load_all(project, request)?;
    let policies = read_policies(project, &stacks)?;
    let has_changes = !request.overlays.is_empty() || !request.assignments.is_empty();
    Ok(lint::run(&Input {
        project,
        stacks: &stacks,
        policies,
        scope: if request.stacks.is_empty() { Scope::Project } else { Scope::NamedStacks },
        trial: if has_changes { Trial::ChangedValues } else { Trial::None },
    })?)
}

/// The owners' policies: those in their folder, and those that stacks name elsewhere.
fn read_policies(project: &Project, stacks: &[LoadedStack]) -> Result<Vec<Source>, CliError> {
    let mut policies = project.policies().map_err(to_cli_error)?;
    let named = stacks.iter().filter_map(|stack| stack.loaded.values.kyverno.policy.as_ref());
    for path in named.collect::<BTreeSet<_>>() {
        if !policies.iter().any(|policy| policy.name() == path.as_str()) {
            policies.push(project.read_relative(path).map_err(to_cli_error)?);
        }
    }
    Ok(policies)
}

fn to_cli_error(error: ProjectError) -> CliError {
    Diagnostic::new(error.to_string()).into()
}

fn print_text(args: &Args, report: &Report, context: &mut Context<'_>) -> Result<(), CliError> {
    for finding in &report.findings {
        let text = format_finding(finding, level(finding), finding.rule.fix, context);
        writeln!(context.out, "{text}\n")?;
    }
    if args.allowed {
        for allowed in &report.allowed {
            let note = format!("allowed: {}", allowed.reason);
            let level = Level::INFO.with_name("allowed");
            let text = format_finding(&allowed.finding, level, &note, context);
            writeln!(context.out, "{text}\n")?;
        }
    }
    let counts = [Severity::Critical, Severity::Warning, Severity::Info]
        .map(|severity| format!("{} {}", report.count(severity), severity.name()))
        .join(", ");
    let stacks = match report.stacks {
        1 => "1 stack".to_owned(),
        stacks => format!("{stacks} stacks"),
    };
    let allowed = report.allowed.len();
    context.printer.status(&format!("{counts}; {allowed} allowed; {stacks} checked"));
    Ok(())
}

fn level(finding: &Finding) -> Level<'static> {
    match finding.rule.severity {
        Severity::Critical => Level::ERROR.with_name("critical"),
        Severity::Warning => Level::WARNING.with_name("warning"),
        Severity::Info => Level::INFO.with_name("info"),
    }
}

fn format_finding(
    finding: &Finding,
    level: Level<'_>,
    note: &str,
    context: &Context<'_>,
) -> String {
    context.printer.data_entry(&Entry {
        level,
        id: Some(finding.rule.id),
        message: &report::sentence(finding),
        place: finding.place.as_ref(),
        label: None,
        path: finding.path.as_deref(),
        notes: vec![note],
    })
}

fn explain(id: &str, context: &mut Context<'_>) -> Result<Exit, CliError> {
    if id == "all" {
        let width = RULES.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
        for rule in RULES {
            let severity = rule.severity.name();
            writeln!(context.out, "{severity:9}  {:width$}  {}", rule.id, rule.summary)?;
        }
        return Ok(Exit::Success);
    }
    let Some(rule) = lint::find_rule(id) else {
        let suggestion = match suggest(id, lint::rule_ids()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`--explain all` lists them".to_owned(),
        };
        return Err(Diagnostic::new(format!("there is no rule `{id}`: {suggestion}")).into());
    };
    context.out.write_all(explanation(rule).as_bytes())?;
    Ok(Exit::Success)
}

fn explanation(rule: &Rule) -> String {
    format!(
        "{id} ({})\n\n{}.\n\nWhy: {}\n\nFix: {}\n\nSource: {}\n\nTo allow a finding, write on its line or right above it:\n  # tts-render: allow {id}: the reason\n",
        rule.severity.name(),
        rule.summary,
        rule.rationale,
        rule.fix,
        rule.source,
        id = rule.id,
    )
}
