//! Validates any manifests by the API server's rules, offline.
//!
//! In: files and folders that the user names, and standard input. Out: a [`Report`], with a finding for each
//! problem and an error for each file that can't be read.

mod input;
mod report;
mod stream;

pub use report::{github, json, sarif};

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use kube_validate::{Definitions, need_definitions, validate_foreign};

use crate::budget::{Budget, BudgetExceeded, Resource, count_nodes};
use crate::parallel;
use crate::project::{Project, is_standard_input};
use crate::values::ApiVersion;
use input::{Input, InputFile, MAX_DEFINITION_BYTES};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::Sources;
use yaml_spans::{Node, read_if_valid};

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
        let files = input::find_files(&inputs, MAX_DEFINITION_BYTES);
        let mut reports = Report::of_files(&files, &budget).into_iter();
        let mut report = Report::default();
        for Input { path, manifests } in inputs {
            let mut of_path = Report::default();
            match manifests {
                Ok(manifests) => {
                    reports.by_ref().take(manifests.len()).for_each(|report| of_path.add(report));
                }
                Err(error) => of_path.errors.extend(error.0),
            }
            of_path.require_objects(path);
            report.add(of_path);
        }
        if let Err(error) = budget.check() {
            report.errors.extend(Diagnostics::from(error).0);
        }
        report
    }

    /// The reports of files, in their order. A file of definitions is read once, since its tree is large (on
    /// kube-prometheus, 96 of 219 million instructions): definitions are collected first, and a file that needs no
    /// other's is validated then.
    fn of_files(files: &[InputFile<'_>], budget: &Budget) -> Vec<Self> {
        let all: Vec<&InputFile<'_>> = files.iter().collect();
        let mut definitions = Definitions::default();
        let mut reports = Vec::with_capacity(files.len());
        for (own, report) in map_largest_first(&all, |file| Report::of_defining_file(file, budget))
        {
            definitions.extend(own);
            reports.push(report);
        }
        let open = files.iter().zip(&mut reports).filter(|(_, report)| report.is_none());
        let (open, places): (Vec<&InputFile<'_>>, Vec<&mut Option<Report>>) = open.unzip();
        let late = map_largest_first(&open, |file| Report::of_file(file, &definitions, budget));
        for (place, report) in places.into_iter().zip(late) {
            *place = Some(report);
        }
        reports.into_iter().flatten().collect()
    }

    /// The number of objects that were skipped.
    pub fn skipped(&self) -> usize {
        self.unknown.values().sum::<usize>() + self.encrypted
    }

    /// Finds the definitions in a file, and its report unless definitions of other files could change that: a tree of
    /// a large definition is not read twice. Nothing once the budget is spent, which is an error of the whole run.
    fn of_defining_file(file: &InputFile<'_>, budget: &Budget) -> (Definitions, Option<Self>) {
        if !file.may_define || budget.check().is_err() {
            return Default::default();
        }
        let Some(text) = file.manifest.text_with_definitions() else { return Default::default() };
        let Ok(documents) = &text.documents else { return Default::default() };
        if spend_nodes(documents, budget).is_err() {
            return Default::default();
        }
        let definitions = Definitions::of_documents(documents);
        let report = (!need_definitions(documents)).then(|| {
            let mut report = Report::default();
            report.validate(documents, &definitions, &text.sources);
            report
        });
        (definitions, report)
    }

    fn of_file(file: &InputFile<'_>, definitions: &Definitions, budget: &Budget) -> Self {
        let mut report = Report::default();
        report.validate_file(file, definitions, budget);
        report
    }

    /// Validates a file. Once the budget is spent, the remaining files are not read.
    fn validate_file(&mut self, file: &InputFile<'_>, definitions: &Definitions, budget: &Budget) {
        if budget.check().is_err() {
            return;
        }
        let text = match file.manifest.text() {
            Ok(text) => text,
            Err(error) => return self.errors.extend(error.0),
        };
        match &text.documents {
            Ok(documents) => {
                if spend_nodes(documents, budget).is_ok() {
                    self.validate(documents, definitions, &text.sources);
                }
            }
            Err(errors) => {
                self.findings.extend(errors.iter().map(|error| error.diagnose(&text.sources)));
            }
        }
    }

    fn validate(&mut self, documents: &[Node], definitions: &Definitions, sources: &Sources) {
        let report = validate_foreign(documents, definitions);
        self.checked += report.checked;
        self.encrypted += report.encrypted;
        for (kind, count) in report.unknown {
            *self.unknown.entry(kind).or_insert(0) += count;
        }
        let values = documents.iter().find(|document| is_values(document));
        self.findings.extend(report.findings.into_iter().map(|error| {
            let is_of_values = values.is_some_and(|values| values.span == error.span);
            let error = match is_of_values {
                true => error.hint("a values file, not a manifest: `tts-render lint` checks it"),
                false => error,
            };
            error.diagnose(sources)
        }));
    }

    /// Adds an error if there was no object: the command that should have written it may have failed.
    fn require_objects(&mut self, path: &Path) {
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

/// Returns true for a stack's values, which have an `apiVersion` but no kind.
fn is_values(document: &Node) -> bool {
    let api_version = document.get("apiVersion").and_then(read_if_valid::<ApiVersion>);
    api_version.is_some() && document.get("kind").is_none()
}

fn spend_nodes(documents: &[Node], budget: &Budget) -> Result<(), BudgetExceeded> {
    budget.spend(Resource::ManifestNodes, documents.iter().map(count_nodes).sum())
}

/// Does the work on each file, the largest first: the last one would keep one core busy alone.
fn map_largest_first<R: Send>(
    files: &[&InputFile<'_>],
    work: impl Fn(&InputFile<'_>) -> R + Sync,
) -> Vec<R> {
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.sort_by_key(|index| Reverse(files[*index].size));
    let results = parallel::map(&order, MAX_SEQUENTIAL_FILES, |index| work(files[*index]));
    let mut results: Vec<(usize, R)> = order.into_iter().zip(results).collect();
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_may_have_definitions_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::new(folder.path());
        let path = folder.path().join("definition.yaml");
        std::fs::write(&path, "apiVersion: v1\nkind: ConfigMap # CustomResourceDefinition\n")
            .unwrap();
        let inputs = [Input::find(&project, &path)];
        let files = input::find_files(&inputs, MAX_DEFINITION_BYTES);
        let budget = project.new_budget();
        let (_, report) = Report::of_defining_file(&files[0], &budget);
        // A map and two values.
        assert_eq!(budget.used(Resource::ManifestNodes), 3);
        assert!(report.is_some());
    }
}
