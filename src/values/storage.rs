//! The volume and its claim.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scalars::*;

/// The volume that outlives the server's Pods: a claim, and for NFS a PersistentVolume of the same
/// name; or a claim that exists already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Storage {
    /// The name of a claim that exists already in the namespace. With it, neither a claim nor a
    /// PersistentVolume is rendered. Default: none.
    #[serde(default)]
    pub existing_claim: Option<DnsSubdomain>,
    /// The claim's name, and the PersistentVolume's. Default: the server's.
    #[serde(default)]
    pub name: Option<DnsSubdomain>,
    /// Its size, as a Kubernetes quantity. Needed without `existingClaim`.
    #[serde(default)]
    pub size: Option<StorageQuantity>,
    /// The path of the volume in the server's container.
    pub mount_path: AbsolutePath,
    /// The volume's name in the Pods. Default: `data`.
    #[serde(default = "default_pod_volume_name")]
    pub pod_volume_name: DnsLabel,
    /// The labels of the claim and of the PersistentVolume.
    #[serde(default)]
    pub labels: IndexMap<String, String>,
    /// The annotations of the claim and of the PersistentVolume.
    #[serde(default)]
    pub annotations: IndexMap<String, String>,
    /// The storage class. Default: the cluster's default class; for NFS, no class.
    #[serde(default)]
    pub storage_class_name: Option<DnsSubdomain>,
    /// Its access modes.
    #[serde(default = "default_access_modes")]
    pub access_modes: Vec<AccessMode>,
    /// The treatment of the data when the claim is deleted; used for NFS.
    #[serde(default = "default_reclaim_policy")]
    pub reclaim_policy: ReclaimPolicy,
    /// A directory on an NFS server, as a static PersistentVolume of the CSI driver for NFS. Default:
    /// the storage class provisions the volume.
    #[serde(default)]
    pub nfs: Option<Nfs>,
}

fn default_pod_volume_name() -> DnsLabel {
    DnsLabel::constant("data")
}

fn default_access_modes() -> Vec<AccessMode> {
    vec![AccessMode::ReadWriteMany]
}

fn default_reclaim_policy() -> ReclaimPolicy {
    ReclaimPolicy::Retain
}

/// An access mode of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AccessMode {
    /// One node can read and write.
    ReadWriteOnce,
    /// Many nodes can read.
    ReadOnlyMany,
    /// Many nodes can read and write.
    ReadWriteMany,
    /// One Pod can read and write.
    ReadWriteOncePod,
}

/// The treatment of a volume's data when its claim is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReclaimPolicy {
    /// It stays.
    Retain,
    /// It is deleted.
    Delete,
}

/// A directory on an NFS server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Nfs {
    /// The server's address or name.
    pub server: String,
    /// The directory, which must exist.
    pub path: AbsolutePath,
    /// A directory below `path` for this tenant: the kubelet makes it when the first Pod starts, unless
    /// the server maps root to another user. Default: the tenant gets `path` itself.
    #[serde(default)]
    pub sub_path: Option<SubPath>,
    /// The options of the mount.
    #[serde(default)]
    pub mount_options: Vec<String>,
}
