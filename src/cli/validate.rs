//! `validate`: any manifests against the API server's rules, offline.

use std::path::PathBuf;

use tts_render::project::read_manifests;
use yaml_spans::Dialect;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::Sources;

use super::{CliError, Context, Exit};

/// Validate any Kubernetes manifests offline, by the API server's rules
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render validate deploy/*.yaml
  kubectl kustomize overlays/prod | tts-render validate -

Reads manifests as kubectl does: several documents, Lists, anchors, YAML 1.1 scalars. Kinds that it does
not know are counted and named, not judged. Exit 1: there are findings.")]
pub(crate) struct Args {
    /// The files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let mut findings = Vec::new();
    let mut checked = 0;
    let mut unknown = std::collections::BTreeMap::new();
    for file in &args.files {
        let mut sources = Sources::new();
        let source = read_manifests(file).map_err(|error| Diagnostic::new(error.to_string()))?;
        let id = sources.add(source);
        match yaml_spans::parse(&sources, id, Dialect::Kubectl) {
            Ok(documents) => {
                let report = kube_validate::validate_foreign(&documents);
                checked += report.checked;
                for (kind, count) in report.unknown {
                    *unknown.entry(kind).or_insert(0) += count;
                }
                findings.extend(report.findings.iter().map(|found| found.diagnose(&sources)));
            }
            Err(errors) => findings.extend(errors.iter().map(|error| error.diagnose(&sources))),
        }
    }
    let count = findings.len();
    for diagnostic in findings {
        writeln!(context.out, "{}", Diagnostics(vec![diagnostic.clone()]))?;
        if let Some(label) = diagnostic.label {
            writeln!(context.out, "    {label}")?;
        }
    }
    for ((api_version, kind), objects) in unknown {
        context.printer.status(&format!("skipped {objects} × {api_version} {kind} (unknown kind)"));
    }
    let objects = if checked == 1 { "object" } else { "objects" };
    let found = if count == 1 { "finding" } else { "findings" };
    context.printer.status(&format!("{checked} {objects} checked, {count} {found}"));
    Ok(if count == 0 { Exit::Success } else { Exit::Differs })
}
