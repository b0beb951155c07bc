//! `validate`: checks any manifests by the API server's rules, offline.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tts_render::project::{ProjectError, find_manifests, read_manifests};
use yaml_spans::Dialect;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::Sources;

use super::{CliError, Context, Exit};

/// Validate any Kubernetes manifests offline, by the API server's rules
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tts-render validate rendered
  tts-render validate deploy/*.yaml
  kubectl kustomize overlays/prod | tts-render validate -

Reads manifests as kubectl does: several documents, Lists, anchors, YAML 1.1 scalars. Unknown kinds are
skipped, counted and named. Exit 1: there are findings. Exit 2: a file can't be read; the others are
validated all the same.")]
pub(crate) struct Args {
    /// Files, and folders whose .yaml, .yml and .json files are all read; `-` is standard input
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
}

/// The result of validating all files.
#[derive(Default)]
struct Report {
    findings: Vec<Diagnostic>,
    /// The number of objects that were checked.
    checked: usize,
    /// The number of objects of each unknown kind (`apiVersion`, `kind`).
    unknown: BTreeMap<(String, String), usize>,
    /// Files and folders that can't be read.
    errors: Vec<Diagnostic>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<Exit, CliError> {
    let mut report = Report::default();
    for path in &args.paths {
        match context.common.project().check_named(path) {
            Ok(()) => report.validate_path(path),
            Err(error) => report.add_error(error),
        }
    }
    for diagnostic in &report.findings {
        context.print_line(&Diagnostics(vec![diagnostic.clone()]).to_string())?;
        if let Some(label) = &diagnostic.label {
            context.print_line(&format!("    {label}"))?;
        }
    }
    for ((api_version, kind), count) in &report.unknown {
        context.printer.status(&format!("skipped {count} × {api_version} {kind} (unknown kind)"));
    }
    let objects = if report.checked == 1 { "object" } else { "objects" };
    let findings = if report.findings.len() == 1 { "finding" } else { "findings" };
    let (checked, found) = (report.checked, report.findings.len());
    context.printer.status(&format!("{checked} {objects} checked, {found} {findings}"));
    if !report.errors.is_empty() {
        return Err(Diagnostics(report.errors).into());
    }
    Ok(if report.findings.is_empty() { Exit::Success } else { Exit::Differs })
}

impl Report {
    /// Validates a file, or all manifests below a folder.
    fn validate_path(&mut self, path: &Path) {
        match find_manifests(path) {
            Ok(files) => files.iter().for_each(|file| self.validate_file(file)),
            Err(error) => self.add_error(error),
        }
    }

    fn validate_file(&mut self, file: &Path) {
        let mut sources = Sources::new();
        let id = match read_manifests(file) {
            Ok(source) => sources.add(source),
            Err(error) => return self.add_error(error),
        };
        match yaml_spans::parse(&sources, id, Dialect::Kubectl) {
            Ok(documents) => {
                let report = kube_validate::validate_foreign(&documents);
                self.checked += report.checked;
                for (kind, count) in report.unknown {
                    *self.unknown.entry(kind).or_insert(0) += count;
                }
                self.findings.extend(report.findings.iter().map(|error| error.diagnose(&sources)));
            }
            Err(errors) => {
                self.findings.extend(errors.iter().map(|error| error.diagnose(&sources)));
            }
        }
    }

    fn add_error(&mut self, error: ProjectError) {
        self.errors.extend(Diagnostics::from(error).0);
    }
}
