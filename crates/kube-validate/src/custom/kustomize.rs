//! kustomize's own file, `kustomize.config.k8s.io/v1beta1`: a file with the shape of an object. Source: kustomize 5, `api/types/kustomization.go`.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

use super::Raw;

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct KustomizeFile {
    api_version: String,
    kind: String,
    metadata: Option<ObjectMeta>,
    resources: Option<Vec<String>>,
    components: Option<Vec<String>>,
    bases: Option<Vec<String>>,
    crds: Option<Vec<String>>,
    namespace: Option<String>,
    name_prefix: Option<String>,
    name_suffix: Option<String>,
    common_labels: Option<BTreeMap<String, String>>,
    common_annotations: Option<BTreeMap<String, String>>,
    labels: Option<Vec<KustomizeLabels>>,
    patches: Option<Vec<KustomizePatch>>,
    patches_strategic_merge: Option<Vec<String>>,
    patches_json6902: Option<Vec<KustomizePatch>>,
    images: Option<Vec<KustomizeImage>>,
    replicas: Option<Vec<KustomizeReplicas>>,
    replacements: Option<Raw>,
    vars: Option<Raw>,
    sort_options: Option<Raw>,
    config_map_generator: Option<Raw>,
    secret_generator: Option<Raw>,
    generator_options: Option<Raw>,
    helm_globals: Option<Raw>,
    helm_charts: Option<Raw>,
    configurations: Option<Vec<String>>,
    generators: Option<Vec<String>>,
    transformers: Option<Vec<String>>,
    validators: Option<Vec<String>>,
    build_metadata: Option<Vec<String>>,
    openapi: Option<BTreeMap<String, String>>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct KustomizeLabels {
    pairs: Option<BTreeMap<String, String>>,
    include_selectors: Option<bool>,
    include_templates: Option<bool>,
    fields: Option<Raw>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct KustomizePatch {
    path: Option<String>,
    patch: Option<String>,
    target: Option<Raw>,
    options: Option<BTreeMap<String, bool>>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct KustomizeImage {
    name: String,
    new_name: Option<String>,
    tag_suffix: Option<String>,
    new_tag: Option<String>,
    digest: Option<String>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct KustomizeReplicas {
    name: String,
    count: i64,
}
