//! A document's type and metadata: `apiVersion`, `kind`, its name and namespace.

use super::error::Problem;
use super::formats::{self, Form};
use super::kinds::Kind;
use super::object::group;
use yaml_spans::diagnostic::Located;
use yaml_spans::{Node, Path, ReadError, Value, truncate};

/// The form of the names of a kind's objects.
enum Name {
    /// A name of this form.
    Of(Form),
    /// No name: reviews, which the server answers and does not keep, and the files of tools.
    None,
}

/// Kinds whose names are not plain DNS names (`NameIsDNSSubdomain`), by their `apiVersion`.
const NAMES: &[(&str, &[&str], Name)] = &[
    ("v1", &["Namespace", "Service"], Name::Of(formats::dns_label)), // core: ValidateNamespaceName, ValidateServiceCreate
    ("apps/v1", &["StatefulSet"], Name::Of(formats::dns_label)), // apps: ValidateStatefulSetName
    (
        "rbac.authorization.k8s.io/v1",
        &["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"],
        Name::Of(formats::path_segment), // rbac: ValidateRBACName
    ),
    ("policy/v1", &["PodDisruptionBudget"], Name::Of(formats::path_segment)), // registry/rest: BeforeCreate
    ("certificates.k8s.io/v1", &["ClusterTrustBundle"], Name::Of(formats::path_segment)),
    ("certificates.k8s.io/v1beta1", &["ClusterTrustBundle"], Name::Of(formats::path_segment)),
    ("networking.k8s.io/v1", &["IPAddress"], Name::Of(formats::ip_address)), // networking: ValidateIPAddressName
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

/// API groups whose objects accept a finalizer without a domain only if it is one of
/// [`STANDARD_FINALIZERS`] (core: ValidateObjectMeta, validateKubeFinalizerName; confirmed with a
/// server of version 1.37). Other groups accept any qualified name.
const STRICT_FINALIZER_GROUPS: &[&str] = &[
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

/// Kinds whose `metadata.generation` the server keeps. For the others it sets 1 (`PrepareForCreate` of their
/// strategies).
const KEEP_GENERATION: &[(&str, &[&str])] = &[
    (
        "v1",
        &[
            "ConfigMap",
            "LimitRange",
            "Namespace",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        ],
    ),
    ("rbac.authorization.k8s.io/v1", &["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"]),
];

/// Kubernetes' own finalizers (core/helper: IsStandardFinalizerName).
const STANDARD_FINALIZERS: &[&str] = &["kubernetes", "orphan", "foregroundDeletion"];

/// The most findings about finalizers of one object.
const MAX_FINALIZER_FINDINGS: usize = 20;

/// The longest name of a CronJob: the names of its Jobs add 11 characters (batch:
/// ValidateCronJobCreate).
pub const MAX_CRON_JOB_NAME: usize = 52;

fn name_form(kind: Option<&Kind>) -> &'static Name {
    const PLAIN: &Name = &Name::Of(formats::dns_subdomain);
    let Some(kind) = kind else {
        return PLAIN;
    };
    let row = NAMES
        .iter()
        .find(|(version, kinds, _)| *version == kind.api_version && kinds.contains(&kind.kind));
    row.map_or(PLAIN, |(.., name)| name)
}

/// The treatment of `metadata.generateName` in place of `metadata.name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeneratedNames {
    /// Accepted: the server generates the name.
    Allowed,
    /// Refused: a rendered object keeps its name.
    Refused,
}

/// Checks an object's name, namespace and finalizers.
pub fn check_metadata(
    document: &Node,
    base: &Path,
    kind: Option<&'static Kind>,
    generated: GeneratedNames,
) -> Vec<Located<Problem>> {
    let mut problems = Vec::new();
    let metadata = document.get("metadata").filter(|node| node.value != Value::Null);
    let path = base.key("metadata");
    if let Name::Of(form) = name_form(kind) {
        let prefix = metadata_text(metadata, "generateName")
            .filter(|_| generated == GeneratedNames::Allowed);
        match (metadata_text(metadata, "name"), prefix) {
            (Some(name), _) => {
                let checked = match kind {
                    Some(kind) if kind.kind == "CronJob" => cron_job_name(name, *form),
                    _ => form(name),
                };
                if let Err(expected) = checked {
                    problems.push(invalid_field("name", name, expected, metadata, &path));
                }
            }
            // A prefix may end in a `-`, since the server appends letters.
            (None, Some(prefix)) => {
                if let Err(expected) = form(&format!("{prefix}x")) {
                    problems.push(invalid_field("generateName", prefix, expected, metadata, &path));
                }
            }
            // The server makes a name for a LimitRange (core: limitrangeStrategy).
            (None, None)
                if generated == GeneratedNames::Allowed
                    && kind.is_some_and(|kind| kind.kind == "LimitRange") => {}
            (None, None) => {
                let span = metadata.unwrap_or(document).span;
                problems.push(Located::new(
                    Problem::Missing("name".to_owned()),
                    span,
                    path.key("name"),
                ));
            }
        }
    }
    if kind.is_some_and(|kind| STRICT_FINALIZER_GROUPS.contains(&group(kind.api_version))) {
        problems.extend(check_finalizers(metadata, &path));
    }
    let keeps_generation = |kind: &Kind| {
        let row = KEEP_GENERATION.iter().find(|(version, _)| *version == kind.api_version);
        row.is_some_and(|(_, kinds)| kinds.contains(&kind.kind))
    };
    let generation = metadata.and_then(|node| node.get("generation")).and_then(Node::as_int);
    if let Some(number) = generation.filter(|&number| number < 0)
        && kind.is_some_and(keeps_generation)
    {
        let number = number.to_string();
        problems.push(invalid_field("generation", &number, "at least 0", metadata, &path));
    }
    let Some(namespace) = metadata_text(metadata, "namespace") else {
        return problems;
    };
    if !kind.is_some_and(|kind| kind.cluster_scoped) {
        if let Err(expected) = formats::dns_label(namespace) {
            problems.push(invalid_field("namespace", namespace, expected, metadata, &path));
        }
    } else if generated == GeneratedNames::Refused {
        // The server drops the field (registry/rest: BeforeCreate), so it is harmless in manifests of
        // others. A rendered manifest that has one is wrong about the object's scope.
        let message = "a cluster-scoped object has no namespace".to_owned();
        let entry = metadata.and_then(Node::as_mapping).and_then(|map| map.get("namespace"));
        let span = entry.and_then(|entry| entry.key_span.or(entry.node.span));
        problems.push(
            Located::new(Problem::Conflict(message), span, path.key("namespace"))
                .hint("delete the line"),
        );
    }
    problems
}

/// Finds finalizers that are neither Kubernetes' own nor have a domain. The rules of `ObjectMeta`
/// report those that are not qualified names at all.
fn check_finalizers(metadata: Option<&Node>, path: &Path) -> Vec<Located<Problem>> {
    let list = metadata.and_then(|node| node.get("finalizers")).and_then(Node::as_sequence);
    list.unwrap_or_default()
        .iter()
        .enumerate()
        .filter_map(|(index, node)| Some((index, node, node.as_str()?)))
        .filter(|(_, _, name)| {
            !STANDARD_FINALIZERS.contains(name) && formats::qualified_name(name).is_ok()
        })
        .filter(|(_, _, name)| !name.contains('/'))
        .take(MAX_FINALIZER_FINDINGS)
        .map(|(index, node, name)| {
            let error = Problem::invalid("finalizers", name);
            Located::new(error, node.span, path.key("finalizers").index(index))
                .hint("expected a name with a domain, such as `example.com/keep`")
        })
        .collect()
}

/// Checks a CronJob's name, which must also leave room for the suffix of its Jobs' names.
fn cron_job_name(name: &str, form: Form) -> Result<(), &'static str> {
    form(name)?;
    if name.len() > MAX_CRON_JOB_NAME {
        return Err("at most 52 characters, since the names of a CronJob's Jobs add 11");
    }
    Ok(())
}

/// The problem of a text in `metadata`, whose path is given.
fn invalid_field(
    field: &str,
    value: &str,
    expected: &str,
    metadata: Option<&Node>,
    path: &Path,
) -> Located<Problem> {
    let span = metadata.and_then(|node| node.get(field)).and_then(|node| node.span);
    Located::new(Problem::invalid(field, value), span, path.key(field))
        .hint(format!("expected {expected}"))
}

/// A text in `metadata`; an empty one counts as absent.
fn metadata_text<'n>(metadata: Option<&'n Node>, key: &str) -> Option<&'n str> {
    metadata?.get(key)?.as_str().filter(|text| !text.is_empty())
}

/// Reads `apiVersion` or `kind`.
pub fn read_type_field<'n>(
    document: &'n Node,
    base: &Path,
    key: &str,
) -> Result<&'n str, Located<Problem>> {
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

/// The object's name in messages: `Deployment tts/chatterbox-tts`.
pub fn object_label(document: &Node, kind: &str) -> String {
    let metadata = document.get("metadata");
    let name = metadata_text(metadata, "name").or_else(|| metadata_text(metadata, "generateName"));
    let (kind, name) = (truncate(kind), name.map(truncate));
    match (metadata_text(metadata, "namespace"), name) {
        (Some(namespace), Some(name)) => format!("{kind} {}/{name}", truncate(namespace)),
        (None, Some(name)) => format!("{kind} {name}"),
        (_, None) => format!("a {kind} without a name"),
    }
}
