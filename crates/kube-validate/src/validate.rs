//! The validation of one document that must be right in every respect.

use std::collections::HashMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::definitions::without_plain_schemas;
use super::error::{Error, Problem};
use super::kinds::{self, Kind, Nulls, check_type};
use super::metadata::{self, GeneratedNames};
use super::object::{Object, ObjectId};
use yaml_spans::diagnostic::{Hint, Located};
use yaml_spans::{Node, Path, ReadError, suggest, truncate};

/// Kinds that are accepted although they are unknown: only the metadata of their objects is checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedKinds(Vec<(String, String)>);

impl AllowedKinds {
    /// Accepts known kinds only.
    pub fn none() -> Self {
        Self::default()
    }

    /// Accepts these pairs of `apiVersion` and `kind`, and known kinds.
    pub fn new(kinds: impl IntoIterator<Item = (String, String)>) -> Self {
        AllowedKinds(kinds.into_iter().collect())
    }

    fn contains(&self, api_version: &str, kind: &str) -> bool {
        self.0.iter().any(|allowed| allowed.0 == api_version && allowed.1 == kind)
    }
}

/// Validates one document, and returns it as an object.
///
/// # Errors
/// Every problem of the document, in the order of their places.
pub fn validate(node: Node, allowed: &AllowedKinds) -> Result<Object, Vec<Located<Error>>> {
    let root = Path::root();
    let (api_version, kind) = read_type(&node, &root)?;
    let known = kinds::find(api_version, kind);
    let problems = if known.is_none() && !allowed.contains(api_version, kind) {
        vec![unknown_kind(&node, &root, api_version, kind)]
    } else {
        find_problems(&node, &root, known, Nulls::Refused, GeneratedNames::Refused)
    };
    if !problems.is_empty() {
        return Err(to_errors(problems, Some(&metadata::object_label(&node, kind))));
    }
    let api_version = api_version.to_owned();
    let ObjectId { kind, namespace, name, .. } = ObjectId::of_kind(&api_version, kind, &node);
    Ok(Object { api_version, kind, namespace, name, node })
}

/// Reads a document's `apiVersion` and `kind`.
///
/// # Errors
/// The document is not an object, or lacks one of the two.
pub fn read_type<'n>(
    node: &'n Node,
    base: &Path,
) -> Result<(&'n str, &'n str), Vec<Located<Error>>> {
    if node.as_mapping().is_none() {
        let problem = Located::new(Problem::NotAnObject(node.kind()), node.span, base.clone());
        return Err(to_errors(vec![problem], None));
    }
    let api_version = metadata::read_type_field(node, base, "apiVersion");
    let kind = metadata::read_type_field(node, base, "kind");
    match (api_version, kind) {
        (Ok(api_version), Ok(kind)) => Ok((api_version, kind)),
        (api_version, kind) => {
            let label = kind.as_ref().ok().map(|kind| metadata::object_label(node, kind));
            let problems = [api_version.err(), kind.err()].into_iter().flatten().collect();
            Err(to_errors(problems, label.as_deref()))
        }
    }
}

/// Finds the problems of an object. Without a known kind, only its metadata is checked.
pub fn find_problems(
    node: &Node,
    base: &Path,
    known: Option<&'static Kind>,
    nulls: Nulls,
    generated: GeneratedNames,
) -> Vec<Located<Problem>> {
    let mut problems = metadata::check_metadata(node, base, known, generated);
    match (known, node.get("metadata")) {
        (Some(kind), _) => {
            let lighter = without_plain_schemas(node);
            problems.extend((kind.check)(lighter.as_ref().unwrap_or(node), base, nulls));
        }
        (None, Some(metadata)) => {
            problems.extend(check_type::<ObjectMeta>(metadata, &base.key("metadata"), nulls));
        }
        (None, None) => {}
    }
    problems
}

/// Kinds of Kubernetes that are sent to a subresource: requests, not objects.
const REQUESTS: [(&str, &str, &str); 5] = [
    ("policy/v1", "Eviction", "pods/eviction"),
    ("autoscaling/v1", "Scale", "scale"),
    ("authentication.k8s.io/v1", "TokenRequest", "serviceaccounts/token"),
    ("v1", "PodExecOptions", "pods/exec"),
    ("v1", "PodAttachOptions", "pods/attach"),
];

/// The problem of an unknown `apiVersion` and `kind`, with a hint at a similar one.
pub fn unknown_kind(node: &Node, base: &Path, api_version: &str, kind: &str) -> Located<Problem> {
    let error = Problem::UnknownKind { api_version: truncate(api_version), kind: truncate(kind) };
    let kinds_of_version =
        kinds::all().filter(|known| known.api_version == api_version).map(|known| known.kind);
    let request = REQUESTS.iter().find(|row| (row.0, row.1) == (api_version, kind));
    if let Some((_, _, subresource)) = request {
        let hint = format!("a request to the subresource `{subresource}`, not an object");
        let span = node.get("kind").and_then(|node| node.span);
        return Located { error, span, path: base.key("kind"), hint: Some(hint.into()) };
    }
    let versions_of_kind: Vec<&str> =
        kinds::all().filter(|known| known.kind == kind).map(|known| known.api_version).collect();
    let group = |version: &'_ str| version.split_once('/').map(|(group, _)| group.to_owned());
    let mut own = versions_of_kind
        .iter()
        .copied()
        .filter(|version| kinds::is_kubernetes(version) || group(version) == group(api_version));
    let near_version =
        suggest(api_version, versions_of_kind.iter().copied()).or_else(|| own.next_back());
    let (key, hint) = match (suggest(kind, kinds_of_version), near_version) {
        (Some(near), _) => ("kind", Some(Hint::Suggestion(near.into()))),
        (None, Some(version)) => {
            ("apiVersion", Some(format!("`{}` belongs to `{version}`", truncate(kind)).into()))
        }
        (None, None) => ("kind", None),
    };
    let span = node.get(key).and_then(|node| node.span);
    Located { error, span, path: base.key(key), hint }
}

/// Orders the problems of an object, drops those that follow from others, and adds its name.
pub fn to_errors(mut problems: Vec<Located<Problem>>, object: Option<&str>) -> Vec<Located<Error>> {
    sort_by_place(&mut problems);
    drop_misspelt(&mut problems);
    drop_implied(&mut problems);
    problems
        .into_iter()
        .map(|found| found.map(|problem| Error { problem, object: object.map(str::to_owned) }))
        .collect()
}

fn sort_by_place(problems: &mut [Located<Problem>]) {
    problems.sort_by_key(|problem| problem.span.map(|span| (span.source, span.start)));
}

/// Drops missing fields that an unknown field is a misspelling of.
fn drop_misspelt(problems: &mut Vec<Located<Problem>>) {
    let misspelt: Vec<Path> = problems.iter().filter_map(suggested_path).collect();
    problems.retain(|problem| {
        !matches!(problem.error, Problem::Missing(_)) || !misspelt.contains(&problem.path)
    });
}

/// Drops a problem at the place of an earlier one that implies it or equals it.
fn drop_implied(problems: &mut Vec<Located<Problem>>) {
    let mut by_path: HashMap<Path, Vec<Problem>> = HashMap::new();
    problems.retain(|problem| {
        let earlier = by_path.entry(problem.path.clone()).or_default();
        let is_implied =
            earlier.iter().any(|other| implies_others(other) || *other == problem.error);
        if !is_implied {
            earlier.push(problem.error.clone());
        }
        !is_implied
    });
}

/// The path that an unknown field would have under the suggested name.
fn suggested_path(problem: &Located<Problem>) -> Option<Path> {
    let Problem::Read(ReadError::UnknownField(_)) = problem.error else {
        return None;
    };
    Some(problem.path.parent()?.key(problem.suggestion()?))
}

/// Returns true for a problem that makes every other problem of its field meaningless.
fn implies_others(problem: &Problem) -> bool {
    matches!(
        problem,
        Problem::Missing(_)
            | Problem::Empty(_)
            | Problem::Read(_)
            | Problem::Base64(_)
            | Problem::Unknown(_)
    )
}
