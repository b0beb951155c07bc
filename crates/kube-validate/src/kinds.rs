//! The kinds that are known, each with its type.
//!
//! All kinds that k8s-openapi has of Kubernetes' stable and beta groups, and the custom resources
//! that this project writes. A kind is one row; its functions are made once a type.

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
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::audit::audit;
use super::custom;
use super::error::Problem;
use yaml_spans::diagnostic::Located;
use yaml_spans::{Node, Path, ReadError, Segment, Value, read_what_can_be};

/// One kind of one version of a group.
#[derive(Debug)]
pub struct Kind {
    /// `apps/v1`.
    pub api_version: &'static str,
    /// `Deployment`.
    pub kind: &'static str,
    /// Whether objects of it have no namespace.
    pub cluster_scoped: bool,
    /// Holds a node against the type.
    pub examine: fn(&Node, &Path, Nulls) -> Vec<Located<Problem>>,
}

/// What a null means that stands where the type has no option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    /// A wrong type.
    Refused,
    /// Nothing, as the API server's decoder has it.
    Ignored,
}

/// The scope of a kind.
pub trait Scope {
    /// Whether objects have no namespace.
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
        examine: examine::<T>,
    }
}

/// Reads a node, whose path is `base`, into a type, and holds what was read against what was
/// written.
pub fn examine<T: DeserializeOwned + Serialize>(
    node: &Node,
    base: &Path,
    nulls: Nulls,
) -> Vec<Located<Problem>> {
    let kept = |error: &Located<ReadError>| nulls == Nulls::Refused || !is_null(error, node, base);
    look::<T>(node, base, kept, false)
}

/// The same of a custom resource: of what a definition describes, the server drops no null, and a
/// schema takes none that does not say `nullable` (apiextensions: schema validation).
pub fn examine_custom<T: DeserializeOwned + Serialize>(
    node: &Node,
    base: &Path,
    nulls: Nulls,
) -> Vec<Located<Problem>> {
    let described = base.key("spec");
    let kept = |error: &Located<ReadError>| {
        let null = is_null(error, node, base);
        nulls == Nulls::Refused || !null || error.path.starts_with(&described)
    };
    look::<T>(node, base, kept, true)
}

fn look<T: DeserializeOwned + Serialize>(
    node: &Node,
    base: &Path,
    kept: impl Fn(&Located<ReadError>) -> bool,
    custom: bool,
) -> Vec<Located<Problem>> {
    let (value, errors) = read_what_can_be::<T>(node, base);
    let known: Vec<Path> = errors.iter().map(|error| error.path.clone()).collect();
    let mut found: Vec<Located<Problem>> =
        errors.into_iter().filter(kept).map(in_our_words).collect();
    if let Some(value) = value {
        found.extend(audit(&value, node, base, &known, custom));
    }
    found
}

/// A type's own error, where its words are not for manifests: `ByteString` says what is wrong with
/// base64, not that it is meant to be.
fn in_our_words(error: Located<ReadError>) -> Located<Problem> {
    let field = match error.path.segments().last() {
        Some(Segment::Key(key)) => key.clone(),
        _ => String::new(),
    };
    match &error.error {
        ReadError::Rule(rule) if rule.starts_with("Invalid ") => {
            error.map(|_| Problem::Base64(field))
        }
        _ => error.map(Problem::Read),
    }
}

fn is_null(error: &Located<ReadError>, node: &Node, base: &Path) -> bool {
    let wrong = matches!(error.error, ReadError::WrongType { .. } | ReadError::Rule(_));
    let mut within = Path::root();
    error
        .path
        .segments()
        .iter()
        .skip(base.segments().len())
        .for_each(|segment| within.push(segment.clone()));
    // A null in a list is an item, and the server asks of it what it asks of all.
    let key = matches!(within.segments().last(), Some(Segment::Key(_)));
    wrong && key && within.find(node).is_some_and(|node| node.value == Value::Null)
}

/// The table: a module of k8s-openapi and its kinds a row.
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

/// Whether all kinds of this version are known: it is one of Kubernetes' own.
pub fn is_kubernetes(api_version: &str) -> bool {
    KUBERNETES.iter().any(|known| known.api_version == api_version)
}

/// All kinds that are known.
pub fn all() -> impl Iterator<Item = &'static Kind> {
    KUBERNETES.iter().chain(custom::KINDS)
}

/// The kind of an `apiVersion` and `kind`, if it is known.
pub fn find(api_version: &str, kind: &str) -> Option<&'static Kind> {
    all().find(|known| known.kind == kind && known.api_version == api_version)
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use schemars::SchemaGenerator;

    use super::*;

    /// The fields of each of Kubernetes' types, as its own schema has them.
    pub fn fields_of_types() -> BTreeMap<String, BTreeSet<String>> {
        let mut generator = SchemaGenerator::default();
        macro_rules! schemas {
            ($($module:ident: $($kind:ident),+;)*) => {
                $($(generator.subschema_for::<$module::$kind>();)+)*
            };
        }
        with_kubernetes_kinds!(schemas);
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
    fn no_kind_stands_twice() {
        let mut seen = BTreeSet::new();
        assert!(all().all(|kind| seen.insert((kind.api_version, kind.kind))));
        assert!(seen.len() > 80, "{}", seen.len());
    }
}
