//! Validates any manifests by the API server's rules, offline.
//!
//! In: files and folders that the user names, and standard input. Out: a [`Report`], with a finding for each
//! problem and an error for each file that can't be read.

mod input;
mod report;
mod stream;

pub use report::{github, json, sarif};

use std::collections::BTreeMap;
use std::path::Path;

use kube_validate::Definitions;

use crate::budget::{Budget, Resource, count_nodes};
use crate::parallel;
use crate::project::{Project, is_standard_input};
use input::{Input, Manifest};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

/// The number of files up to which no thread is started.
const MAX_SEQUENTIAL_FILES: usize = 3;

/// The result of validating all files.
#[derive(Debug, Default)]
pub struct Report {
    /// The problems.
    pub findings: Vec<Diagnostic>,
    /// The number of objects that were checked.
    pub checked: usize,
    /// The number of objects of each unknown kind (`apiVersion`, `kind`), which were skipped.
    pub unknown: BTreeMap<(String, String), usize>,
    /// The number of objects that are encrypted with SOPS, which were skipped.
    pub encrypted: usize,
    /// Files and folders that can't be read, or contain no object.
    pub errors: Vec<Diagnostic>,
}

impl Report {
    /// Validates files, all manifests below folders, and standard input (`-`). A custom resource is also validated by
    /// its definition, if any of them has it. A link in the project that leads out of it is an error.
    pub fn of_paths<'a>(project: &Project, paths: impl IntoIterator<Item = &'a Path>) -> Self {
        let budget = project.new_budget();
        let inputs: Vec<Input<'_>> =
            paths.into_iter().map(|path| Input::find(project, path)).collect();
        let definitions = input::find_definitions(&inputs, &budget);
        let manifests: Vec<&Manifest> = inputs.iter().flat_map(Input::manifests).collect();
        let reports = parallel::map(&manifests, MAX_SEQUENTIAL_FILES, |manifest| {
            Report::of_file(manifest, &definitions, &budget)
        });
        let mut reports = reports.into_iter();
        let mut report = Report::default();
        for Input { path, manifests } in inputs {
            let mut of_path = Report::default();
            match manifests {
                Ok(manifests) => {
                    reports.by_ref().take(manifests.len()).for_each(|report| of_path.add(report));
                }
                Err(error) => of_path.errors.extend(error.0),
            }
            of_path.refuse_nothing(path);
            report.add(of_path);
        }
        if let Err(error) = budget.check() {
            report.errors.extend(Diagnostics::from(error).0);
        }
        report
    }

    /// The number of objects that were skipped.
    pub fn skipped(&self) -> usize {
        self.unknown.values().sum::<usize>() + self.encrypted
    }

    fn of_file(manifest: &Manifest, definitions: &Definitions, budget: &Budget) -> Self {
        let mut report = Report::default();
        report.validate_file(manifest, definitions, budget);
        report
    }

    /// Validates a file. Once the budget is spent, the remaining files are not read.
    fn validate_file(&mut self, manifest: &Manifest, definitions: &Definitions, budget: &Budget) {
        if budget.check().is_err() {
            return;
        }
        let text = match manifest.text() {
            Ok(text) => text,
            Err(error) => return self.errors.extend(error.0),
        };
        match &text.documents {
            Ok(documents) => {
                let nodes = documents.iter().map(count_nodes).sum();
                if budget.spend(Resource::ManifestNodes, nodes).is_err() {
                    return;
                }
                let report = kube_validate::validate_foreign(documents, definitions);
                self.checked += report.checked;
                self.encrypted += report.encrypted;
                for (kind, count) in report.unknown {
                    *self.unknown.entry(kind).or_insert(0) += count;
                }
                let findings = report.findings.iter();
                self.findings.extend(findings.map(|error| error.diagnose(&text.sources)));
            }
            Err(errors) => {
                self.findings.extend(errors.iter().map(|error| error.diagnose(&text.sources)));
            }
        }
    }

    /// Adds an error if there was no object: the command that should have written it may have failed.
    fn refuse_nothing(&mut self, path: &Path) {
        let is_empty = self.checked + self.skipped() + self.findings.len() + self.errors.len() == 0;
        if is_empty {
            let name = match is_standard_input(path) {
                true => "standard input".to_owned(),
                false => format!("`{}`", path.display()),
            };
            self.errors.push(Diagnostic::new(format!("{name} contains no object")));
        }
    }

    fn add(&mut self, other: Report) {
        self.findings.extend(other.findings);
        self.checked += other.checked;
        self.encrypted += other.encrypted;
        for (kind, count) in other.unknown {
            *self.unknown.entry(kind).or_insert(0) += count;
        }
        self.errors.extend(other.errors);
    }
}
