//! Flux's Kustomization, `kustomize.toolkit.fluxcd.io/v1`. Source: kustomize-controller 1.9,
//! `api/v1/kustomization_types.go`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Raw;

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct FluxKustomizationSpec {
    interval: String,
    retry_interval: Option<String>,
    timeout: Option<String>,
    source_ref: FluxReference,
    path: Option<String>,
    prune: bool,
    deletion_policy: Option<String>,
    ignore: Option<Vec<FluxIgnore>>,
    target_namespace: Option<String>,
    service_account_name: Option<String>,
    suspend: Option<bool>,
    force: Option<bool>,
    wait: Option<bool>,
    depends_on: Option<Vec<FluxDependency>>,
    health_checks: Option<Vec<FluxReference>>,
    health_check_exprs: Option<Raw>,
    common_metadata: Option<FluxMetadata>,
    name_prefix: Option<String>,
    name_suffix: Option<String>,
    components: Option<Vec<String>>,
    ignore_missing_components: Option<bool>,
    patches: Option<Vec<FluxPatch>>,
    images: Option<Raw>,
    post_build: Option<FluxPostBuild>,
    decryption: Option<Raw>,
    kube_config: Option<Raw>,
    build_metadata: Option<Vec<String>>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct FluxReference {
    api_version: Option<String>,
    kind: String,
    name: String,
    namespace: Option<String>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct FluxIgnore {
    paths: Vec<String>,
    target: Option<FluxSelector>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct FluxPatch {
    patch: String,
    target: Option<FluxSelector>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct FluxSelector {
    group: Option<String>,
    version: Option<String>,
    kind: Option<String>,
    name: Option<String>,
    namespace: Option<String>,
    label_selector: Option<String>,
    annotation_selector: Option<String>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct FluxDependency {
    name: String,
    namespace: Option<String>,
    ready_expr: Option<String>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct FluxMetadata {
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct FluxPostBuild {
    substitute: Option<BTreeMap<String, String>>,
    substitute_from: Option<Vec<FluxSubstitution>>,
    substitute_strategy: Option<String>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct FluxSubstitution {
    kind: String,
    name: String,
    optional: Option<bool>,
}
