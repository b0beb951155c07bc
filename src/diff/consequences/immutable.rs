//! Changes of fields that the API server treats as immutable.

use super::allowed_changes::{
    adds_tolerations, changes_suspended_job, is_gated, keeps_amounts, keeps_csi_drivers,
    keeps_data_source, keeps_health_check_port, keeps_or_resizes_completions, keeps_scopes,
    sets_gated_affinity, shortens_deadline, writes_default_modes,
};
use super::{Finding, Rule, RuleContext, Topic, claims, definitions, refusals};
use crate::diff::fields::{FieldChange, is_scalar};
use crate::model::Message;
use crate::model::Severity;
use crate::model::object::{Object, node_at, scalar_text};
use yaml_spans::{Node, Segment, Value};

pub(super) const REFUSED: Rule = Rule {
    id: "api-refuses",
    severity: Severity::Critical,
    topic: Topic::Refusal,
    summary: "The API server will refuse the change of an immutable field: the object must be deleted and created again",
    source: "the validation of each kind; the table in src/diff/consequences/immutable.rs names the function of each field",
};

/// The changes of a field that are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// Every change.
    Always,
    /// Changes of a value that is set; setting it is allowed.
    OnceSet,
    /// Changes from one value to another; an omitted field keeps its value.
    WhileSet,
}

/// A condition on the old object, the new one, and a change between them.
type Condition = fn(&Object, &Object, &FieldChange) -> bool;

/// An immutable field.
struct ImmutableField {
    group: &'static str,
    kind: &'static str,
    /// The keys on the way to it.
    path: &'static [&'static str],
    /// The keys below it that may change.
    except: &'static [&'static str],
    refused: Refused,
    /// The value that the API server fills in, if the field is a scalar: equal to omitting the field.
    default: Option<&'static str>,
    /// True if an empty string is a value, unlike an absent field.
    empty_is_value: bool,
    /// A condition under which the change is accepted after all.
    unless: Option<Condition>,
    /// The function in Kubernetes' source code that refuses the change: in `pkg/apis/*/validation`, or
    /// in `pkg/registry` for a strategy.
    source: &'static str,
}

const fn field(
    group: &'static str,
    kind: &'static str,
    path: &'static [&'static str],
    source: &'static str,
) -> ImmutableField {
    ImmutableField {
        group,
        kind,
        path,
        except: &[],
        refused: Refused::Always,
        default: None,
        empty_is_value: false,
        unless: None,
        source,
    }
}

impl ImmutableField {
    const fn except(mut self, keys: &'static [&'static str]) -> Self {
        self.except = keys;
        self
    }

    const fn refused(mut self, refused: Refused) -> Self {
        self.refused = refused;
        self
    }

    const fn unless(mut self, condition: Condition) -> Self {
        self.unless = Some(condition);
        self
    }

    const fn empty_is_value(mut self) -> Self {
        self.empty_is_value = true;
        self
    }

    const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }
}

pub(super) const CORE: &str = "";
const RBAC: &str = "rbac.authorization.k8s.io";
const STORAGE: &str = "storage.k8s.io";

/// The table of immutable fields; among the rows of one kind a more specific path comes first.
const FIELDS: &[ImmutableField] = &[
    field("apps", "Deployment", &["spec", "selector"], "deploymentStrategy.ValidateUpdate"),
    field("apps", "ReplicaSet", &["spec", "selector"], "rsStrategy.ValidateUpdate"),
    field("apps", "DaemonSet", &["spec", "selector"], "daemonSetStrategy.ValidateUpdate"),
    field("apps", "StatefulSet", &["spec", "podManagementPolicy"], "ValidateStatefulSetUpdate")
        .default("OrderedReady"),
    field("apps", "StatefulSet", &["spec"], "ValidateStatefulSetUpdate").except(&[
        "minReadySeconds",
        "ordinals",
        "persistentVolumeClaimRetentionPolicy",
        "podManagementPolicy",
        "replicas",
        "revisionHistoryLimit",
        "template",
        "updateStrategy",
    ]),
    field("apps", "ControllerRevision", &["data"], "ValidateControllerRevisionUpdate"),
    field("batch", "Job", &["spec", "selector"], "ValidateJobSpecUpdate")
        .refused(Refused::WhileSet),
    field("batch", "Job", &["spec", "template"], "ValidateJobSpecUpdate")
        .unless(changes_suspended_job),
    field("batch", "Job", &["spec", "completionMode"], "ValidateJobSpecUpdate")
        .default("NonIndexed"),
    field("batch", "Job", &["spec", "completions"], "ValidateJobSpecUpdate")
        .unless(keeps_or_resizes_completions),
    field("batch", "Job", &["spec", "podFailurePolicy"], "ValidateJobSpecUpdate"),
    field("batch", "Job", &["spec", "successPolicy"], "ValidateJobSpecUpdate"),
    field("batch", "Job", &["spec", "backoffLimitPerIndex"], "ValidateJobSpecUpdate"),
    field("batch", "Job", &["spec", "managedBy"], "ValidateJobSpecUpdate"),
    field(
        CORE,
        "PersistentVolumeClaim",
        &["spec", "volumeMode"],
        "ValidatePersistentVolumeClaimUpdate",
    )
    .default("Filesystem"),
    field(
        CORE,
        "PersistentVolumeClaim",
        &["spec", "volumeName"],
        "ValidatePersistentVolumeClaimUpdate",
    )
    .refused(Refused::OnceSet),
    field(
        CORE,
        "PersistentVolumeClaim",
        &["spec", "storageClassName"],
        "validateStorageClassUpgradeFromNil",
    )
    .refused(Refused::OnceSet)
    .empty_is_value(),
    field(
        CORE,
        "PersistentVolumeClaim",
        &["spec", "resources", "limits"],
        "ValidatePersistentVolumeClaimUpdate",
    )
    .unless(keeps_amounts),
    field(
        CORE,
        "PersistentVolumeClaim",
        &["spec", "dataSource"],
        "ValidatePersistentVolumeClaimUpdate",
    )
    .unless(keeps_data_source),
    field(
        CORE,
        "PersistentVolumeClaim",
        &["spec", "dataSourceRef"],
        "ValidatePersistentVolumeClaimUpdate",
    )
    .unless(keeps_data_source),
    field(CORE, "PersistentVolumeClaim", &["spec"], "ValidatePersistentVolumeClaimUpdate").except(
        &[
            "dataSource",
            "dataSourceRef",
            "resources",
            "storageClassName",
            "volumeAttributesClassName",
            "volumeMode",
            "volumeName",
        ],
    ),
    field(CORE, "PersistentVolume", &["spec", "volumeMode"], "ValidatePersistentVolumeUpdate")
        .default("Filesystem"),
    field(CORE, "PersistentVolume", &["spec", "nodeAffinity"], "ValidatePersistentVolumeUpdate")
        .unless(|before, _, _| before.node_at(&["spec", "nodeAffinity"]).is_none()),
    // The rest of the specification is the volume source: one key for each kind of volume.
    field(CORE, "PersistentVolume", &["spec"], "ValidatePersistentVolumeUpdate").except(&[
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
    ]),
    field(CORE, "Service", &["spec", "clusterIP"], "validateUpgradeDowngradeClusterIPs")
        .refused(Refused::WhileSet),
    field(CORE, "Service", &["spec", "clusterIPs"], "validateUpgradeDowngradeClusterIPs")
        .refused(Refused::WhileSet),
    field(CORE, "Service", &["spec", "ipFamilies"], "ValidateServiceUpdate")
        .refused(Refused::WhileSet),
    field(CORE, "Service", &["spec", "loadBalancerClass"], "validateLoadBalancerClassField")
        .refused(Refused::OnceSet),
    field(
        CORE,
        "Service",
        &["spec", "healthCheckNodePort"],
        "validateServiceExternalTrafficFieldsUpdate",
    )
    .refused(Refused::WhileSet)
    .unless(keeps_health_check_port),
    field(CORE, "Node", &["spec", "providerID"], "ValidateNodeUpdate").refused(Refused::OnceSet),
    field(CORE, "Secret", &["type"], "ValidateSecretUpdate").default("Opaque"),
    field(CORE, "Pod", &["spec", "containers"], "ValidatePodUpdate").except(&["image"]),
    field(CORE, "Pod", &["spec", "initContainers"], "ValidatePodUpdate").except(&["image"]),
    field(CORE, "Pod", &["spec", "activeDeadlineSeconds"], "ValidatePodUpdate")
        .unless(shortens_deadline),
    field(CORE, "Pod", &["spec", "schedulingGates"], "validateOnlyDeletedSchedulingGates")
        .unless(|_, _, change| change.change.after().is_none()),
    field(CORE, "Pod", &["spec", "tolerations"], "validateOnlyAddedTolerations")
        .except(&["tolerationSeconds"])
        .unless(adds_tolerations),
    field(CORE, "Pod", &["spec", "nodeSelector"], "validateNodeSelectorMutation")
        .unless(|before, _, change| is_gated(before) && change.change.before().is_none()),
    field(CORE, "Pod", &["spec", "affinity"], "validateNodeAffinityMutation")
        .unless(sets_gated_affinity),
    // Without it, the Pod keeps its account, which `serviceAccount` names too.
    field(CORE, "Pod", &["spec", "serviceAccountName"], "ValidatePodUpdate")
        .default("default")
        .unless(|_, _, change| written(change.change.after()).is_none()),
    field(CORE, "Pod", &["spec"], "ValidatePodUpdate").except(&[
        "activeDeadlineSeconds",
        "affinity",
        "containers",
        "initContainers",
        "nodeSelector",
        "schedulingGates",
        "serviceAccountName",
        "tolerations",
    ]),
    field(CORE, "ResourceQuota", &["spec", "scopes"], "ValidateResourceQuotaUpdate")
        .unless(keeps_scopes),
    field(RBAC, "RoleBinding", &["roleRef", "apiGroup"], "ValidateRoleBindingUpdate").default(RBAC),
    field(RBAC, "RoleBinding", &["roleRef"], "ValidateRoleBindingUpdate").except(&["apiGroup"]),
    field(RBAC, "ClusterRoleBinding", &["roleRef", "apiGroup"], "ValidateClusterRoleBindingUpdate")
        .default(RBAC),
    field(RBAC, "ClusterRoleBinding", &["roleRef"], "ValidateClusterRoleBindingUpdate")
        .except(&["apiGroup"]),
    field(STORAGE, "StorageClass", &["provisioner"], "ValidateStorageClassUpdate"),
    field(STORAGE, "StorageClass", &["parameters"], "ValidateStorageClassUpdate"),
    field(STORAGE, "StorageClass", &["reclaimPolicy"], "ValidateStorageClassUpdate")
        .default("Delete"),
    field(STORAGE, "StorageClass", &["volumeBindingMode"], "ValidateStorageClassUpdate")
        .default("Immediate"),
    field("scheduling.k8s.io", "PriorityClass", &["value"], "ValidatePriorityClassUpdate"),
    field(
        "scheduling.k8s.io",
        "PriorityClass",
        &["preemptionPolicy"],
        "ValidatePriorityClassUpdate",
    )
    .default("PreemptLowerPriority"),
    field(
        "networking.k8s.io",
        "IngressClass",
        &["spec", "controller"],
        "ValidateIngressClassUpdate",
    ),
    field("node.k8s.io", "RuntimeClass", &["handler"], "ValidateRuntimeClassUpdate"),
    field("discovery.k8s.io", "EndpointSlice", &["addressType"], "ValidateEndpointSliceUpdate"),
    field("networking.k8s.io", "IPAddress", &["spec", "parentRef"], "ValidateIPAddressUpdate"),
    field(
        "coordination.k8s.io",
        "LeaseCandidate",
        &["spec", "leaseName"],
        "ValidateLeaseCandidateSpecUpdate",
    ),
    field(
        "resource.k8s.io",
        "ResourceSlice",
        &["spec", "pool", "name"],
        "ValidateResourceSliceUpdate",
    ),
    field("resource.k8s.io", "ResourceSlice", &["spec", "driver"], "ValidateResourceSliceUpdate"),
    field("resource.k8s.io", "ResourceSlice", &["spec", "nodeName"], "ValidateResourceSliceUpdate"),
    field("resource.k8s.io", "ResourceClaim", &["spec"], "ValidateResourceClaimUpdate"),
    field(
        "resource.k8s.io",
        "ResourceClaimTemplate",
        &["spec"],
        "ValidateResourceClaimTemplateUpdate",
    ),
    field(STORAGE, "CSIDriver", &["spec", "attachRequired"], "ValidateCSIDriverUpdate")
        .default("true"),
    field(STORAGE, "CSIDriver", &["spec", "volumeLifecycleModes"], "ValidateCSIDriverUpdate")
        .unless(writes_default_modes),
    field(STORAGE, "CSINode", &["spec", "drivers"], "ValidateCSINodeUpdate")
        .unless(keeps_csi_drivers),
    field(STORAGE, "CSIStorageCapacity", &["nodeTopology"], "ValidateCSIStorageCapacityUpdate"),
    field(STORAGE, "CSIStorageCapacity", &["storageClassName"], "ValidateCSIStorageCapacityUpdate"),
    field(STORAGE, "VolumeAttachment", &["spec"], "ValidateVolumeAttachmentUpdate"),
    field(STORAGE, "VolumeAttributesClass", &["driverName"], "ValidateVolumeAttributesClassUpdate"),
    field(STORAGE, "VolumeAttributesClass", &["parameters"], "ValidateVolumeAttributesClassUpdate"),
    field(
        "certificates.k8s.io",
        "CertificateSigningRequest",
        &["spec"],
        "ValidateCertificateSigningRequestUpdate",
    ),
    field(
        "certificates.k8s.io",
        "ClusterTrustBundle",
        &["spec", "signerName"],
        "ValidateClusterTrustBundleUpdate",
    ),
    field(
        "certificates.k8s.io",
        "PodCertificateRequest",
        &["spec"],
        "ValidatePodCertificateRequestUpdate",
    ),
    field(
        "storagemigration.k8s.io",
        "StorageVersionMigration",
        &["spec"],
        "ValidateStorageVersionMigrationUpdate",
    ),
    field(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        &["spec", "group"],
        "ValidateCustomResourceDefinitionSpecUpdate",
    ),
    field(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        &["spec", "scope"],
        "ValidateCustomResourceDefinitionSpecUpdate",
    ),
    field(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        &["spec", "names", "kind"],
        "ValidateCustomResourceDefinitionSpecUpdate",
    ),
    field(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        &["spec", "names", "plural"],
        "ValidateCustomResourceDefinitionSpecUpdate",
    ),
];

/// The fields of a ConfigMap or Secret with `immutable: true` that can't change
/// (`ValidateConfigMapUpdate`, `ValidateSecretUpdate`).
const SEALED: [&str; 4] = ["immutable", "data", "binaryData", "stringData"];

pub(super) fn refused_changes(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (change, before, after) in context.modified() {
        let refusals = refusals::find_refusals(before, after);
        findings.extend(refusals.map(|message| Finding::new(&REFUSED, &change.id, message)));
        for field in &change.fields {
            if let Some(source) = refusal_source(before, after, field) {
                let message = Message::of("The API server will refuse to change ")
                    .code(field.path.to_string())
                    .then(old_and_new(field))
                    .and(format!(
                        " ({source}): the object must be deleted and created again{}",
                        lost_with(before)
                    ));
                findings.push(Finding::new(&REFUSED, &change.id, message));
            }
        }
    }
    findings
}

/// The data that is deleted with an object, as the end of a sentence.
fn lost_with(object: &Object) -> &'static str {
    if object.is_kind(CORE, "PersistentVolumeClaim") || claims::are_deleted_with(object) {
        ", which deletes its data unless the volume is retained"
    } else if object.is_kind(definitions::GROUP, definitions::KIND) {
        ", which deletes every object of its kind"
    } else {
        ""
    }
}

/// Returns the function or field that makes the API server refuse a change.
fn refusal_source(before: &Object, after: &Object, change: &FieldChange) -> Option<&'static str> {
    let id = &before.id;
    let is_sealed =
        before.node_at(&["immutable"]).is_some_and(|node| node.value == Value::Bool(true));
    let is_configuration =
        id.group.is_empty() && matches!(id.kind.as_str(), "ConfigMap" | "Secret");
    if is_configuration
        && is_sealed
        && SEALED.iter().any(|key| rest_below(change, &[key]).is_some())
    {
        return Some("`immutable: true`");
    }
    FIELDS
        .iter()
        .filter(|row| row.group == id.group && row.kind == id.kind)
        .find(|row| {
            row.refuses(change)
                && !row.unless.is_some_and(|condition| condition(before, after, change))
        })
        .map(|row| row.source)
}

impl ImmutableField {
    fn refuses(&self, change: &FieldChange) -> bool {
        let Some((before, after)) = self.values(change) else { return false };
        let rest = change.path.segments().get(self.path.len()..).unwrap_or_default();
        let key = rest.iter().find_map(|segment| match segment {
            Segment::Key(key) => Some(key.as_str()),
            Segment::Index(_) => None,
        });
        let is_exception = key.is_some_and(|key| self.except.contains(&key));
        let is_allowed = match self.refused {
            Refused::Always => false,
            Refused::OnceSet => before.is_none(),
            Refused::WhileSet => before.is_none() || after.is_none(),
        };
        let is_filled_in =
            self.default.is_some() && self.effective_value(before) == self.effective_value(after);
        !(is_exception || is_allowed || is_filled_in)
    }

    /// The old and the new value of the field, or of what changes in it; `None` if the change is elsewhere. Of a map
    /// that appears or disappears as a whole, those of the field in it.
    fn values<'c>(&self, change: &'c FieldChange) -> Option<(Option<&'c Node>, Option<&'c Node>)> {
        let written = |node| if self.empty_is_value { node } else { written(node) };
        let (before, after) = (written(change.change.before()), written(change.change.after()));
        if rest_below(change, self.path).is_some() {
            return Some((before, after));
        }
        let segments = change.path.segments();
        let is_above = self.except.is_empty()
            && segments.len() < self.path.len()
            && crate::diff::fields::starts_with(&change.path, &self.path[..segments.len()]);
        let keys = is_above.then(|| &self.path[segments.len()..])?;
        let inner = |node: Option<&'c Node>| written(node.and_then(|node| node_at(node, keys)));
        Some((inner(before), inner(after))).filter(|(before, after)| before.or(*after).is_some())
    }

    /// The value after the API server filled in the default.
    fn effective_value(&self, node: Option<&Node>) -> Option<String> {
        node.map(scalar_text).or_else(|| self.default.map(str::to_owned))
    }
}

/// A value, unless it is an empty string, which equals an absent one.
fn written(node: Option<&Node>) -> Option<&Node> {
    node.filter(|node| node.as_str() != Some(""))
}

/// Returns the rest of a change's path below some keys, or `None` if it leads elsewhere.
fn rest_below<'a>(change: &'a FieldChange, keys: &[&str]) -> Option<&'a [Segment]> {
    let is_below = crate::diff::fields::starts_with(&change.path, keys);
    is_below.then(|| &change.path.segments()[keys.len()..])
}

/// The old and the new value, if both are short scalars.
pub(super) fn old_and_new(change: &FieldChange) -> Message {
    let before = change.change.before().and_then(short_scalar);
    let after = change.change.after().and_then(short_scalar);
    match (before, after) {
        (Some(before), Some(after)) => Message::of(" from ").code(before).and(" to ").code(after),
        _ => Message::default(),
    }
}

fn short_scalar(node: &Node) -> Option<String> {
    Some(scalar_text(node)).filter(|text| is_scalar(node) && text.chars().count() <= 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_can_be_reached() {
        for (at, row) in FIELDS.iter().enumerate() {
            let hidden = FIELDS[..at].iter().any(|first| {
                (first.group, first.kind) == (row.group, row.kind)
                    && row.path.starts_with(first.path)
                    && first.path != row.path
                    && !first.except.contains(&row.path[first.path.len()])
            });
            assert!(!hidden, "{} {:?} is hidden by a wider row", row.kind, row.path);
        }
    }

    /// An object of a row's kind, with a value at some keys if one is given.
    fn object(row: &ImmutableField, keys: &[&str], value: Option<&str>) -> String {
        let version =
            if row.group.is_empty() { "v1".to_owned() } else { format!("{}/v1", row.group) };
        let head = format!(
            "apiVersion: {version}\nkind: {}\nmetadata: {{name: a, namespace: b}}\n",
            row.kind
        );
        // Every map on the way has another entry, before and after.
        let inner = keys.iter().skip(1).rev().fold(value.map(str::to_owned), |inner, key| {
            let entry = inner.map(|inner| format!("{key}: {inner}, ")).unwrap_or_default();
            Some(format!("{{{entry}keep: 1}}"))
        });
        inner.map_or_else(|| head.clone(), |inner| format!("{head}{}: {inner}\n", keys[0]))
    }

    fn is_refused(
        row: &ImmutableField,
        keys: &[&str],
        before: Option<&str>,
        after: Option<&str>,
    ) -> bool {
        let (base, head) = (object(row, keys, before), object(row, keys, after));
        let diff = crate::diff::testing::diff(&base, &head, "2026-11-24T12:00:00Z");
        assert!(before == after || !diff.is_empty(), "{} {keys:?}", row.kind);
        diff.consequences.iter().any(|consequence| {
            consequence.rule.id == REFUSED.id
                && consequence.message.to_string().contains(row.source)
        })
    }

    #[test]
    fn every_row_refuses_its_changes_and_no_others() {
        // A condition has its own cases, in the rule's fixture.
        for row in FIELDS.iter().filter(|row| row.unless.is_none()) {
            // A field with exceptions is a map: one other key represents the rest.
            let keys = match row.except {
                [] => row.path.to_vec(),
                _ => [row.path, &["other"]].concat(),
            };
            let at = format!("{} {keys:?}", row.kind);
            assert!(is_refused(row, &keys, Some("x"), Some("z")), "{at} changed");
            assert_eq!(
                is_refused(row, &keys, None, Some("x")),
                row.refused == Refused::Always,
                "{at} set"
            );
            assert_eq!(
                is_refused(row, &keys, Some("x"), None),
                row.refused != Refused::WhileSet,
                "{at} unset"
            );
            if let Some(default) = row.default {
                assert!(!is_refused(row, &keys, None, Some(default)), "{at} filled in");
                assert!(!is_refused(row, &keys, Some(default), None), "{at} omitted");
            }
            for except in row.except {
                let keys = [row.path, &[*except]].concat();
                let other = FIELDS.iter().any(|other| {
                    (other.group, other.kind) == (row.group, row.kind)
                        && keys.starts_with(other.path)
                        && other.path != row.path
                });
                assert!(
                    other || !is_refused(row, &keys, Some("x"), Some("z")),
                    "{} {keys:?}",
                    row.kind
                );
            }
        }
    }
}
