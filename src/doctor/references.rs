//! The objects that a Pod's specification names, and the nodes that it selects.

use super::check::{Check, Expected};
use super::{RenderedStack, Requirements};
use crate::model::object::items_at;
use yaml_spans::{Node, Value};

/// A field of a Pod's specification that names an object.
struct PodReference {
    /// The field's path; `[]` is each item of a list. A field `optional` beside it, if true, makes
    /// the reference harmless.
    path: &'static str,
    kind: &'static str,
    scope: Scope,
    /// The effect if the object is missing.
    without: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Namespace,
    Cluster,
}

const fn in_namespace(
    path: &'static str,
    kind: &'static str,
    without: &'static str,
) -> PodReference {
    PodReference { path, kind, scope: Scope::Namespace, without }
}

const fn in_cluster(path: &'static str, kind: &'static str, without: &'static str) -> PodReference {
    PodReference { path, kind, scope: Scope::Cluster, without }
}

const REJECTED: &str = "without it, the API server rejects the Pods";
const NOT_PULLED: &str = "without it, the image is not pulled: `ErrImagePull`";
const NOT_STARTED: &str = "without it, its containers stay in `CreateContainerConfigError`";
pub(super) const NOT_MOUNTED: &str = "without it, its Pods stay in `ContainerCreating`";
pub(super) const PENDING: &str = "without it, its Pods stay `Pending`";

/// Every reference of a Pod's specification to an object that must exist. Source: the Pod's type
/// (`core/v1`), and for Secrets and ConfigMaps `VisitPodSecretNames` and `VisitPodConfigmapNames` of
/// Kubernetes' `pkg/api/v1/pod/util.go`.
const POD_REFERENCES: &[PodReference] = &[
    in_namespace("imagePullSecrets[].name", "Secret", NOT_PULLED),
    in_namespace("serviceAccountName", "ServiceAccount", REJECTED),
    in_cluster("priorityClassName", "PriorityClass", REJECTED),
    in_cluster("runtimeClassName", "RuntimeClass", REJECTED),
    in_cluster("nodeName", "Node", PENDING),
    in_namespace("initContainers[].env[].valueFrom.secretKeyRef.name", "Secret", NOT_STARTED),
    in_namespace("initContainers[].env[].valueFrom.configMapKeyRef.name", "ConfigMap", NOT_STARTED),
    in_namespace("initContainers[].envFrom[].secretRef.name", "Secret", NOT_STARTED),
    in_namespace("initContainers[].envFrom[].configMapRef.name", "ConfigMap", NOT_STARTED),
    in_namespace("containers[].env[].valueFrom.secretKeyRef.name", "Secret", NOT_STARTED),
    in_namespace("containers[].env[].valueFrom.configMapKeyRef.name", "ConfigMap", NOT_STARTED),
    in_namespace("containers[].envFrom[].secretRef.name", "Secret", NOT_STARTED),
    in_namespace("containers[].envFrom[].configMapRef.name", "ConfigMap", NOT_STARTED),
    in_namespace("volumes[].secret.secretName", "Secret", NOT_MOUNTED),
    in_namespace("volumes[].configMap.name", "ConfigMap", NOT_MOUNTED),
    in_namespace("volumes[].projected.sources[].secret.name", "Secret", NOT_MOUNTED),
    in_namespace("volumes[].projected.sources[].configMap.name", "ConfigMap", NOT_MOUNTED),
    in_cluster(
        "volumes[].projected.sources[].clusterTrustBundle.name",
        "ClusterTrustBundle",
        NOT_MOUNTED,
    ),
    in_namespace("volumes[].persistentVolumeClaim.claimName", "PersistentVolumeClaim", PENDING),
    in_cluster("volumes[].csi.driver", "CSIDriver", NOT_MOUNTED),
    in_namespace("volumes[].csi.nodePublishSecretRef.name", "Secret", NOT_MOUNTED),
    in_namespace("volumes[].azureFile.secretName", "Secret", NOT_MOUNTED),
    in_namespace("volumes[].cephfs.secretRef.name", "Secret", NOT_MOUNTED),
    in_namespace("volumes[].cinder.secretRef.name", "Secret", NOT_MOUNTED),
    in_namespace("volumes[].flexVolume.secretRef.name", "Secret", NOT_MOUNTED),
    in_namespace("volumes[].iscsi.secretRef.name", "Secret", NOT_MOUNTED),
    in_namespace("volumes[].rbd.secretRef.name", "Secret", NOT_MOUNTED),
    in_namespace("volumes[].scaleIO.secretRef.name", "Secret", NOT_MOUNTED),
    in_namespace("volumes[].storageos.secretRef.name", "Secret", NOT_MOUNTED),
    in_cluster(
        "volumes[].ephemeral.volumeClaimTemplate.spec.storageClassName",
        "StorageClass",
        PENDING,
    ),
    in_cluster(
        "volumes[].ephemeral.volumeClaimTemplate.spec.volumeAttributesClassName",
        "VolumeAttributesClass",
        PENDING,
    ),
    in_cluster(
        "volumes[].ephemeral.volumeClaimTemplate.spec.volumeName",
        "PersistentVolume",
        PENDING,
    ),
    in_namespace("schedulingGroup.podGroupName", "PodGroup", PENDING),
    in_namespace("resourceClaims[].resourceClaimName", "ResourceClaim", PENDING),
    in_namespace("resourceClaims[].resourceClaimTemplateName", "ResourceClaimTemplate", PENDING),
];

/// Objects that Kubernetes makes itself: in every namespace, and in every cluster.
const ALWAYS_THERE: &[(&str, &str)] = &[
    ("ServiceAccount", "default"),
    ("ConfigMap", "kube-root-ca.crt"),
    ("PriorityClass", "system-cluster-critical"),
    ("PriorityClass", "system-node-critical"),
];

impl RenderedStack<'_> {
    pub(super) fn require_pod_references(&self, found: &mut Requirements<'_>) {
        let own_namespace = self.values().namespace.name.as_str();
        for (owner, pod) in self.pods() {
            let namespace = owner.namespace.as_deref().unwrap_or(own_namespace);
            let owner = owner.id();
            for reference in POD_REFERENCES {
                for name in reference.names_in(pod) {
                    let (kind, without) = (reference.kind, reference.without);
                    if self.renders(kind, name) || ALWAYS_THERE.contains(&(kind, name)) {
                        continue;
                    }
                    let resource = kind.to_lowercase();
                    let reason = format!("{owner} refers to it: {without}");
                    match reference.scope {
                        Scope::Namespace => found.add(
                            format!("{kind} {namespace}/{name}"),
                            reason,
                            Check::object(Some(namespace), &resource, name),
                        ),
                        Scope::Cluster => found.add(
                            format!("{kind} {name}"),
                            reason,
                            Check::object(None, &resource, name),
                        ),
                    }
                }
            }
            let selector = pod.get("nodeSelector").and_then(Node::as_mapping);
            for (key, entry) in selector.into_iter().flatten() {
                let label = format!("{key}={}", entry.node.as_str().unwrap_or_default());
                found.add(
                    format!("a node labelled {label}"),
                    format!("{owner} runs on no other: {PENDING}"),
                    Check::kubectl(&["get", "nodes", "-l", &label, "-o", "name"], Expected::Output),
                );
            }
        }
    }
}

impl PodReference {
    /// The names that a Pod's specification has at this path, without optional ones.
    fn names_in<'n>(&self, pod: &'n Node) -> Vec<&'n str> {
        let (parent, key) = self.path.rsplit_once('.').unwrap_or(("", self.path));
        let mut nodes = vec![pod];
        for step in parent.split('.').filter(|step| !step.is_empty()) {
            nodes = match step.strip_suffix("[]") {
                Some(list) => nodes.into_iter().flat_map(|node| items_at(node, &[list])).collect(),
                None => nodes.into_iter().filter_map(|node| node.get(step)).collect(),
            };
        }
        nodes
            .retain(|node| node.get("optional").is_none_or(|flag| flag.value != Value::Bool(true)));
        nodes.into_iter().filter_map(|node| node.get(key)?.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Ends of paths of names that stay inside the Pod, or that name no object of the API.
    const OTHER_NAMES: &[&str] = &[
        "Containers[].name",
        "azureDisk.diskName",
        "azureFile.shareName",
        "claims[].name",
        "clusterTrustBundle.signerName",
        "containers[].name",
        "dataSource.name",
        "dataSourceRef.name",
        "env[].name",
        "evictionResponders[].name",
        "fileKeyRef.volumeName",
        "flocker.datasetName",
        "gcePersistentDisk.pdName",
        "httpHeaders[].name",
        "iscsi.initiatorName",
        "metadata.generateName",
        "metadata.name",
        "options[].name",
        "os.name",
        "ownerReferences[].name",
        "podCertificate.signerName",
        "ports[].name",
        "resizePolicy[].resourceName",
        "resourceClaims[].name",
        "resourceFieldRef.containerName",
        "scaleIO.volumeName",
        "schedulerName",
        "schedulingGates[].name",
        "storageos.volumeName",
        "sysctls[].name",
        "volumeDevices[].name",
        "volumeMounts[].name",
        "volumes[].name",
        "vsphereVolume.storagePolicyName",
        "windowsOptions.gmsaCredentialSpecName",
        "windowsOptions.runAsUserName",
    ];

    /// Collects the paths of strings that are called a name in a type's schema.
    fn collect_names(
        schema: &serde_json::Value,
        root: &serde_json::Value,
        path: &str,
        names: &mut BTreeSet<String>,
    ) {
        if let Some(reference) = schema.get("$ref").and_then(|text| text.as_str()) {
            let target = root.pointer(reference.trim_start_matches('#')).unwrap();
            return collect_names(target, root, path, names);
        }
        for part in ["allOf", "anyOf"] {
            for schema in schema.get(part).and_then(|list| list.as_array()).into_iter().flatten() {
                collect_names(schema, root, path, names);
            }
        }
        if let Some(item) = schema.get("items") {
            collect_names(item, root, &format!("{path}[]"), names);
        }
        for (key, field) in
            schema.get("properties").and_then(|map| map.as_object()).into_iter().flatten()
        {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            if key == "name" || key.ends_with("Name") {
                names.insert(path.clone());
            }
            collect_names(field, root, &path, names);
        }
    }

    #[test]
    fn every_name_in_a_pod_is_a_reference_or_known_to_be_none() {
        let schema = schemars::schema_for!(k8s_openapi::api::core::v1::PodSpec);
        let schema = schema.to_value();
        let mut names = BTreeSet::new();
        collect_names(&schema, &schema, "", &mut names);
        // Templates have no ephemeral containers: they are added to running Pods.
        names.retain(|name| !name.starts_with("ephemeralContainers"));
        for reference in POD_REFERENCES {
            let is_name = names.remove(reference.path) || reference.path.ends_with(".driver");
            assert!(is_name, "{} is not a field of a Pod", reference.path);
        }
        names.retain(|name| !OTHER_NAMES.iter().any(|end| name.ends_with(end)));
        assert!(names.is_empty(), "neither in POD_REFERENCES nor in OTHER_NAMES: {names:#?}");
    }
}
