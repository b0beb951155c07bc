//! Fields that the API server lets nobody change.

use super::{Case, Finding, Rule, Topic};
use crate::diff::fields::FieldChange;
use crate::model::Message;
use crate::model::Severity;
use crate::model::object::{Object, scalar_text};
use yaml_spans::{Node, Segment, Value};

pub(super) const REFUSED: Rule = Rule {
    id: "api-refuses",
    severity: Severity::Critical,
    topic: Topic::Refusal,
    what: "The API server will refuse the change of an immutable field: the object must be deleted and made anew",
    source: "the validation of each kind; the table in src/review/consequences/immutable.rs names the function of each field",
    detect: refused,
};

/// When a change of a field is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    /// Always.
    Always,
    /// Once it is set: from nothing to something is allowed.
    OnceSet,
    /// From one value to another; what is left out stays as it was.
    WhileSet,
}

/// A field that can't change.
struct Field {
    group: &'static str,
    kind: &'static str,
    /// The keys to it.
    path: &'static [&'static str],
    /// Keys below it that can change.
    except: &'static [&'static str],
    held: Held,
    /// What the API server fills in, where the field is one scalar: the same as leaving it out.
    default: Option<&'static str>,
    /// The function in Kubernetes' sources that refuses it: of `pkg/apis/*/validation`, a strategy's
    /// of `pkg/registry`.
    source: &'static str,
}

const fn field(
    group: &'static str,
    kind: &'static str,
    path: &'static [&'static str],
    source: &'static str,
) -> Field {
    Field { group, kind, path, except: &[], held: Held::Always, default: None, source }
}

impl Field {
    const fn except(mut self, keys: &'static [&'static str]) -> Self {
        self.except = keys;
        self
    }

    const fn held(mut self, held: Held) -> Self {
        self.held = held;
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

/// Rows of one kind: a more special path first.
const FIELDS: &[Field] = &[
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
    field("batch", "Job", &["spec", "selector"], "ValidateJobSpecUpdate").held(Held::WhileSet),
    field("batch", "Job", &["spec", "template"], "ValidateJobSpecUpdate"),
    field("batch", "Job", &["spec", "completionMode"], "ValidateJobSpecUpdate")
        .default("NonIndexed"),
    field("batch", "Job", &["spec", "completions"], "ValidateJobSpecUpdate"),
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
    .held(Held::OnceSet),
    field(
        CORE,
        "PersistentVolumeClaim",
        &["spec", "storageClassName"],
        "validateStorageClassUpgradeFromNil",
    )
    .held(Held::OnceSet),
    field(CORE, "PersistentVolumeClaim", &["spec"], "ValidatePersistentVolumeClaimUpdate").except(
        &["resources", "storageClassName", "volumeAttributesClassName", "volumeMode", "volumeName"],
    ),
    field(CORE, "PersistentVolume", &["spec", "volumeMode"], "ValidatePersistentVolumeUpdate")
        .default("Filesystem"),
    field(CORE, "PersistentVolume", &["spec", "nodeAffinity"], "ValidatePersistentVolumeUpdate")
        .held(Held::OnceSet),
    // What is left of the specification is the source: one key for each kind of volume.
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
        .held(Held::WhileSet),
    field(CORE, "Service", &["spec", "clusterIPs"], "validateUpgradeDowngradeClusterIPs")
        .held(Held::WhileSet),
    field(CORE, "Service", &["spec", "ipFamilies"], "ValidateServiceUpdate").held(Held::WhileSet),
    field(CORE, "Service", &["spec", "loadBalancerClass"], "validateLoadBalancerClassField")
        .held(Held::OnceSet),
    field(CORE, "Secret", &["type"], "ValidateSecretUpdate").default("Opaque"),
    field(CORE, "Pod", &["spec", "containers"], "ValidatePodUpdate").except(&["image"]),
    field(CORE, "Pod", &["spec", "initContainers"], "ValidatePodUpdate").except(&["image"]),
    field(CORE, "Pod", &["spec"], "ValidatePodUpdate").except(&[
        "activeDeadlineSeconds",
        "containers",
        "initContainers",
        "schedulingGates",
        "terminationGracePeriodSeconds",
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

/// A ConfigMap or Secret with `immutable: true`: only its metadata can change (`ValidateConfigMapUpdate`,
/// `ValidateSecretUpdate`).
const SEALED: [&str; 4] = ["immutable", "data", "binaryData", "stringData"];

fn refused(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (change, before, _) in case.both() {
        for field in &change.fields {
            if let Some(source) = held_by(before, field) {
                let words = Message::of("The API server will refuse to change ")
                    .code(field.path.to_string())
                    .then(shown(field))
                    .and(format!(" ({source}): the object would have to be deleted and made anew"));
                findings.push(Finding::new(&change.id, words));
            }
        }
    }
    findings
}

/// What refuses a change, if anything does.
fn held_by(before: &Object, change: &FieldChange) -> Option<&'static str> {
    let id = &before.id;
    let sealed = before.at(&["immutable"]).is_some_and(|node| node.value == Value::Bool(true));
    let core = id.group.is_empty() && matches!(id.kind.as_str(), "ConfigMap" | "Secret");
    if core && sealed && SEALED.iter().any(|key| below(change, &[key]).is_some()) {
        return Some("`immutable: true`");
    }
    FIELDS
        .iter()
        .filter(|row| row.group == id.group && row.kind == id.kind)
        .find(|row| row.refuses(change))
        .map(|row| row.source)
}

impl Field {
    fn refuses(&self, change: &FieldChange) -> bool {
        let Some(rest) = below(change, self.path) else { return false };
        let key = rest.iter().find_map(|segment| match segment {
            Segment::Key(key) => Some(key.as_str()),
            Segment::Index(_) => None,
        });
        let excepted = key.is_some_and(|key| self.except.contains(&key));
        let (before, after) = (change.change.before(), change.change.after());
        let allowed = match self.held {
            Held::Always => false,
            Held::OnceSet => before.is_none(),
            Held::WhileSet => before.is_none() || after.is_none(),
        };
        let filled_in = self.default.is_some() && self.value(before) == self.value(after);
        !(excepted || allowed || filled_in)
    }

    /// The value that the API server holds.
    fn value(&self, node: Option<&Node>) -> Option<String> {
        node.map(scalar_text).or_else(|| self.default.map(str::to_owned))
    }
}

/// What is left of a change's path below some keys; none where it leads elsewhere.
fn below<'a>(change: &'a FieldChange, keys: &[&str]) -> Option<&'a [Segment]> {
    let within = crate::diff::fields::starts_with(&change.path, keys);
    within.then(|| &change.path.segments()[keys.len()..])
}

/// From what to what, for scalars that are short.
fn shown(change: &FieldChange) -> Message {
    let short = |node: &Node| {
        let scalar = node.as_mapping().is_none() && node.as_sequence().is_none();
        Some(scalar_text(node)).filter(|text| scalar && text.chars().count() <= 60)
    };
    let node = |node: Option<&Node>| node.and_then(short);
    match (node(change.change.before()), node(change.change.after())) {
        (Some(before), Some(after)) => Message::of(" from ").code(before).and(" to ").code(after),
        _ => Message::default(),
    }
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
            assert!(!hidden, "{} {:?} stands behind a wider row", row.kind, row.path);
        }
    }

    /// An object of a row's kind with a value at some keys; none there if it is not given.
    fn object(row: &Field, keys: &[&str], value: Option<&str>) -> String {
        let version =
            if row.group.is_empty() { "v1".to_owned() } else { format!("{}/v1", row.group) };
        let head = format!(
            "apiVersion: {version}\nkind: {}\nmetadata: {{name: a, namespace: b}}\n",
            row.kind
        );
        // In every map on the way there is something else, on both sides.
        let inner = keys.iter().skip(1).rev().fold(value.map(str::to_owned), |inner, key| {
            let entry = inner.map(|inner| format!("{key}: {inner}, ")).unwrap_or_default();
            Some(format!("{{{entry}keep: 1}}"))
        });
        inner.map_or_else(|| head.clone(), |inner| format!("{head}{}: {inner}\n", keys[0]))
    }

    fn is_refused(row: &Field, keys: &[&str], before: Option<&str>, after: Option<&str>) -> bool {
        let side = |value| object(row, keys, value);
        let review =
            crate::diff::testing::review(&side(before), &side(after), "2026-11-24T12:00:00Z");
        assert!(before == after || !review.is_same(), "{} {keys:?}", row.kind);
        review.consequences.iter().any(|found| {
            let said = crate::report::plain_text(&found.words);
            found.rule.id == REFUSED.id && said.contains(row.source)
        })
    }

    #[test]
    fn every_row_refuses_what_it_says_and_nothing_else() {
        for row in FIELDS {
            // A field with exceptions is a map: another key of it stands for the rest.
            let keys = match row.except {
                [] => row.path.to_vec(),
                _ => [row.path, &["other"]].concat(),
            };
            let at = format!("{} {keys:?}", row.kind);
            assert!(is_refused(row, &keys, Some("x"), Some("z")), "{at} changed");
            assert_eq!(
                is_refused(row, &keys, None, Some("x")),
                row.held == Held::Always,
                "{at} set"
            );
            assert_eq!(
                is_refused(row, &keys, Some("x"), None),
                row.held != Held::WhileSet,
                "{at} unset"
            );
            if let Some(default) = row.default {
                assert!(!is_refused(row, &keys, None, Some(default)), "{at} filled in");
                assert!(!is_refused(row, &keys, Some(default), None), "{at} left out");
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
