//! The check of manifests that others wrote.

use std::collections::BTreeMap;

use super::check::{head, judge, sorted, unknown};
use super::error::Error;
use super::kinds::{self, Nulls};
use super::metadata::{self, Generated};
use yaml_spans::diagnostic::Located;
use yaml_spans::{Node, Path};

/// What was found in manifests that others wrote.
#[derive(Debug, Default, PartialEq)]
pub struct ForeignReport {
    /// How many objects were held against their type; items of lists count one each.
    pub checked: usize,
    /// How many objects there are of each kind (`apiVersion`, `kind`) that is not known, so that
    /// nothing was said of them.
    pub unknown: BTreeMap<(String, String), usize>,
    /// All that is wrong, in the order of the documents and their places.
    pub findings: Vec<Located<Error>>,
}

/// Holds documents that others wrote against the API's rules: those of [`check`](super::check), less
/// what only ours must be. Lists are taken apart.
pub fn check_foreign(documents: &[Node]) -> ForeignReport {
    let mut report = ForeignReport::default();
    for document in documents {
        one(document, &Path::root(), &mut report);
    }
    report
}

fn one(node: &Node, base: &Path, report: &mut ForeignReport) {
    let (api_version, kind) = match head(node, base) {
        Ok(head) => head,
        Err(errors) => return report.findings.extend(errors),
    };
    let items = node.get("items").and_then(Node::as_sequence);
    if let Some(items) =
        items.filter(|_| kind.ends_with("List") && kinds::find(api_version, kind).is_none())
    {
        for (index, item) in items.iter().enumerate() {
            one(item, &base.key("items").index(index), report);
        }
        return;
    }
    let label = metadata::label(node, kind);
    match kinds::find(api_version, kind) {
        Some(known) => {
            report.checked += 1;
            let problems = judge(node, base, Some(known), Nulls::Ignored, Generated::Allowed);
            report.findings.extend(sorted(problems, Some(&label)));
        }
        // All kinds of Kubernetes' own versions are known: this one does not exist.
        None if kinds::is_kubernetes(api_version) => {
            report.checked += 1;
            report
                .findings
                .extend(sorted(vec![unknown(node, base, api_version, kind)], Some(&label)));
        }
        None => *report.unknown.entry((api_version.to_owned(), kind.to_owned())).or_default() += 1,
    }
}
