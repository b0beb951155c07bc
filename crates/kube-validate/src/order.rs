//! The order in which `generate` prints objects, so that what others need comes first.

use super::object::Object;

/// Which objects come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rank {
    /// Namespaces, and definitions of custom resources.
    Namespace,
    /// Volumes, claims and their classes.
    Storage,
    /// What workloads read or are bound by.
    Configuration,
    /// Accounts, roles and bindings.
    Rbac,
    /// What runs, and what leads to it.
    Workload,
    /// What runs at times: after the Deployments that it acts on.
    CronJob,
    /// Policies, and all other kinds.
    Policy,
}

/// Kinds of a group, with their rank.
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
    (Rank::Workload, "networking.k8s.io", &["Ingress", "IngressClass", "NetworkPolicy"]),
    (Rank::Workload, "policy", &["PodDisruptionBudget"]),
    (Rank::CronJob, "batch", &["CronJob"]),
];

/// What objects are sorted by: rank, kind, namespace, name.
pub fn order(object: &Object) -> (Rank, &str, Option<&str>, &str) {
    let is = |(_, group, kinds): &&(Rank, &str, &[&str])| {
        *group == object.group() && kinds.contains(&object.kind.as_str())
    };
    let rank = RANKS.iter().find(is).map_or(Rank::Policy, |(rank, ..)| *rank);
    (rank, &object.kind, object.namespace.as_deref(), &object.name)
}
