//! Argo CD's AppProject, `argoproj.io/v1alpha1`. Source: argo-cd 3.6,
//! `pkg/apis/application/v1alpha1/types.go`.

use serde::{Deserialize, Serialize};

use super::Raw;

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoProjectSpec {
    description: Option<String>,
    source_repos: Option<Vec<String>>,
    source_namespaces: Option<Vec<String>>,
    destinations: Option<Vec<ArgoAllowedDestination>>,
    destination_service_accounts: Option<Raw>,
    permit_only_project_scoped_clusters: Option<bool>,
    cluster_resource_whitelist: Option<Vec<ArgoGroupKind>>,
    cluster_resource_blacklist: Option<Vec<ArgoGroupKind>>,
    namespace_resource_whitelist: Option<Vec<ArgoGroupKind>>,
    namespace_resource_blacklist: Option<Vec<ArgoGroupKind>>,
    roles: Option<Raw>,
    sync_windows: Option<Raw>,
    orphaned_resources: Option<Raw>,
    signature_keys: Option<Raw>,
    source_integrity: Option<Raw>,
}

/// A destination that a project allows. It has patterns, so a server and a name can both be set.
#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoAllowedDestination {
    server: Option<String>,
    name: Option<String>,
    namespace: Option<String>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoGroupKind {
    group: String,
    kind: String,
    name: Option<String>,
}
