//! `doctor`: the things that must exist before a stack is applied.

use std::io;

use oci_scratch::{Reference, RegistryError};
use serde_json::json;
use tts_render::doctor::run::{self, Checked, Cluster, Finding, RunError, Status};
use tts_render::doctor::{self, Requirement};
use tts_render::kubectl::{Answer, Kubectl};
use tts_render::project::load::RenderedProject;
use tts_render::report;
use yaml_spans::diagnostic::Diagnostic;
use yaml_spans::{visible, visible_line};

use super::format::{FormatFlag, TextOrJson};
use super::image::{connect, describe_platform, report_step};
use super::{CliError, Context, Exit, Inputs};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render doctor tts
  tts-render doctor --run
  tts-render doctor --run --context staging -o json
  tts-render doctor | sh

Exit codes with --run: 0 nothing is missing, 1 something is, 2 the cluster can't be asked. `doctor | sh`
exits with 1 if a check fails.")]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    /// Check everything with your kubectl, and each image in its registry; nothing is changed
    #[arg(long)]
    run: bool,
    /// The context of kubectl's configuration
    #[arg(long, value_name = "NAME", requires = "run")]
    context: Option<String>,
    /// Ask registries over HTTP without TLS
    #[arg(long, requires = "run")]
    plain_http: bool,
    #[command(flatten)]
    format: FormatFlag<TextOrJson>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let rendered = RenderedProject::render(&context.common.project(), &args.inputs.request()?)?;
    let requirements = doctor::find_requirements(&rendered);
    if args.run {
        return check(args, &requirements, context);
    }
    match args.format.format {
        TextOrJson::Json => {
            context.out.write_all(report::json::to_text(&requirements).as_bytes())?;
        }
        TextOrJson::Text => write_script(&requirements, context)?,
    }
    Ok(Exit::Success)
}

/// Writes a script: each requirement as comments, and its command. Its exit status is 1 if one failed.
fn write_script(requirements: &[Requirement], context: &mut Context<'_>) -> Result<(), CliError> {
    let mut stack = "";
    writeln!(context.out, "failed=0")?;
    for Requirement { stack: of_stack, summary, reason, command, .. } in requirements {
        if of_stack != stack {
            stack = of_stack;
            writeln!(context.out, "\n# {} needs, and does not render:", visible(stack))?;
        }
        writeln!(context.out, "\n# {}\n#   {}", visible(summary), visible(reason))?;
        writeln!(context.out, "{command} || failed=$((failed+1))")?;
    }
    let all = requirements.len();
    writeln!(context.out, "\necho \"$failed of {all} checks failed\"\n[ \"$failed\" -eq 0 ]")?;
    Ok(())
}

/// The user's kubectl and the images' registries.
struct Programs<'a, 'c> {
    kubectl: Kubectl,
    plain_http: bool,
    context: &'a Context<'c>,
}

impl Cluster for Programs<'_, '_> {
    fn kubectl(&mut self, arguments: &[String]) -> io::Result<Answer> {
        self.kubectl.call(arguments)
    }

    fn image(&mut self, image: &str) -> Finding {
        let reference: Reference = match image.parse() {
            Ok(reference) => reference,
            Err(error) => return Finding::failed(format!("{error}")),
        };
        let registry = match connect(&reference, self.plain_http) {
            Ok(registry) => registry,
            Err(_) => return Finding::unknown("the logins can't be read"),
        };
        match registry.describe(&reference, &mut |step| report_step(self.context, &step)) {
            Ok(image) => {
                let sizes: Vec<String> = image.platforms.iter().map(describe_platform).collect();
                Finding::ok(sizes.join(", "))
            }
            Err(error @ RegistryError::NotFound { .. }) => Finding::failed(error.to_string()),
            Err(error) => Finding::unknown(error.to_string()),
        }
    }
}

fn check(
    args: &Args,
    requirements: &[Requirement],
    context: &mut Context<'_>,
) -> Result<Exit, CliError> {
    let kubectl = Kubectl { context: args.context.clone() };
    let mut programs = Programs { kubectl, plain_http: args.plain_http, context };
    let checked = run::run_checks(requirements, &mut programs).map_err(|error| match error {
        RunError::NotStarted(_) => Diagnostic::new(error.to_string())
            .note("install it, or pipe `tts-render doctor` into a shell that has it"),
        RunError::NotReached(error) => error.into(),
    })?;
    match args.format.format {
        TextOrJson::Json => {
            let counts = json!({
                "ok": count(&checked, Status::Ok),
                "failed": count(&checked, Status::Failed),
                "unknown": count(&checked, Status::Unknown),
            });
            let report = json!({"version": 1, "counts": counts, "checks": checked});
            context.out.write_all(report::json::to_text(&report).as_bytes())?;
        }
        TextOrJson::Text => write_table(&checked, context)?,
    }
    Ok(if count(&checked, Status::Failed) > 0 { Exit::Differs } else { Exit::Success })
}

fn count(checked: &[Checked<'_>], status: Status) -> usize {
    checked.iter().filter(|checked| checked.finding.status == status).count()
}

/// Writes a line for each check, and below those that did not pass the reason and the command.
fn write_table(checked: &[Checked<'_>], context: &mut Context<'_>) -> Result<(), CliError> {
    let mut stack = "";
    for Checked { requirement, finding } in checked {
        if requirement.stack != stack {
            let separator = if stack.is_empty() { "" } else { "\n" };
            stack = &requirement.stack;
            writeln!(context.out, "{separator}{}", visible_line(stack))?;
        }
        let detail = match finding.detail.as_str() {
            "" => String::new(),
            detail => format!(": {detail}"),
        };
        context.print_line(&format!(
            "  {:<7}  {}{detail}",
            finding.status.name(),
            requirement.summary
        ))?;
        if finding.status != Status::Ok {
            context.print_line(&format!("           {}", requirement.reason))?;
            context.print_line(&format!("           {}", requirement.command))?;
        }
    }
    let [ok, failed, unknown] =
        [Status::Ok, Status::Failed, Status::Unknown].map(|status| count(checked, status));
    let all = checked.len();
    context.print_line(&format!("{all} checks: {ok} ok, {failed} failed, {unknown} unknown"))?;
    Ok(())
}
