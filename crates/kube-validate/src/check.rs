//! The check of one document that this project made.

use std::collections::HashMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::error::{Error, Problem};
use super::kinds::{self, Kind, Nulls, examine};
use super::metadata::{self, Generated};
use super::object::{Object, ObjectId};
use yaml_spans::diagnostic::Located;
use yaml_spans::{Node, Path, ReadError, near_name, shorten};

/// Kinds that the values name as allowed though they are not known: of their objects, only what all
/// objects share is checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedKinds(Vec<(String, String)>);

impl AllowedKinds {
    /// No kinds but those that are known.
    pub fn none() -> Self {
        Self::default()
    }

    /// These pairs of `apiVersion` and `kind`.
    pub fn new(kinds: impl IntoIterator<Item = (String, String)>) -> Self {
        AllowedKinds(kinds.into_iter().collect())
    }

    fn has(&self, api_version: &str, kind: &str) -> bool {
        self.0.iter().any(|allowed| allowed.0 == api_version && allowed.1 == kind)
    }
}

/// Holds one document that this project made against its type, and tells all that is wrong.
pub fn check(node: Node, allowed: &AllowedKinds) -> Result<Object, Vec<Located<Error>>> {
    let root = Path::root();
    let (api_version, kind) = head(&node, &root)?;
    let label = metadata::label(&node, kind);
    let named = |problems| sorted(problems, Some(&label));
    let known = kinds::find(api_version, kind);
    if known.is_none() && !allowed.has(api_version, kind) {
        return Err(named(vec![unknown(&node, &root, api_version, kind)]));
    }
    let problems = judge(&node, &root, known, Nulls::Refused, Generated::Refused);
    if !problems.is_empty() {
        return Err(named(problems));
    }
    let api_version = api_version.to_owned();
    let ObjectId { kind, namespace, name, .. } = ObjectId::of_kind(&api_version, kind, &node);
    Ok(Object { api_version, kind, namespace, name, node })
}

/// What a document says it is: `apiVersion` and `kind`.
pub fn head<'n>(node: &'n Node, base: &Path) -> Result<(&'n str, &'n str), Vec<Located<Error>>> {
    if node.as_mapping().is_none() {
        let problem = Located::new(Problem::NotAnObject(node.kind()), node.span, base.clone());
        return Err(sorted(vec![problem], None));
    }
    match (metadata::head(node, base, "apiVersion"), metadata::head(node, base, "kind")) {
        (Ok(api_version), Ok(kind)) => Ok((api_version, kind)),
        (api_version, kind) => {
            let label = kind.as_ref().ok().map(|kind| metadata::label(node, kind));
            let problems = [api_version.err(), kind.err()].into_iter().flatten().collect();
            Err(sorted(problems, label.as_deref()))
        }
    }
}

/// All that is wrong with an object of a known kind; of an unknown one, with its metadata.
pub fn judge(
    node: &Node,
    base: &Path,
    known: Option<&'static Kind>,
    nulls: Nulls,
    generated: Generated,
) -> Vec<Located<Problem>> {
    let mut problems = metadata::check(node, base, known, generated);
    match (known, node.get("metadata")) {
        (Some(kind), _) => problems.extend((kind.examine)(node, base, nulls)),
        (None, Some(metadata)) => {
            problems.extend(examine::<ObjectMeta>(metadata, &base.key("metadata"), nulls));
        }
        (None, None) => {}
    }
    problems
}

/// No type of this `apiVersion` and `kind` is known; says what could be meant.
pub fn unknown(node: &Node, base: &Path, api_version: &str, kind: &str) -> Located<Problem> {
    let error = Problem::UnknownKind { api_version: shorten(api_version), kind: shorten(kind) };
    let of_version = || kinds::all().filter(|known| known.api_version == api_version);
    let near = near_name(kind, of_version().map(|known| known.kind));
    let versions: Vec<&str> =
        kinds::all().filter(|known| known.kind == kind).map(|known| known.api_version).collect();
    let version = near_name(api_version, versions.iter().copied()).or(versions.last().copied());
    let (key, hint) = match (near, version) {
        (Some(near), _) => ("kind", Some(format!("did you mean `{near}`?"))),
        (None, Some(version)) => {
            ("apiVersion", Some(format!("`{}` is of `{version}`", shorten(kind))))
        }
        (None, None) => ("kind", None),
    };
    let span = node.get(key).and_then(|node| node.span);
    Located { error, span, path: base.key(key), hint }
}

/// Names the object in each problem; sorts by place; leaves out what follows from another.
pub fn sorted(mut problems: Vec<Located<Problem>>, object: Option<&str>) -> Vec<Located<Error>> {
    problems.sort_by_key(|problem| problem.span.map(|span| (span.source, span.start)));
    let misspelt: Vec<Path> = problems.iter().filter_map(meant).collect();
    let mut by_path: HashMap<Path, Vec<Problem>> = HashMap::new();
    problems.retain(|problem| {
        let others = by_path.entry(problem.path.clone()).or_default();
        let said = others.iter().any(|other| implies(other) || *other == problem.error);
        if !said {
            others.push(problem.error.clone());
        }
        !said && !is_misspelt(problem, &misspelt)
    });
    let object = object.map(str::to_owned);
    problems
        .into_iter()
        .map(|found| found.map(|problem| Error { problem, object: object.clone() }))
        .collect()
}

/// The path that an unknown field would have, were it written as its hint says.
fn meant(problem: &Located<Problem>) -> Option<Path> {
    let Problem::Read(ReadError::UnknownField(_)) = problem.error else {
        return None;
    };
    let name = problem.hint.as_deref()?.strip_prefix("did you mean `")?.strip_suffix("`?")?;
    Some(problem.path.parent()?.key(name))
}

/// Whether a field is missing because it is misspelt, which is said already.
fn is_misspelt(problem: &Located<Problem>, misspelt: &[Path]) -> bool {
    matches!(problem.error, Problem::Missing(_)) && misspelt.contains(&problem.path)
}

/// Whether nothing else needs to be said of a place.
fn implies(problem: &Problem) -> bool {
    matches!(
        problem,
        Problem::Missing(_)
            | Problem::Empty(_)
            | Problem::Read(_)
            | Problem::Base64(_)
            | Problem::Unknown(_)
    )
}
