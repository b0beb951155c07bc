//! Changes of fields that the API server treats as immutable.

use super::coverage::{any_leaf, leads_to};
use super::{Finding, Rule, RuleContext, Topic, definitions};
use crate::diff::fields::{FieldChange, is_scalar};
use crate::model::Message;
use crate::model::Severity;
use crate::model::object::{Object, items_at, scalar_text, strings_at};
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

    const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }
}

const CORE: &str = "";
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
        .unless(resizes_indexed_job),
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
    .refused(Refused::OnceSet),
    field(CORE, "PersistentVolumeClaim", &["spec"], "ValidatePersistentVolumeClaimUpdate").except(
        &["resources", "storageClassName", "volumeAttributesClassName", "volumeMode", "volumeName"],
    ),
    field(CORE, "PersistentVolume", &["spec", "volumeMode"], "ValidatePersistentVolumeUpdate")
        .default("Filesystem"),
    field(CORE, "PersistentVolume", &["spec", "nodeAffinity"], "ValidatePersistentVolumeUpdate")
        .refused(Refused::OnceSet),
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
    field(CORE, "Secret", &["type"], "ValidateSecretUpdate").default("Opaque"),
    field(CORE, "Pod", &["spec", "containers"], "ValidatePodUpdate").except(&["image"]),
    field(CORE, "Pod", &["spec", "initContainers"], "ValidatePodUpdate").except(&["image"]),
    field(CORE, "Pod", &["spec", "activeDeadlineSeconds"], "ValidatePodUpdate")
        .unless(shortens_deadline),
    field(CORE, "Pod", &["spec", "schedulingGates"], "validateOnlyDeletedSchedulingGates")
        .unless(|_, _, change| change.change.after().is_none()),
    field(CORE, "Pod", &["spec", "tolerations"], "validateOnlyAddedTolerations")
        .except(&["tolerationSeconds"])
        .refused(Refused::OnceSet),
    field(CORE, "Pod", &["spec", "nodeSelector"], "validateNodeSelectorMutation")
        .unless(|before, _, change| is_gated(before) && change.change.before().is_none()),
    field(CORE, "Pod", &["spec", "affinity"], "validateNodeAffinityMutation")
        .unless(sets_gated_affinity),
    field(CORE, "Pod", &["spec"], "ValidatePodUpdate").except(&[
        "activeDeadlineSeconds",
        "affinity",
        "containers",
        "initContainers",
        "nodeSelector",
        "schedulingGates",
        "tolerations",
    ]),
    field(CORE, "ResourceQuota", &["spec", "scopes"], "ValidateResourceQuotaUpdate"),
    field(RBAC, "RoleBinding", &["roleRef"], "ValidateRoleBindingUpdate"),
    field(RBAC, "ClusterRoleBinding", &["roleRef"], "ValidateClusterRoleBindingUpdate"),
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

/// A refusal that follows from more than the changed field.
struct Check {
    group: &'static str,
    kind: &'static str,
    refusal: fn(&Object, &Object) -> Option<Message>,
}

const CHECKS: [Check; 2] = [
    Check { group: CORE, kind: "Service", refusal: new_cluster_ip },
    Check { group: definitions::GROUP, kind: definitions::KIND, refusal: dropped_stored_version },
];

/// The API server chose an address when it created the Service (`validateUpgradeDowngradeClusterIPs`).
fn new_cluster_ip(before: &Object, after: &Object) -> Option<Message> {
    const IP: [&str; 2] = ["spec", "clusterIP"];
    let is_external = |object: &Object| object.text_at(&["spec", "type"]) == Some("ExternalName");
    let ip = after.text_at(&IP).filter(|ip| !ip.is_empty())?;
    let was_set = before.text_at(&IP).is_some_and(|ip| !ip.is_empty());
    if was_set || is_external(before) || is_external(after) {
        return None;
    }
    let message = Message::of("The API server will refuse to set `spec.clusterIP` to ").code(ip);
    Some(message.and(match ip {
        "None" => ", since the Service has an address: it must be deleted and created again",
        _ => ", unless that is the address that it chose: the Service must be deleted and created again",
    }))
}

/// `status.storedVersions` still names the version (`validateCustomResourceDefinitionVersionsUpdate`).
fn dropped_stored_version(before: &Object, after: &Object) -> Option<Message> {
    let stored = definitions::stored_version(before)?;
    let kept = items_at(&after.node, &["spec", "versions"])
        .iter()
        .any(|version| version.get("name").and_then(Node::as_str) == Some(stored));
    (!kept).then(|| {
        Message::of("The API server will refuse to drop the version ").code(stored).and(
            ", which objects are stored in: store them in another version and remove it from `status.storedVersions` first",
        )
    })
}

/// Below the template of a suspended Job, what may still change: where its Pods run, and their
/// resources (`validatePodTemplateUpdate` in `pkg/apis/batch/validation`).
const SUSPENDED_JOB: [&[&str]; 8] = [
    &["metadata", "labels"],
    &["metadata", "annotations"],
    &["spec", "nodeSelector"],
    &["spec", "tolerations"],
    &["spec", "schedulingGates"],
    &["spec", "affinity", "nodeAffinity"],
    &["spec", "containers", "resources"],
    &["spec", "initContainers", "resources"],
];

fn changes_suspended_job(before: &Object, _: &Object, change: &FieldChange) -> bool {
    before.node_at(&["spec", "suspend"]).is_some_and(|node| node.value == Value::Bool(true))
        && !any_leaf(change, |leaf| {
            let below = leaf.get(2..).unwrap_or_default();
            !SUSPENDED_JOB.iter().any(|keys| leads_to(keys, below))
        })
}

/// An Indexed Job's completions may change together with its parallelism (`validateCompletions`).
fn resizes_indexed_job(_: &Object, after: &Object, _: &FieldChange) -> bool {
    let completions = after.whole_at(&["spec", "completions"]);
    after.text_at(&["spec", "completionMode"]) == Some("Indexed")
        && completions.is_some()
        && completions == Some(after.whole_at(&["spec", "parallelism"]).unwrap_or(1))
}

fn shortens_deadline(_: &Object, _: &Object, change: &FieldChange) -> bool {
    let whole = |node: Option<&Node>| node.and_then(Node::as_int);
    match (whole(change.change.before()), whole(change.change.after())) {
        (None, after) => after.is_some(),
        (Some(before), after) => after.is_some_and(|after| after <= before),
    }
}

/// Returns true for a Pod that is not scheduled yet, because of a gate.
fn is_gated(pod: &Object) -> bool {
    !items_at(&pod.node, &["spec", "schedulingGates"]).is_empty()
}

/// A gated Pod may get a node affinity, and other preferences.
fn sets_gated_affinity(before: &Object, _: &Object, change: &FieldChange) -> bool {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    let has_required = before.node_at(&["spec", "affinity", "nodeAffinity", REQUIRED]).is_some();
    is_gated(before)
        && !any_leaf(change, |leaf| {
            !leads_to(&["spec", "affinity", "nodeAffinity"], leaf)
                || (has_required && leaf.get(3).is_some_and(|key| key == REQUIRED))
        })
}

/// `[Persistent]` is the default.
fn writes_default_modes(before: &Object, after: &Object, _: &FieldChange) -> bool {
    let modes = |object: &Object| -> Vec<String> {
        let modes = strings_at(&object.node, &["spec", "volumeLifecycleModes"]);
        match modes.is_empty() {
            true => vec!["Persistent".to_owned()],
            false => modes.into_iter().map(str::to_owned).collect(),
        }
    };
    modes(before) == modes(after)
}

pub(super) fn refused_changes(context: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (change, before, after) in context.modified() {
        let refusals = CHECKS
            .iter()
            .filter(|check| before.is_kind(check.group, check.kind))
            .filter_map(|check| (check.refusal)(before, after));
        findings.extend(refusals.map(|message| Finding::new(&REFUSED, &change.id, message)));
        for field in &change.fields {
            if let Some(source) = refusal_source(before, after, field) {
                let message = Message::of("The API server will refuse to change ")
                    .code(field.path.to_string())
                    .then(old_and_new(field))
                    .and(format!(" ({source}): the object must be deleted and created again"));
                findings.push(Finding::new(&REFUSED, &change.id, message));
            }
        }
    }
    findings
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
        let Some(rest) = rest_below(change, self.path) else { return false };
        let key = rest.iter().find_map(|segment| match segment {
            Segment::Key(key) => Some(key.as_str()),
            Segment::Index(_) => None,
        });
        let is_exception = key.is_some_and(|key| self.except.contains(&key));
        let (before, after) = (change.change.before(), change.change.after());
        let is_allowed = match self.refused {
            Refused::Always => false,
            Refused::OnceSet => before.is_none(),
            Refused::WhileSet => before.is_none() || after.is_none(),
        };
        let is_filled_in =
            self.default.is_some() && self.effective_value(before) == self.effective_value(after);
        !(is_exception || is_allowed || is_filled_in)
    }

    /// The value after the API server filled in the default.
    fn effective_value(&self, node: Option<&Node>) -> Option<String> {
        node.map(scalar_text).or_else(|| self.default.map(str::to_owned))
    }
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
