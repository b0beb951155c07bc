//! The order in which objects are applied: each after those that it needs.

use super::object::Object;

/// The groups of kinds, in the order in which they are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rank {
    /// Namespaces, and definitions of custom resources.
    Namespace,
    /// Volumes, claims and their classes.
    Storage,
    /// Configuration and limits of workloads.
    Configuration,
    /// Accounts, roles and bindings.
    Rbac,
    /// Workloads, and the routes to them.
    Workload,
    /// CronJobs, after the Deployments that they scale.
    CronJob,
    /// Policies, and all other kinds.
    Policy,
}

/// The rank of some kinds of an API group; all others have the last rank.
const RANKS: &[(Rank, &str, &[&str])] = &[
    (Rank::Namespace, "", &["Namespace"]),
    (Rank::Namespace, "apiextensions.k8s.io", &["CustomResourceDefinition"]),
    (Rank::Storage, "", &["PersistentVolume", "PersistentVolumeClaim"]),
    (Rank::Storage, "storage.k8s.io", &["StorageClass", "CSIDriver", "VolumeAttributesClass"]),
    (Rank::Configuration, "", &["ConfigMap", "Secret", "LimitRange", "ResourceQuota"]),
    (Rank::Configuration, "scheduling.k8s.io", &["PriorityClass"]),
    (Rank::Rbac, "", &["ServiceAccount"]),
    (
        Rank::Rbac,
        "rbac.authorization.k8s.io",
        &["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"],
    ),
    (Rank::Workload, "", &["Service", "Endpoints", "Pod", "PodTemplate", "ReplicationController"]),
    (Rank::Workload, "apps", &["Deployment", "DaemonSet", "StatefulSet", "ReplicaSet"]),
    (Rank::Workload, "autoscaling", &["HorizontalPodAutoscaler"]),
    (Rank::Workload, "batch", &["Job"]),
    (Rank::Workload, "discovery.k8s.io", &["EndpointSlice"]),
    (Rank::Workload, "gateway.networking.k8s.io", &["HTTPRoute"]),
    (Rank::Workload, "networking.k8s.io", &["Ingress", "IngressClass", "NetworkPolicy"]),
    (Rank::Workload, "policy", &["PodDisruptionBudget"]),
    (Rank::CronJob, "batch", &["CronJob"]),
];

/// The sort key that puts objects in the order in which they are applied.
pub fn apply_order(object: &Object) -> (Rank, &str, Option<&str>, &str) {
    let row = RANKS.iter().find(|(_, group, kinds)| {
        *group == object.group() && kinds.contains(&object.kind.as_str())
    });
    let rank = row.map_or(Rank::Policy, |(rank, ..)| *rank);
    (rank, &object.kind, object.namespace.as_deref(), &object.name)
}
