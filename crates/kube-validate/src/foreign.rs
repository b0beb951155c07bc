//! The validation of manifests that others wrote.

use std::collections::BTreeMap;

use super::definitions::Definitions;
use super::error::{Error, Problem};
use super::kinds::{self, Nulls};
use super::list::list_items;
use super::metadata::{self, GeneratedNames};
use super::validate::{find_problems, read_type, to_errors, unknown_kind};
use yaml_spans::diagnostic::Located;
use yaml_spans::{Node, Path, Segment, truncate};

/// The result for manifests that others wrote.
#[derive(Debug, Default, PartialEq)]
pub struct ForeignReport {
    /// The number of validated objects; each item of a list counts as one.
    pub checked: usize,
    /// The number of objects of each unknown kind (`apiVersion`, `kind`). They are not validated.
    pub unknown: BTreeMap<(String, String), usize>,
    /// The number of objects that are encrypted with SOPS. They are not validated.
    pub encrypted: usize,
    /// The findings, in the order of the documents and of their places.
    pub findings: Vec<Located<Error>>,
}

/// Validates documents that others wrote, and the items of lists among them.
///
/// The rules are those of [`validate`](super::validate()), but for three: `metadata.generateName` may
/// replace `metadata.name`, a null is allowed if the API server drops it, and an unknown kind is
/// counted. An object whose definition is given is validated by its schema too.
pub fn validate_foreign(documents: &[Node], definitions: &Definitions) -> ForeignReport {
    let mut report = ForeignReport::default();
    for document in documents {
        check_document(document, &Path::root(), definitions, &mut report);
    }
    report
}

fn check_document(node: &Node, base: &Path, definitions: &Definitions, report: &mut ForeignReport) {
    let (api_version, kind) = match read_type(node, base) {
        Ok(object_type) => object_type,
        Err(errors) => return report.findings.extend(errors),
    };
    if is_encrypted(node) {
        report.encrypted += 1;
        return;
    }
    let known = kinds::find(api_version, kind);
    // A stray `items` in a known kind is an unknown field.
    if let Some(items) = list_items(node).filter(|_| known.is_none()) {
        for (index, item) in items.iter().enumerate() {
            check_document(item, &base.key("items").index(index), definitions, report);
        }
        return;
    }
    let defined = match kinds::is_kubernetes(api_version) {
        true => None,
        false => definitions.check(node, base, api_version, kind),
    };
    let own = || find_problems(node, base, known, Nulls::Ignored, GeneratedNames::Allowed);
    let problems: Vec<_> = match known {
        _ if let Some(defined) = defined => {
            let metadata = base.key("metadata");
            let is_kept = |found: &Located<Problem>| {
                found.path.starts_with(&metadata) || !is_about_fields(&found.error)
            };
            own().into_iter().filter(is_kept).chain(defined).collect()
        }
        Some(_) => own(),
        // The table has every kind of Kubernetes' own API versions, so this kind does not exist.
        None if kinds::is_kubernetes(api_version) || kinds::is_misspelt(api_version, kind) => {
            vec![unknown_kind(node, base, api_version, kind)]
        }
        None => {
            let key = (api_version.to_owned(), kind.to_owned());
            *report.unknown.entry(key).or_default() += 1;
            return;
        }
    };
    report.checked += 1;
    if problems.is_empty() {
        return;
    }
    let errors = to_errors(problems, Some(&metadata::object_label(node, kind)));
    report.findings.extend(name_placeholders(errors, node, base));
}

/// Returns true for a problem that the object's own definition decides, if it is given: it may be of another release
/// than the type.
fn is_about_fields(problem: &Problem) -> bool {
    matches!(problem, Problem::Read(_) | Problem::Unknown(_))
}

/// Returns true for an object whose values SOPS has encrypted: it adds `sops`, with a checksum.
fn is_encrypted(node: &Node) -> bool {
    let sops = node.get("sops");
    sops.is_some_and(|sops| sops.get("mac").and_then(Node::as_str).is_some())
}

/// Replaces the findings about values with `${…}` by one, which says what these values are.
fn name_placeholders(errors: Vec<Located<Error>>, node: &Node, base: &Path) -> Vec<Located<Error>> {
    let mut is_named = false;
    let rename = |found: Located<Error>| {
        let Some(placeholder) = placeholder_at(&found.path, node, base) else {
            return Some(found);
        };
        if std::mem::replace(&mut is_named, true) {
            return None;
        }
        let problem = Problem::Placeholder(truncate(&placeholder));
        let error = Error { problem, object: found.error.object };
        let hint = "Flux replaces it before it applies the object (`postBuild`): validate what \
                    Flux makes of the file";
        Some(Located { error, span: found.span, path: found.path, hint: Some(hint.into()) })
    };
    errors.into_iter().filter_map(rename).collect()
}

/// The placeholder in the value or key that a path leads to.
fn placeholder_at(path: &Path, node: &Node, base: &Path) -> Option<String> {
    let steps = path.segments().get(base.segments().len()..)?;
    let value = kinds::within(node, steps).and_then(Node::as_str);
    let key = match steps.last() {
        Some(Segment::Key(key)) => Some(key.as_str()),
        _ => None,
    };
    value.and_then(find_placeholder).or_else(|| key.and_then(find_placeholder))
}

/// Finds `${NAME}` or `${NAME:=default}`.
fn find_placeholder(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("${")?;
    let (inner, _) = rest.split_once('}')?;
    let is_name = inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    is_name.then(|| format!("${{{inner}}}"))
}
