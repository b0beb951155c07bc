//! Argo CD's ApplicationSet, `argoproj.io/v1alpha1`. Source: argo-cd 3.6,
//! `pkg/apis/application/v1alpha1/applicationset_types.go`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Raw;
use super::argo_application::ArgoApplicationSpec;

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoSetSpec {
    generators: Vec<Raw>,
    template: ArgoSetTemplate,
    template_patch: Option<String>,
    go_template: Option<bool>,
    go_template_options: Option<Vec<String>>,
    apply_nested_selectors: Option<bool>,
    sync_policy: Option<ArgoSetSync>,
    strategy: Option<Raw>,
    preserved_fields: Option<Raw>,
    ignore_application_differences: Option<Raw>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoSetTemplate {
    metadata: ArgoSetMetadata,
    spec: ArgoApplicationSpec,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoSetMetadata {
    name: Option<String>,
    namespace: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    finalizers: Option<Vec<String>>,
}

#[derive(Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ArgoSetSync {
    preserve_resources_on_deletion: Option<bool>,
    applications_sync: Option<String>,
}
