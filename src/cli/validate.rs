//! `validate`: checks any manifests by the API server's rules, offline.

use std::path::PathBuf;

use tts_render::validate::{self, Report};
use yaml_spans::diagnostic::Diagnostics;

use super::format::{FindingFormat, FormatFlag};
use super::{CliError, Context, Exit};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Reads manifests as kubectl does: several documents, Lists, anchors, YAML 1.1 scalars, streams of JSON objects.
A custom resource is validated if its CustomResourceDefinition is in any of the files, or if its kind is known.
Other kinds, and objects that SOPS encrypted, are skipped, counted and named.

Exit status: 0 no findings, 1 findings, 2 a failure: an input can't be read or contains no object; the
others are validated all the same.

Examples:
  tts-render validate rendered
  tts-render validate -f deploy -f service.yaml
  tts-render validate crds deploy
  kubectl kustomize overlays/prod | tts-render validate -
  tts-render validate rendered -o sarif > validate.sarif"
)]
pub(crate) struct Args {
    /// Files, and folders whose .yaml, .yml and .json files are all read; `-` is standard input
    #[arg(value_name = "FILE|DIR", required_unless_present = "files")]
    paths: Vec<PathBuf>,
    /// The same, as for kubectl
    #[arg(short = 'f', long = "filename", value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    format: FormatFlag<FindingFormat>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let project = context.common.project();
    let paths = args.paths.iter().chain(&args.files).map(PathBuf::as_path);
    let report = Report::of_paths(&project, paths);
    let forge_paths = context.common.forge_paths(&project);
    match args.format.format {
        FindingFormat::Text => print_text(&report, context)?,
        // A program must not take a part for the whole.
        _ if !report.errors.is_empty() => {}
        FindingFormat::Json => context.out.write_all(validate::json(&report).as_bytes())?,
        FindingFormat::Sarif => {
            context.out.write_all(validate::sarif(&report, &forge_paths).as_bytes())?
        }
        FindingFormat::Github => {
            context.out.write_all(validate::github(&report, &forge_paths).as_bytes())?;
        }
    }
    for ((api_version, kind), count) in &report.unknown {
        context.printer.status(&format!("skipped {count} × {api_version} {kind} (unknown kind)"));
    }
    if report.encrypted > 0 {
        context.printer.status(&format!("skipped {} × encrypted with SOPS", report.encrypted));
    }
    let objects = if report.checked == 1 { "object" } else { "objects" };
    let findings = if report.findings.len() == 1 { "finding" } else { "findings" };
    let (checked, found) = (report.checked, report.findings.len());
    // Nothing was checked if every input is an error.
    if checked > 0 || found > 0 || report.errors.is_empty() {
        context.printer.status(&format!("{checked} {objects} checked, {found} {findings}"));
    }
    if !report.errors.is_empty() {
        return Err(Diagnostics(report.errors).into());
    }
    Ok(if report.findings.is_empty() { Exit::Success } else { Exit::Differs })
}

fn print_text(report: &Report, context: &mut Context<'_>) -> Result<(), CliError> {
    for diagnostic in &report.findings {
        context.print_line(&Diagnostics(vec![diagnostic.clone()]).to_string())?;
        if let Some(label) = &diagnostic.label {
            context.print_line(&format!("    {label}"))?;
        }
    }
    Ok(())
}
