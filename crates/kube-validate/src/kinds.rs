//! The known kinds, each with its Rust type.
//!
//! These are the kinds of Kubernetes' stable and beta API versions, from k8s-openapi, and the custom
//! resources in [`custom`].

use std::any::type_name;

use k8s_openapi::api::admissionregistration::v1 as admissionregistration_v1;
use k8s_openapi::api::admissionregistration::v1beta1 as admissionregistration_v1beta1;
use k8s_openapi::api::apps::v1 as apps_v1;
use k8s_openapi::api::authentication::v1 as authentication_v1;
use k8s_openapi::api::authorization::v1 as authorization_v1;
use k8s_openapi::api::autoscaling::v1 as autoscaling_v1;
use k8s_openapi::api::autoscaling::v2 as autoscaling_v2;
use k8s_openapi::api::batch::v1 as batch_v1;
use k8s_openapi::api::certificates::v1 as certificates_v1;
use k8s_openapi::api::certificates::v1beta1 as certificates_v1beta1;
use k8s_openapi::api::coordination::v1 as coordination_v1;
use k8s_openapi::api::coordination::v1beta1 as coordination_v1beta1;
use k8s_openapi::api::core::v1 as core_v1;
use k8s_openapi::api::discovery::v1 as discovery_v1;
use k8s_openapi::api::events::v1 as events_v1;
use k8s_openapi::api::flowcontrol::v1 as flowcontrol_v1;
use k8s_openapi::api::networking::v1 as networking_v1;
use k8s_openapi::api::node::v1 as node_v1;
use k8s_openapi::api::policy::v1 as policy_v1;
use k8s_openapi::api::rbac::v1 as rbac_v1;
use k8s_openapi::api::resource::v1 as resource_v1;
use k8s_openapi::api::resource::v1beta1 as resource_v1beta1;
use k8s_openapi::api::resource::v1beta2 as resource_v1beta2;
use k8s_openapi::api::scheduling::v1 as scheduling_v1;
use k8s_openapi::api::scheduling::v1beta1 as scheduling_v1beta1;
use k8s_openapi::api::storage::v1 as storage_v1;
use k8s_openapi::api::storagemigration::v1 as storagemigration_v1;
use k8s_openapi::api::storagemigration::v1beta1 as storagemigration_v1beta1;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions_v1;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1 as apiregistration_v1;
use k8s_openapi::{ByteString, ClusterResourceScope, NamespaceResourceScope, Resource};
use kube_formats::name::resource_of_kind;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::audit::audit;
use super::base64;
use super::custom;
use super::error::Problem;
use super::object;
use super::rules::ListKeys;
use yaml_spans::diagnostic::Located;
use yaml_spans::{Mapping, Node, Path, ReadError, Segment, Value, read_partial};

/// One kind of one version of a group.
#[derive(Debug)]
pub struct Kind {
    /// `apps/v1`.
    pub api_version: &'static str,
    /// `Deployment`.
    pub kind: &'static str,
    /// True if objects of this kind have no namespace.
    pub cluster_scoped: bool,
    /// Checks a node, whose path is given, by the kind's type.
    pub check: fn(&Node, &Path, Nulls) -> Vec<Located<Problem>>,
}

/// The treatment of a null in a field that is not optional in the Rust type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    /// An error: the value has the wrong type.
    Refused,
    /// Accepted as absent, as the API server's decoder does.
    Ignored,
}

/// The scope of a kind's objects.
pub trait Scope {
    /// True if objects have no namespace.
    const CLUSTER: bool;
}

impl Scope for ClusterResourceScope {
    const CLUSTER: bool = true;
}

impl Scope for NamespaceResourceScope {
    const CLUSTER: bool = false;
}

const fn kubernetes<T>() -> Kind
where
    T: Resource<Scope: Scope> + DeserializeOwned + Serialize,
{
    Kind {
        api_version: T::API_VERSION,
        kind: T::KIND,
        cluster_scoped: <T::Scope as Scope>::CLUSTER,
        check: check_type::<T>,
    }
}

/// Reads a node, whose path is `base`, into a type, and audits the value.
pub fn check_type<T: DeserializeOwned + Serialize>(
    node: &Node,
    base: &Path,
    nulls: Nulls,
) -> Vec<Located<Problem>> {
    read_and_audit::<T>(node, base, nulls, None)
}

/// Checks a custom resource. In its `spec`, which its definition's schema describes, the server does
/// not drop a null, and refuses one unless the schema says `nullable` (apiextensions: schema
/// validation).
pub fn check_custom_type<T: DeserializeOwned + Serialize>(
    node: &Node,
    base: &Path,
    nulls: Nulls,
) -> Vec<Located<Problem>> {
    read_and_audit::<T>(node, base, nulls, Some(base.key("spec")))
}

/// Reads and audits a node. Below `no_nulls`, a null is an error whatever `nulls` is.
fn read_and_audit<T: DeserializeOwned + Serialize>(
    node: &Node,
    base: &Path,
    nulls: Nulls,
    no_nulls: Option<Path>,
) -> Vec<Located<Problem>> {
    let (mut value, mut errors) = read_partial::<T>(node, base);
    let filled = replace_values(node, base, &errors, nulls, no_nulls.as_ref());
    if let Some(filled) = &filled {
        (value, errors) = read_partial::<T>(filled, base);
    }
    let node = filled.as_ref().unwrap_or(node);
    let known: Vec<Path> = errors.iter().map(|error| error.path.clone()).collect();
    let mut problems: Vec<Located<Problem>> = errors
        .into_iter()
        .filter(|error| {
            nulls == Nulls::Refused
                || !is_null(error, node, base)
                || no_nulls.as_ref().is_some_and(|part| error.path.starts_with(part))
        })
        .map(in_our_words)
        .collect();
    if let Some(value) = value {
        let keys = match nulls {
            Nulls::Refused => ListKeys::Unique,
            Nulls::Ignored => ListKeys::Any,
        };
        problems.extend(audit(&value, node, base, &known, no_nulls, keys));
    }
    problems
}

/// Replaces the values that the API server's decoder accepts and the types' decoder does not: base64 over
/// several lines, bytes in a list and, if nulls are ignored, each null that means the zero value of its type (an item
/// of a list, or a quantity). Returns `None` if the reader's errors are about no such value.
fn replace_values(
    node: &Node,
    base: &Path,
    errors: &[Located<ReadError>],
    nulls: Nulls,
    no_nulls: Option<&Path>,
) -> Option<Node> {
    let mut replaced = None;
    for error in errors {
        let steps = error.path.segments().get(base.segments().len()..).unwrap_or_default();
        let value = match &error.error {
            ReadError::Rule { type_name: Some(name), .. } if *name == type_name::<ByteString>() => {
                within(node, steps).and_then(reencoded)
            }
            ReadError::WrongType { found, .. }
                if found == "a list" && is_in_byte_map(node, steps) =>
            {
                within(node, steps).and_then(encoded_bytes)
            }
            ReadError::WrongType { expected, found } if found == "null" => {
                let is_allowed = nulls == Nulls::Ignored
                    && !no_nulls.is_some_and(|part| error.path.starts_with(part));
                let is_item = matches!(steps.last(), Some(Segment::Index(_)));
                zero_value(expected, is_item).filter(|_| is_allowed)
            }
            _ => None,
        };
        if let Some(value) = value
            && let Some(old) = node_at(replaced.get_or_insert_with(|| node.clone()), steps)
        {
            old.value = value;
        }
    }
    replaced
}

/// The value as which the API server's decoder reads a null where something else is expected.
fn zero_value(expected: &str, is_item: bool) -> Option<Value> {
    match expected {
        "Quantity" => Some(Value::Int(0)),
        "a string" if is_item => Some(Value::String(String::new())),
        "a map" if is_item => Some(Value::Mapping(Mapping::default())),
        "a whole number" if is_item => Some(Value::Int(0)),
        _ => None,
    }
}

/// The fields of bytes that a manifest may also have as a list of numbers, as Go's decoder reads bytes.
const BYTE_MAPS: [(&str, &str); 2] = [("Secret", "data"), ("ConfigMap", "binaryData")];

/// Returns true for an entry of a map of bytes.
fn is_in_byte_map(object: &Node, steps: &[Segment]) -> bool {
    let kind = object.get("kind").and_then(Node::as_str);
    let [Segment::Key(field), Segment::Key(_)] = steps else { return false };
    BYTE_MAPS.iter().any(|(of, map)| Some(*of) == kind && map == field)
}

/// The bytes of a list, as base64.
fn encoded_bytes(node: &Node) -> Option<Value> {
    let bytes = node.as_sequence()?.iter().map(|item| u8::try_from(item.as_int()?).ok());
    Some(Value::String(base64::encode(&bytes.collect::<Option<Vec<u8>>>()?)))
}

/// The same bytes in one line.
fn reencoded(node: &Node) -> Option<Value> {
    Some(Value::String(base64::encode(&base64::decode(node.as_str()?)?)))
}

/// The node that a path leads to.
pub fn within<'n>(node: &'n Node, steps: &[Segment]) -> Option<&'n Node> {
    steps.iter().try_fold(node, |node, step| match step {
        Segment::Key(key) => node.get(key),
        Segment::Index(index) => node.as_sequence()?.get(*index),
    })
}

/// As [`within`], to change the node.
fn node_at<'n>(node: &'n mut Node, path: &[Segment]) -> Option<&'n mut Node> {
    path.iter().try_fold(node, |node, step| match (&mut node.value, step) {
        (Value::Mapping(map), Segment::Key(key)) => Some(&mut map.get_mut(key)?.node),
        (Value::Sequence(items), Segment::Index(index)) => items.get_mut(*index),
        _ => None,
    })
}

/// A type's own error, where its words are not for manifests: `ByteString` says what is wrong with
/// base64, not that it is meant to be.
fn in_our_words(error: Located<ReadError>) -> Located<Problem> {
    let field = match error.path.segments().last() {
        Some(Segment::Key(key)) => key.clone(),
        _ => String::new(),
    };
    match &error.error {
        ReadError::Rule { type_name: Some(name), .. } if *name == type_name::<ByteString>() => {
            error.map(|_| Problem::Base64(field))
        }
        _ => error.map(Problem::Read),
    }
}

/// Returns true if an error is about a null as the value of a key.
fn is_null(error: &Located<ReadError>, node: &Node, base: &Path) -> bool {
    let wrong = matches!(error.error, ReadError::WrongType { .. } | ReadError::Rule { .. });
    let mut within = Path::root();
    error
        .path
        .segments()
        .iter()
        .skip(base.segments().len())
        .for_each(|segment| within.push(segment.clone()));
    // A null in a list is an item, which the server checks like any other.
    let key = matches!(within.segments().last(), Some(Segment::Key(_)));
    wrong && key && within.find(node).is_some_and(|node| node.value == Value::Null)
}

/// The table of Kubernetes' kinds: each row has a module of k8s-openapi and its kinds.
macro_rules! with_kubernetes_kinds {
    ($use:ident) => {
        $use! {
            admissionregistration_v1: MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, MutatingWebhookConfiguration, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration;
            admissionregistration_v1beta1: MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding;
            apps_v1: ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet;
            authentication_v1: SelfSubjectReview, TokenReview;
            authorization_v1: LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview, SubjectAccessReview;
            autoscaling_v1: HorizontalPodAutoscaler;
            autoscaling_v2: HorizontalPodAutoscaler;
            batch_v1: CronJob, Job;
            certificates_v1: CertificateSigningRequest, ClusterTrustBundle, PodCertificateRequest;
            certificates_v1beta1: ClusterTrustBundle, PodCertificateRequest;
            coordination_v1: Lease;
            coordination_v1beta1: LeaseCandidate;
            core_v1: Binding, ComponentStatus, ConfigMap, Endpoints, Event, LimitRange, Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, PodTemplate, ReplicationController, ResourceQuota, Secret, Service, ServiceAccount;
            discovery_v1: EndpointSlice;
            events_v1: Event;
            flowcontrol_v1: FlowSchema, PriorityLevelConfiguration;
            networking_v1: Ingress, IngressClass, IPAddress, NetworkPolicy, ServiceCIDR;
            node_v1: RuntimeClass;
            policy_v1: PodDisruptionBudget;
            rbac_v1: ClusterRole, ClusterRoleBinding, Role, RoleBinding;
            resource_v1: DeviceClass, DeviceTaintRule, ResourceClaim, ResourceClaimTemplate, ResourceSlice;
            resource_v1beta1: DeviceClass, ResourceClaim, ResourceClaimTemplate, ResourceSlice;
            resource_v1beta2: DeviceClass, DeviceTaintRule, ResourceClaim, ResourceClaimTemplate, ResourceSlice;
            scheduling_v1: PriorityClass;
            scheduling_v1beta1: PodGroup, Workload;
            storage_v1: CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment, VolumeAttributesClass;
            storagemigration_v1: StorageVersionMigration;
            storagemigration_v1beta1: StorageVersionMigration;
            apiextensions_v1: CustomResourceDefinition;
            apiregistration_v1: APIService;
        }
    };
}

macro_rules! table {
    ($($module:ident: $($kind:ident),+;)*) => {
        &[$($(kubernetes::<$module::$kind>()),+),*]
    };
}

/// Kubernetes' own kinds.
const KUBERNETES: &[Kind] = with_kubernetes_kinds!(table);

/// API groups of Kubernetes that no server has any more.
const REMOVED_GROUPS: &[&str] = &["extensions", "auditregistration.k8s.io", "settings.k8s.io"];

/// Returns true for an API version of Kubernetes itself whose kinds are all known, or that no server has
/// any more. Alpha versions are not among them: a server can be set up to have them.
pub fn is_kubernetes(api_version: &str) -> bool {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let is_own = REMOVED_GROUPS.contains(&group)
        || KUBERNETES.iter().any(|known| object::group(known.api_version) == group);
    is_own && !version.contains("alpha")
}

/// Returns true for an `apiVersion` that no server has, of a kind of Kubernetes: `app/v1`. A group without a dot is
/// Kubernetes' own, since a definition can't have one (`ValidateCustomResourceDefinitionSpec`).
pub fn is_misspelt(api_version: &str, kind: &str) -> bool {
    let (group, _) = api_version.split_once('/').unwrap_or(("", api_version));
    !group.contains('.') && KUBERNETES.iter().any(|known| known.kind == kind)
}

/// All known kinds.
pub fn all() -> impl Iterator<Item = &'static Kind> {
    KUBERNETES.iter().chain(custom::KINDS)
}

/// The known kind with this `apiVersion` and `kind`.
pub fn find(api_version: &str, kind: &str) -> Option<&'static Kind> {
    all().find(|known| known.kind == kind && known.api_version == api_version)
}

/// Returns true for a kind that is checked here: Kubernetes' own, and the custom resources in `custom`.
pub fn is_known_kind(api_version: &str, kind: &str) -> bool {
    find(api_version, kind).is_some()
}

/// Returns true for a kind that is cluster-scoped in every API version that is known.
pub fn is_cluster_scoped_kind(kind: &str) -> bool {
    let mut known = all().filter(|known| known.kind == kind).peekable();
    known.peek().is_some() && known.all(|known| known.cluster_scoped)
}

/// Returns true for a resource (`nodes`, of the group ``) that is cluster-scoped in every API version that is known.
pub fn is_cluster_scoped_resource(group: &str, plural: &str) -> bool {
    let is_it = |known: &&Kind| {
        object::group(known.api_version) == group && resource_of_kind(known.kind) == plural
    };
    let mut known = all().filter(is_it).peekable();
    known.peek().is_some() && known.all(|known| known.cluster_scoped)
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use schemars::SchemaGenerator;

    use super::*;

    /// The fields of each type, of Kubernetes' and of custom resources, by the types' JSON schemas.
    pub fn fields_of_types() -> BTreeMap<String, BTreeSet<String>> {
        let mut generator = SchemaGenerator::default();
        macro_rules! schemas {
            ($($module:ident: $($kind:ident),+;)*) => {
                $($(generator.subschema_for::<$module::$kind>();)+)*
            };
        }
        with_kubernetes_kinds!(schemas);
        custom::add_schemas(&mut generator);
        let mut types: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, schema) in generator.definitions() {
            let name = name.rsplit('.').next().unwrap_or(name).to_owned();
            let properties = schema.get("properties").and_then(|p| p.as_object());
            types
                .entry(name)
                .or_default()
                .extend(properties.into_iter().flat_map(|p| p.keys().cloned()));
        }
        types
    }

    #[test]
    fn scopes_of_resources_are_known_by_their_plural() {
        for (group, plural, expected) in [
            ("", "nodes", true),
            ("", "pods", false),
            ("storage.k8s.io", "storageclasses", true),
            ("admissionregistration.k8s.io", "validatingadmissionpolicies", true),
            ("rbac.authorization.k8s.io", "clusterroles", true),
            ("rbac.authorization.k8s.io", "roles", false),
            ("example.com", "nodes", false),
            ("", "*", false),
        ] {
            assert_eq!(is_cluster_scoped_resource(group, plural), expected, "{group} {plural}");
        }
    }

    #[test]
    fn kinds_are_distinct() {
        let mut seen = BTreeSet::new();
        assert!(all().all(|kind| seen.insert((kind.api_version, kind.kind))));
        assert!(seen.len() > 80, "{}", seen.len());
    }
}
