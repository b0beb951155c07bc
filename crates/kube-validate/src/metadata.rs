//! What a document says it is, and whether its name may be that.

use super::error::Problem;
use super::formats::{self, Form};
use super::kinds::Kind;
use super::object::group;
use yaml_spans::diagnostic::Located;
use yaml_spans::{Node, Path, ReadError, Value, shorten};

/// How names of a kind are formed.
enum Name {
    /// By a form.
    Of(Form),
    /// The kind has no names: reviews, which are answered and not kept, and the files of tools.
    None,
}

/// Kinds whose names are not plain DNS names (`NameIsDNSSubdomain`), by their `apiVersion`.
const NAMES: &[(&str, &[&str], Name)] = &[
    ("v1", &["Namespace", "Service"], Name::Of(formats::label)), // core: ValidateNamespaceName, ValidateServiceCreate
    ("apps/v1", &["StatefulSet"], Name::Of(formats::label)),     // apps: ValidateStatefulSetName
    (
        "rbac.authorization.k8s.io/v1",
        &["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"],
        Name::Of(formats::path_segment), // rbac: ValidateRBACName
    ),
    ("policy/v1", &["PodDisruptionBudget"], Name::Of(formats::path_segment)), // registry/rest: BeforeCreate
    ("certificates.k8s.io/v1", &["ClusterTrustBundle"], Name::Of(formats::path_segment)),
    ("certificates.k8s.io/v1beta1", &["ClusterTrustBundle"], Name::Of(formats::path_segment)),
    ("networking.k8s.io/v1", &["IPAddress"], Name::Of(formats::ip)), // networking: ValidateIPAddressName
    (
        "authorization.k8s.io/v1",
        &[
            "LocalSubjectAccessReview",
            "SelfSubjectAccessReview",
            "SelfSubjectRulesReview",
            "SubjectAccessReview",
        ],
        Name::None,
    ),
    ("authentication.k8s.io/v1", &["SelfSubjectReview", "TokenReview"], Name::None),
    ("kustomize.config.k8s.io/v1beta1", &["Kustomization"], Name::None),
];

/// Groups whose kinds take a finalizer without a domain only if it is one of [`STANDARD`] (core:
/// ValidateObjectMeta, validateKubeFinalizerName; seen of a server of 1.37: tests/e2e). The others ask
/// for a qualified name alone.
const FINALIZERS: &[&str] = &[
    "",
    "apps",
    "autoscaling",
    "batch",
    "discovery.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// Kubernetes' own finalizers (core/helper: IsStandardFinalizerName).
const STANDARD: &[&str] = &["kubernetes", "orphan", "foregroundDeletion"];

/// The most of them that are told: more tell nobody anything.
const MOST: usize = 20;

/// The longest name of a CronJob: its Jobs add 11 characters (batch: ValidateCronJobCreate).
const CRON_JOB: usize = 52;

fn names_of(kind: Option<&Kind>) -> &'static Name {
    const PLAIN: &Name = &Name::Of(formats::subdomain);
    let Some(kind) = kind else {
        return PLAIN;
    };
    let row = NAMES
        .iter()
        .find(|(version, kinds, _)| *version == kind.api_version && kinds.contains(&kind.kind));
    row.map_or(PLAIN, |(.., name)| name)
}

/// Whether `metadata.name` may be left out for `metadata.generateName`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generated {
    /// It may.
    Allowed,
    /// It may not: what we render has one name for good.
    Refused,
}

/// Holds `metadata` against what the API server asks of names and namespaces.
pub fn check(
    document: &Node,
    base: &Path,
    kind: Option<&'static Kind>,
    generated: Generated,
) -> Vec<Located<Problem>> {
    let mut found = Vec::new();
    let metadata = document.get("metadata").filter(|node| node.value != Value::Null);
    let path = base.key("metadata");
    let text = |key: &str| {
        metadata.and_then(|node| node.get(key)).and_then(Node::as_str).filter(|t| !t.is_empty())
    };
    if let Name::Of(form) = names_of(kind) {
        let prefix = text("generateName").filter(|_| generated == Generated::Allowed);
        match (text("name"), prefix) {
            (Some(name), _) => named(name, *form, metadata, &path, kind, &mut found),
            // A prefix may end in what a name may not: the server adds letters.
            (None, Some(prefix)) => {
                let whole = format!("{}x", prefix);
                if let Err(right) = form(&whole) {
                    malformed("generateName", prefix, right, metadata, &path, &mut found);
                }
            }
            (None, None) => {
                let span = metadata.unwrap_or(document).span;
                found.push(Located::new(
                    Problem::Missing("name".to_owned()),
                    span,
                    path.key("name"),
                ));
            }
        }
    }
    if kind.is_some_and(|kind| FINALIZERS.contains(&group(kind.api_version))) {
        found.extend(finalizers(metadata, &path));
    }
    let Some(namespace) = text("namespace") else {
        return found;
    };
    if !kind.is_some_and(|kind| kind.cluster_scoped) {
        if let Err(right) = formats::label(namespace) {
            malformed("namespace", namespace, right, metadata, &path, &mut found);
        }
    } else if generated == Generated::Refused {
        // The server drops it (registry/rest: BeforeCreate), so manifests of others may have it; in
        // ours it would be a mistake about which namespace the object is in.
        let message = "an object of this kind has no namespace".to_owned();
        let entry = metadata.and_then(Node::as_mapping).and_then(|map| map.get("namespace"));
        let span = entry.and_then(|entry| entry.key_span.or(entry.node.span));
        found.push(
            Located::new(Problem::Conflict(message), span, path.key("namespace"))
                .hint("delete the line"),
        );
    }
    found
}

/// Finalizers that are neither Kubernetes' own nor of a domain. An empty or malformed one is told by
/// the rule for all kinds.
fn finalizers(metadata: Option<&Node>, path: &Path) -> Vec<Located<Problem>> {
    let list = metadata.and_then(|node| node.get("finalizers")).and_then(Node::as_sequence);
    list.unwrap_or_default()
        .iter()
        .enumerate()
        .filter_map(|(index, node)| Some((index, node, node.as_str()?)))
        .filter(|(_, _, name)| !STANDARD.contains(name) && formats::qualified(name).is_ok())
        .filter(|(_, _, name)| !name.contains('/'))
        .take(MOST)
        .map(|(index, node, name)| {
            let error = Problem::Malformed { value: shorten(name), field: "finalizers".to_owned() };
            Located::new(error, node.span, path.key("finalizers").index(index))
                .hint("must have a domain, such as `example.com/keep`")
        })
        .collect()
}

fn named(
    name: &str,
    form: Form,
    metadata: Option<&Node>,
    path: &Path,
    kind: Option<&'static Kind>,
    found: &mut Vec<Located<Problem>>,
) {
    if let Err(right) = form(name) {
        malformed("name", name, right, metadata, path, found);
    } else if kind.is_some_and(|kind| kind.kind == "CronJob") && name.len() > CRON_JOB {
        malformed(
            "name",
            name,
            "at most 52 characters: a CronJob's Jobs add 11",
            metadata,
            path,
            found,
        );
    }
}

fn malformed(
    field: &str,
    value: &str,
    right: &str,
    metadata: Option<&Node>,
    path: &Path,
    found: &mut Vec<Located<Problem>>,
) {
    let span = metadata.and_then(|node| node.get(field)).and_then(|node| node.span);
    let error = Problem::Malformed { value: shorten(value), field: field.to_owned() };
    found.push(Located::new(error, span, path.key(field)).hint(format!("must be {right}")));
}

/// A text at the top of a document: `apiVersion` or `kind`.
pub fn head<'n>(document: &'n Node, base: &Path, key: &str) -> Result<&'n str, Located<Problem>> {
    let node = document.get(key).filter(|node| node.value != Value::Null);
    match node {
        None => Err(Located::new(Problem::Missing(key.to_owned()), document.span, base.key(key))),
        Some(node) => match node.as_str() {
            Some("") => Err(Located::new(Problem::Empty(key.to_owned()), node.span, base.key(key))),
            Some(text) => Ok(text),
            None => {
                let error = ReadError::WrongType {
                    expected: "a string".to_owned(),
                    found: node.kind().to_owned(),
                };
                Err(Located::new(Problem::Read(error), node.span, base.key(key)))
            }
        },
    }
}

/// What messages call the object of a document: `Deployment tts/chatterbox-tts`.
pub fn label(document: &Node, kind: &str) -> String {
    let metadata = document.get("metadata");
    let text = |key: &str| {
        metadata.and_then(|node| node.get(key)).and_then(Node::as_str).filter(|t| !t.is_empty())
    };
    let name = text("name").or_else(|| text("generateName"));
    let (kind, name) = (shorten(kind), name.map(shorten));
    match (text("namespace"), name) {
        (Some(namespace), Some(name)) => format!("{kind} {}/{name}", shorten(namespace)),
        (None, Some(name)) => format!("{kind} {name}"),
        (_, None) => format!("a {kind} without a name"),
    }
}
