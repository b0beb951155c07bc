//! The validation of manifests that others wrote.

use std::collections::BTreeMap;

use super::error::Error;
use super::kinds::{self, Nulls};
use super::list::list_items;
use super::metadata::{self, GeneratedNames};
use super::validate::{find_problems, read_type, to_errors, unknown_kind};
use yaml_spans::diagnostic::Located;
use yaml_spans::{Node, Path};

/// The result for manifests that others wrote.
#[derive(Debug, Default, PartialEq)]
pub struct ForeignReport {
    /// The number of validated objects; each item of a list counts as one.
    pub checked: usize,
    /// The number of objects of each unknown kind (`apiVersion`, `kind`). They are not validated.
    pub unknown: BTreeMap<(String, String), usize>,
    /// The findings, in the order of the documents and of their places.
    pub findings: Vec<Located<Error>>,
}

/// Validates documents that others wrote, and the items of lists among them.
///
/// The rules are those of [`validate`](super::validate()), but for three: `metadata.generateName` may
/// replace `metadata.name`, a null is allowed if the API server drops it, and an unknown kind is
/// counted.
pub fn validate_foreign(documents: &[Node]) -> ForeignReport {
    let mut report = ForeignReport::default();
    for document in documents {
        check_document(document, &Path::root(), &mut report);
    }
    report
}

fn check_document(node: &Node, base: &Path, report: &mut ForeignReport) {
    let (api_version, kind) = match read_type(node, base) {
        Ok(object_type) => object_type,
        Err(errors) => return report.findings.extend(errors),
    };
    let known = kinds::find(api_version, kind);
    // A stray `items` in a known kind is an unknown field.
    if let Some(items) = list_items(node).filter(|_| known.is_none()) {
        for (index, item) in items.iter().enumerate() {
            check_document(item, &base.key("items").index(index), report);
        }
        return;
    }
    let problems = match known {
        Some(known) => {
            find_problems(node, base, Some(known), Nulls::Ignored, GeneratedNames::Allowed)
        }
        // The table has every kind of Kubernetes' own API versions, so this kind does not exist.
        None if kinds::is_kubernetes(api_version) => {
            vec![unknown_kind(node, base, api_version, kind)]
        }
        None => {
            let key = (api_version.to_owned(), kind.to_owned());
            *report.unknown.entry(key).or_default() += 1;
            return;
        }
    };
    report.checked += 1;
    report.findings.extend(to_errors(problems, Some(&metadata::object_label(node, kind))));
}
