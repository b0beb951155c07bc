//! Argo CD's Application, `argoproj.io/v1alpha1`. Source: argo-cd 3.6,
//! `pkg/apis/application/v1alpha1/types.go`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Raw;

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoApplicationSpec {
    destination: ArgoDestination,
    project: String,
    source: Option<ArgoSource>,
    sources: Option<Vec<ArgoSource>>,
    source_hydrator: Option<Raw>,
    sync_policy: Option<ArgoSyncPolicy>,
    ignore_differences: Option<Vec<ArgoIgnoredDifference>>,
    info: Option<Vec<ArgoPair>>,
    revision_history_limit: Option<i64>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoDestination {
    server: Option<String>,
    name: Option<String>,
    namespace: Option<String>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoSource {
    #[serde(rename = "repoURL")]
    repo_url: String,
    path: Option<String>,
    target_revision: Option<String>,
    helm: Option<Raw>,
    kustomize: Option<Raw>,
    directory: Option<Raw>,
    plugin: Option<ArgoPluginCall>,
    chart: Option<String>,
    r#ref: Option<String>,
    name: Option<String>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoPluginCall {
    name: Option<String>,
    env: Option<Vec<ArgoPair>>,
    parameters: Option<Vec<ArgoParameter>>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoParameter {
    name: Option<String>,
    string: Option<String>,
    array: Option<Vec<String>>,
    map: Option<BTreeMap<String, String>>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoPair {
    name: String,
    value: String,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoSyncPolicy {
    automated: Option<ArgoAutomatedSync>,
    sync_options: Option<Vec<String>>,
    retry: Option<ArgoRetry>,
    managed_namespace_metadata: Option<ArgoNamespaceMetadata>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoAutomatedSync {
    prune: Option<bool>,
    self_heal: Option<bool>,
    allow_empty: Option<bool>,
    enabled: Option<bool>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoRetry {
    limit: Option<i64>,
    refresh: Option<bool>,
    backoff: Option<ArgoBackoff>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoBackoff {
    duration: Option<String>,
    factor: Option<i64>,
    max_duration: Option<String>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoNamespaceMetadata {
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoIgnoredDifference {
    group: Option<String>,
    kind: String,
    name: Option<String>,
    namespace: Option<String>,
    json_pointers: Option<Vec<String>>,
    jq_path_expressions: Option<Vec<String>>,
    managed_fields_managers: Option<Vec<String>>,
}
